# SPDX-License-Identifier: Apache-2.0
"""Principals whose secret is kept here: people with a password, robots with a random secret and an end."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection, delete, select, update

from tidegate.clock import parse_rfc3339, rfc3339
from tidegate.errors import InvalidInputError, NotFoundError, UsageError
from tidegate.events import Event, EventKind
from tidegate.identity import granting
from tidegate.identity.principal import Principal, PrincipalKind, group_name, robot_name, user_name
from tidegate.identity.revision import bump
from tidegate.storage.identity_schema import principal
from tidegate.storage.insert import insert_once
from tidegate.storage.lock_order import Rank, taking
from tidegate.storage.outbox import publish
from tidegate.wire import from_json, to_json

MAX_GROUPS: Final = 100
MAX_PAGE: Final = 1000
_SECRET_BYTES: Final = 32
_PREFIX: Final = "tgr_"  # so that scanners of secrets know it
_MAX_GROUPS_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A principal as it is kept.

    Attributes:
        epoch: grows with the secret; tokens made for an older one are void.
        expires_at: from when on it is let in no more; None for no end.
    """

    name: str
    kind: PrincipalKind
    groups: tuple[str, ...]
    disabled: bool
    epoch: int
    expires_at: datetime | None
    created_at: datetime
    created_by: str

    def is_open(self, at: datetime) -> bool:
        """True while it is let in."""
        return not self.disabled and (self.expires_at is None or at < self.expires_at)

    def principal(self) -> Principal:
        """Who that is."""
        return Principal(name=self.name, kind=self.kind, groups=frozenset(self.groups))


def create_user(
    connection: Connection, name: str, password_hash: str, *, groups: Iterable[str] = (), by: str, at: datetime
) -> Account:
    """Adds somebody with a password.

    Raises:
        InvalidInputError: the name or a group is none.
        UsageError: the name is taken.
    """
    return _create(
        connection, user_name(name), PrincipalKind.USER, password_hash, groups=groups, expires_at=None, by=by, at=at
    )


def create_robot(
    connection: Connection,
    name: str,
    *,
    lasts: timedelta,
    max_lifetime: timedelta,
    groups: Iterable[str] = (),
    by: str,
    at: datetime,
) -> tuple[Account, str]:
    """Adds a robot.

    Returns:
        The robot, and its secret: told this once, only its digest is kept.

    Raises:
        InvalidInputError: the name or a group is none, or it would last longer than `max_lifetime`, or not at all.
        UsageError: the name is taken.
    """
    end = _end(lasts, max_lifetime, at)
    secret = new_secret()
    made = _create(
        connection,
        robot_name(name),
        PrincipalKind.ROBOT,
        digest_of(secret),
        groups=groups,
        expires_at=end,
        by=by,
        at=at,
    )
    return made, secret


def renew_robot(
    connection: Connection, name: str, *, lasts: timedelta, max_lifetime: timedelta, by: str, at: datetime
) -> tuple[Account, str]:
    """Gives a robot another secret and end; the old secret and its tokens are void at once. Returns as `create_robot`.

    Raises:
        NotFoundError: no such robot.
        InvalidInputError: it would last longer than `max_lifetime`, or not at all.
    """
    name = robot_name(name)
    secret = new_secret()
    values = {"secret": digest_of(secret), "expires_at": rfc3339(_end(lasts, max_lifetime, at))}
    return _change(connection, name, values, what="renewed", by=by, at=at), secret


def set_password(connection: Connection, name: str, password_hash: str, *, by: str, at: datetime) -> Account:
    """Gives a user another password; tokens of the old one are void at once.

    Raises:
        NotFoundError: no such user.
    """
    return _change(connection, user_name(name), {"secret": password_hash}, what="password", by=by, at=at)


def set_disabled(connection: Connection, name: str, *, disabled: bool, by: str, at: datetime) -> Account:
    """Lets a principal in no more, or again; its tokens are void at once.

    Raises:
        NotFoundError: no such principal.
    """
    what = "disabled" if disabled else "enabled"
    return _change(connection, name, {"disabled": int(disabled)}, what=what, by=by, at=at)


def set_groups(connection: Connection, name: str, groups: Iterable[str], *, by: str, at: datetime) -> Account:
    """Puts a principal into these groups and no others.

    Raises:
        NotFoundError: no such principal.
        InvalidInputError: a group is none.
    """
    return _change(connection, name, {"groups": _groups(groups)}, what="groups", by=by, at=at)


