# SPDX-License-Identifier: Apache-2.0
"""OpenID issuers whose word is taken: for people, by their claims, or for jobs, on conditions."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tidegate.errors import InvalidInputError
from tidegate.identity.condition import Condition
from tidegate.identity.principal import Principal, PrincipalKind, foreign_name, group_name
from tidegate.identity.token import BadTokenError

EMAIL: Final = "email"
OPENID: Final = "openid"
_VERIFIED: Final = "email_verified"
_MAX_CLAIMS: Final = 200
_MAX_GROUPS: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """How an issuer's people are known here.

    Attributes:
        name_claim: what they are called by; must be unique at the issuer.
        groups_claim: list of their groups; "" for none.
        scopes: what a login asks the issuer for.
    """

    name_claim: str = "sub"
    groups_claim: str = ""
    scopes: tuple[str, ...] = (OPENID,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Which jobs become which principal.

    Attributes:
        when: over `token.subject` and `token.claims`; the first that holds decides.
        groups: which it is in, by names given here.
    """

    name: str
    when: Condition
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """One issuer.

    Attributes:
        name: begins the names of its principals, `corp:anna`.
        url: as its tokens and its discovery document say it, to the letter.
        audience: what its tokens must be for.
        people: None when it speaks for no people.
    """

    name: str
    url: str
    audience: str
    people: People | None = None
    workloads: tuple[Workload, ...] = field(default=())

    def person(self, claims: Mapping[str, Any]) -> Principal | None:
        """Who its claims speak of; None when it speaks for no people.

        Raises:
            BadTokenError: the claim that names them is missing, unverified, or no name.
        """
        if self.people is None:
            return None
        name = claims.get(self.people.name_claim)
        if not isinstance(name, str) or not name:
            raise BadTokenError(f"without the claim {self.people.name_claim}")
        if self.people.name_claim == EMAIL and claims.get(_VERIFIED) is not True:
            raise BadTokenError("of an address the issuer did not verify")
        return Principal(
            name=self._named(name),
            kind=PrincipalKind.FEDERATED,
            groups=self._groups(claims),
            claims=plain_claims(claims),
        )

    def workload(self, claims: Mapping[str, Any]) -> Principal | None:
        """Which job its claims speak of; None when no condition holds."""
        plain = plain_claims(claims)
        values = {"token": {"subject": str(claims.get("sub", "")), "claims": plain}}
        for workload in self.workloads:
            if workload.when.holds(values):
                return Principal(
                    name=self._named(workload.name),
                    kind=PrincipalKind.WORKLOAD,
                    groups=workload.groups,
                    claims=plain,
                )
        return None

    def _groups(self, claims: Mapping[str, Any]) -> frozenset[str]:
        assert self.people is not None  # noqa: S101 - asked by person() alone
        found = claims.get(self.people.groups_claim, ()) if self.people.groups_claim else ()
        if not isinstance(found, list | tuple):
            return frozenset()
        groups = set()
        for text in found[:_MAX_GROUPS]:
            try:
                groups.add(group_name(f"{self.name}:{text}"))
            except InvalidInputError:  # a group nobody can be granted anything by
                continue
        return frozenset(groups)

    def _named(self, text: str) -> str:
        try:
            return foreign_name(self.name, text)
        except InvalidInputError as error:
            raise BadTokenError("of a name that cannot be recorded") from error


def plain_claims(claims: Mapping[str, Any]) -> dict[str, str]:
    """Claims as text for conditions: strings as they are, all else as JSON."""
    return {
        name: value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        for name, value in list(claims.items())[:_MAX_CLAIMS]
    }
