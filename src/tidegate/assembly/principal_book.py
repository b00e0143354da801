# SPDX-License-Identifier: Apache-2.0
"""Principals for a command: of the record here, or of a server elsewhere."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any, Protocol

from tidegate.assembly.identity import LocalIdentity, open_identity
from tidegate.assembly.remote import here_or_there
from tidegate.identity import account
from tidegate.identity.account import Account
from tidegate.identity.password import Passwords
from tidegate.remote import RemoteServer
from tidegate.remote.server import quoted
from tidegate.settings import Settings
from tidegate.values import Struct


class PrincipalBook(Protocol):
    """What a command asks of principals; raises as `tidegate.identity.account` does.

    A robot's secret is told this once, beside the robot.
    """

    def listed(self) -> Sequence[Account]:
        """At most a thousand, by name."""
        ...

    def add_user(self, name: str, password: str, groups: Sequence[str]) -> None:
        """Adds somebody with a password."""
        ...

    def add_robot(self, name: str, groups: Sequence[str], *, days: float) -> tuple[Account, str]:
        """Adds a robot that lasts so long."""
        ...

    def renew_robot(self, name: str, *, days: float) -> tuple[Account, str]:
        """Gives a robot another secret and end."""
        ...

    def set_password(self, name: str, password: str) -> None:
        """Gives a user another password."""
        ...

    def set_groups(self, name: str, groups: Sequence[str]) -> Account:
        """Puts one into these groups and no others."""
        ...

    def set_disabled(self, name: str, *, disabled: bool) -> None:
        """Lets one in no more, or again."""
        ...

    def remove(self, name: str) -> None:
        """Removes one, and takes back its grants."""
        ...


def open_principal_book(settings: Settings) -> AbstractContextManager[PrincipalBook]:
    """The principals of the server that `client.server` names; without one, of the record here.

    Raises:
        TidegateError: the record cannot be opened, or the server's address is none.
    """
    return here_or_there(settings, opens=open_identity, here=_Recorded, there=_Remote)


class _Recorded:
    def __init__(self, local: LocalIdentity) -> None:
        self._database = local.database
        self._by = local.who.name
        self._clock = local.clock
        self._most = timedelta(days=local.said.robot_max_days)

    def listed(self) -> Sequence[Account]:
        with self._database.read() as connection:
            return account.list_accounts(connection)

    def add_user(self, name: str, password: str, groups: Sequence[str]) -> None:
        hashed = Passwords().hash(password)
        with self._database.begin() as connection:
            account.create_user(connection, name, hashed, groups=groups, by=self._by, at=self._clock())

    def add_robot(self, name: str, groups: Sequence[str], *, days: float) -> tuple[Account, str]:
        lasts, at = timedelta(days=days), self._clock()
        with self._database.begin() as connection:
            return account.create_robot(
                connection, name, lasts=lasts, max_lifetime=self._most, groups=groups, by=self._by, at=at
            )

    def renew_robot(self, name: str, *, days: float) -> tuple[Account, str]:
        lasts, at = timedelta(days=days), self._clock()
        with self._database.begin() as connection:
            return account.renew_robot(connection, name, lasts=lasts, max_lifetime=self._most, by=self._by, at=at)

    def set_password(self, name: str, password: str) -> None:
        hashed = Passwords().hash(password)
        with self._database.begin() as connection:
            account.set_password(connection, name, hashed, by=self._by, at=self._clock())

    def set_groups(self, name: str, groups: Sequence[str]) -> Account:
        with self._database.begin() as connection:
            return account.set_groups(connection, name, groups, by=self._by, at=self._clock())

    def set_disabled(self, name: str, *, disabled: bool) -> None:
        with self._database.begin() as connection:
            account.set_disabled(connection, name, disabled=disabled, by=self._by, at=self._clock())

    def remove(self, name: str) -> None:
        with self._database.begin() as connection:
            account.remove(connection, name, by=self._by, at=self._clock())


class _Told(Struct, frozen=True, kw_only=True):
    principal: Account
    secret: str = ""


class _Remote:
    def __init__(self, server: RemoteServer) -> None:
        self._server = server

    def listed(self) -> Sequence[Account]:
        return self._server.ask("GET", "/principals", tuple[Account, ...], query={"limit": account.MAX_PAGE})

    def add_user(self, name: str, password: str, groups: Sequence[str]) -> None:
        body = {"kind": "user", "name": name, "password": password, "groups": tuple(groups)}
        self._server.ask("POST", "/principals", _Told, body=body)

    def add_robot(self, name: str, groups: Sequence[str], *, days: float) -> tuple[Account, str]:
        body = {"kind": "robot", "name": name, "days": days, "groups": tuple(groups)}
        told = self._server.ask("POST", "/principals", _Told, body=body)
        return told.principal, told.secret

    def renew_robot(self, name: str, *, days: float) -> tuple[Account, str]:
        told = self._server.ask("POST", f"{_of(name)}/renew", _Told, body={"days": days})
        return told.principal, told.secret

    def set_password(self, name: str, password: str) -> None:
        self._server.ask("PUT", f"{_of(name)}/password", _Told, body={"password": password})

    def set_groups(self, name: str, groups: Sequence[str]) -> Account:
        return self._server.ask("PUT", f"{_of(name)}/groups", _Told, body={"groups": tuple(groups)}).principal

    def set_disabled(self, name: str, *, disabled: bool) -> None:
        self._server.ask("POST", f"{_of(name)}/{'disable' if disabled else 'enable'}", _Told)

    def remove(self, name: str) -> None:
        self._server.ask("DELETE", _of(name), dict[str, Any])


def _of(name: str) -> str:
    return f"/principals/{quoted(name)}"
