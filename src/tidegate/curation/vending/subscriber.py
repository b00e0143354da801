# SPDX-License-Identifier: Apache-2.0
"""Who owns a subscription, as they are now: whether they are let in still, and may have what they subscribed to.

What is kept here of users and robots is read anew. Others are vouched for only while they ask, so their groups and
claims are those of when they subscribed; their grants are read anew as well.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from tidegate.clock import Clock, parse_rfc3339, rfc3339
from tidegate.curation.vending.hearing import Hearer
from tidegate.curation.vending.subscriptions import KEPT_HERE, Wanted, needed, wanted_in
from tidegate.errors import RefusedError
from tidegate.identity import Asked, Principal, PrincipalKind
from tidegate.identity.directory import Directory
from tidegate.identity.permissions import Permissions
from tidegate.wire import from_json, to_json

_MAX_BYTES: Final = 1 << 20


class PausedError(RefusedError):
    """Nothing is told to a subscription now; why, in one line."""


def owner_columns(owner: Hearer) -> dict[str, str]:
    """What is kept of somebody who subscribes."""
    principal = owner.principal
    return {
        "owner": principal.name,
        "owner_kind": principal.kind.value,
        "owner_groups": to_json(sorted(principal.groups)).decode(),
        "owner_claims": to_json(dict(principal.claims)).decode(),
        "asked_from": owner.address,
    }


class Subscribers:
    """Reads owners of subscriptions. Safe for threads.

    Args:
        directory: principals kept here.
        permissions: rulings by their grants.
        lets_in_anybody: whether nothing is set up, so that nobody has to prove anything.
        clock: when things end.
    """

    def __init__(
        self, directory: Directory, permissions: Permissions, lets_in_anybody: Callable[[], bool], clock: Clock
    ) -> None:
        self._directory = directory
        self._permissions = permissions
        self._lets_in_anybody = lets_in_anybody
        self._clock = clock

    def hearer(self, row: Mapping[str, Any]) -> Hearer:
        """Who is told, by the row of a subscription.

        Raises:
            PausedError: nobody now.
            OutsideError: the database failed.
        """
        owner = Hearer(principal=self._principal(row), address=row["asked_from"])
        self._require(owner, wanted_in(row))
        return owner

    def paused(self, row: Mapping[str, Any]) -> str:
        """Why a subscription is told nothing now; "" when it is.

        Raises:
            OutsideError: the database failed.
        """
        try:
            self.hearer(row)
        except PausedError as error:
            return error.what
        return ""

    def _principal(self, row: Mapping[str, Any]) -> Principal:
        name, kind = row["owner"], PrincipalKind(row["owner_kind"] or PrincipalKind.FEDERATED)
        if kind in KEPT_HERE:
            return self._kept(name, row["created_at"])
        if kind is PrincipalKind.ANONYMOUS and not self._lets_in_anybody():
            raise PausedError("nobody is let in any more who proves nothing")
        groups = from_json(row["owner_groups"].encode(), list[str], what=row["id"], max_bytes=_MAX_BYTES)
        claims = from_json(row["owner_claims"].encode(), dict[str, str], what=row["id"], max_bytes=_MAX_BYTES)
        return Principal(name=name, kind=kind, groups=frozenset(groups), claims=claims)

    def _kept(self, name: str, since: str) -> Principal:
        found = self._directory.account(name)
        if found is None or found[0].created_at > parse_rfc3339(since):  # another one of its name
            raise PausedError(f"there is no principal {name} any more")
        account = found[0]
        if account.disabled:
            raise PausedError(f"{name} is disabled")
        if not account.is_open(self._clock()):
            raise PausedError(f"{name} expired at {rfc3339(account.expires_at) if account.expires_at else ''}")
        return account.principal()

    def _require(self, owner: Hearer, wanted: Wanted) -> None:
        verb, repository = needed(wanted)
        asked = Asked(verb=verb, repository=repository, any_content=True, address=owner.address)
        if not self._permissions.granted(owner.principal, asked):
            raise PausedError(f"{owner.principal.name} may not {verb} {repository or 'everything'} now")