def remove(connection: Connection, name: str, *, by: str, at: datetime) -> None:
    """Removes a principal and takes back its grants.

    Raises:
        NotFoundError: no such principal.
    """
    taking(connection, Rank.PRINCIPAL, [name])
    if not connection.execute(delete(principal).where(principal.c.name == name)).rowcount:
        raise NotFoundError("no such principal", where=name)
    granting.revoke_all(connection, name, by=by, why="the principal was removed", at=at)
    _tell(connection, EventKind.PRINCIPAL_REMOVED, name, {"by": by}, at)


def find(connection: Connection, name: str) -> tuple[Account, str] | None:
    """A principal and what is kept of its secret; None when there is none."""
    row = connection.execute(select(principal).where(principal.c.name == name)).first()
    return None if row is None else (_account(row), row.secret)


def list_accounts(connection: Connection, *, limit: int = MAX_PAGE, last: str = "") -> Sequence[Account]:
    """At most `limit` principals past `last`, by name."""
    query = select(principal).where(principal.c.name > last).order_by(principal.c.name).limit(limit)
    return [_account(row) for row in connection.execute(query)]


def new_secret() -> str:
    """A random secret of 256 bits."""
    return _PREFIX + secrets.token_urlsafe(_SECRET_BYTES)


def digest_of(secret: str) -> str:
    """What is kept of a random secret: nothing can be guessed from it, so no slow hash is needed."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def secret_matches(kept: str, secret: str) -> bool:
    """True for the secret; takes as long for any other, and for nobody's ("")."""
    return hmac.compare_digest(kept or digest_of(""), digest_of(secret)) and bool(kept)


def _create(
    connection: Connection,
    name: str,
    kind: PrincipalKind,
    secret: str,
    *,
    groups: Iterable[str],
    expires_at: datetime | None,
    by: str,
    at: datetime,
) -> Account:
    values: dict[str, Any] = {
        "kind": kind.value,
        "secret": secret,
        "groups": _groups(groups),
        "disabled": 0,
        "epoch": 0,
        "expires_at": rfc3339(expires_at) if expires_at else "",
        "created_at": rfc3339(at),
        "created_by": by,
    }
    taking(connection, Rank.PRINCIPAL, [name])
    if not insert_once(connection, principal, name=name, **values):
        raise UsageError("there is such a principal already", where=name, remedy="choose another name")
    # Never an epoch that one of the same name had before.
    connection.execute(update(principal).where(principal.c.name == name).values(epoch=bump(connection)))
    _tell(connection, EventKind.PRINCIPAL_CREATED, name, {"kind": kind.value, "by": by}, at)
    return _found(connection, name)


def _change(connection: Connection, name: str, values: dict[str, Any], *, what: str, by: str, at: datetime) -> Account:
    taking(connection, Rank.PRINCIPAL, [name])
    here = principal.c.name == name
    if connection.scalar(select(principal.c.name).where(here).with_for_update()) is None:
        raise NotFoundError("no such principal", where=name)
    connection.execute(update(principal).where(here).values(epoch=bump(connection), **values))
    _tell(connection, EventKind.PRINCIPAL_CHANGED, name, {"what": what, "by": by}, at)
    return _found(connection, name)


def _tell(connection: Connection, kind: EventKind, name: str, data: dict[str, str], at: datetime) -> None:
    bump(connection)
    publish(connection, Event(id=uuid4().hex, kind=kind, subject=name, time=at, data={"name": name, **data}))


def _found(connection: Connection, name: str) -> Account:
    return _account(connection.execute(select(principal).where(principal.c.name == name)).one())


def _account(row: Any) -> Account:
    return Account(
        name=row.name,
        kind=PrincipalKind(row.kind),
        groups=tuple(from_json(row.groups.encode(), list[str], what=row.name, max_bytes=_MAX_GROUPS_BYTES)),
        disabled=bool(row.disabled),
        epoch=row.epoch,
        expires_at=parse_rfc3339(row.expires_at) if row.expires_at else None,
        created_at=parse_rfc3339(row.created_at),
        created_by=row.created_by,
    )


def _groups(names: Iterable[str]) -> str:
    groups = sorted({group_name(name) for name in names})
    if len(groups) > MAX_GROUPS or any(":" in name for name in groups):
        raise InvalidInputError(
            "not groups of a principal kept here", remedy=f"name {MAX_GROUPS} at most, without an issuer's prefix"
        )
    return to_json(groups).decode()


def _end(lasts: timedelta, most: timedelta, at: datetime) -> datetime:
    if not timedelta(0) < lasts <= most:
        raise InvalidInputError(
            f"a robot cannot last {lasts}", remedy=f"give it an end within {most.days} days (identity.robot_max_days)"
        )
    return at + lasts
