# SPDX-License-Identifier: Apache-2.0
"""Retention for a command: over the record here, or by a server elsewhere."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from tidegate.assembly.keeping import Keeping, local_user, open_keeping, read_rules
from tidegate.assembly.ordered import ordered
from tidegate.assembly.remote import here_or_there
from tidegate.assembly.rule_text import rule_text
from tidegate.assembly.upkeep_orders import of_many
from tidegate.curation.keeping.retention import Plan, Retained
from tidegate.remote import RemoteServer
from tidegate.settings import Settings
from tidegate.values import Struct


class Retaining(Protocol):
    """What a command asks of retention."""

    def plan(self, files: Sequence[Path], *, tell: Callable[[str], None]) -> tuple[Plan, bool]:
        """What rules would take out now, those in force or those of files; and whether they delete anything at all.

        Tells how far it is.

        Raises:
            DocumentError: a file is wrong.
            OutsideError: the database or the server failed.
        """
        ...

    def run(self, *, tell: Callable[[str], None]) -> Retained:
        """Takes out what the rules in force say; tells how far it is.

        Raises:
            OutsideError: the database or the server failed.
        """
        ...


def open_retaining(settings: Settings) -> AbstractContextManager[Retaining]:
    """Retention by the server that `client.server` names; without one, over the record here.

    Raises:
        TidegateError: a rule or the record cannot be used, or the server's address is none.
    """
    return here_or_there(settings, opens=open_keeping, here=_Recorded, there=_Remote)


class _Recorded:
    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping

    def plan(self, files: Sequence[Path], *, tell: Callable[[str], None]) -> tuple[Plan, bool]:
        rules = read_rules(files).retention if files else self._keeping.rules.retention
        return self._keeping.retention.plan(rules, progress=of_many(tell)), bool(rules.delete)

    def run(self, *, tell: Callable[[str], None]) -> Retained:
        return self._keeping.retain(who=local_user(), progress=of_many(tell))


class _Rules(Struct, frozen=True):
    delete: tuple[dict[str, Any], ...]


class _InForce(Struct, frozen=True):
    rules: _Rules


class _Remote:
    def __init__(self, server: RemoteServer) -> None:
        self._server = server

    def plan(self, files: Sequence[Path], *, tell: Callable[[str], None]) -> tuple[Plan, bool]:
        if files:
            deletes = bool(read_rules(files).retention.delete)  # what is wrong is told with the name of its file
            body = "".join(f"---\n{rule_text(path)}\n" for path in files).encode()
        else:
            deletes = bool(self._server.ask("GET", "/retention", _InForce, query={"limit": 1}).rules.delete)
            body = None
        return ordered(self._server, "/retention/plan", Plan, tell=tell, body=body), deletes

    def run(self, *, tell: Callable[[str], None]) -> Retained:
        return ordered(self._server, "/retention/run", Retained, tell=tell)
