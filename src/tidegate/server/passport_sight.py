# SPDX-License-Identifier: Apache-2.0
"""What a principal may see of passports: all, who may read the whole server; else what their repositories hold."""

from dataclasses import dataclass

from starlette.requests import Request

from tidegate.identity import Access, Asked, Principal, Verb
from tidegate.server.audited import trail_of
from tidegate.server.authentication import client_of, principal_of


@dataclass(frozen=True, slots=True, kw_only=True)
class PassportSight:
    """The sight of one principal, for one request."""

    access: Access
    principal: Principal
    address: str
    sees_all: bool

    def sees(self, repository: str) -> bool:
        """Whether they may pull from a repository, or list it."""
        asked = Asked(verb=Verb.LIST, repository=repository, any_content=True, address=self.address)
        return self.sees_all or self.access.permissions.granted(self.principal, asked)


def passport_sight_of(request: Request, access: Access) -> PassportSight:
    """What whoever sent a request may see, which is on record as listing."""
    principal, address = principal_of(request), client_of(request).address
    asked = Asked(verb=Verb.LIST, address=address)
    trail_of(request).asked = asked
    return PassportSight(
        access=access,
        principal=principal,
        address=address,
        sees_all=access.permissions.granted(principal, asked),
    )
