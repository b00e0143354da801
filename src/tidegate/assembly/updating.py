# SPDX-License-Identifier: Apache-2.0
"""Updates from settings: the policy, the judgement over the record, and the same asked of a server elsewhere."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy import Connection

from tidegate.admission.gate import Gate
from tidegate.assembly.execution import build_execution
from tidegate.assembly.gate import build_gate
from tidegate.assembly.home import Home
from tidegate.assembly.remote import here_or_there
from tidegate.assembly.rule_text import rule_text
from tidegate.assembly.stores import open_database
from tidegate.clock import Clock, system_clock
from tidegate.execution.admit import ExecutionGate
from tidegate.execution.updates.branches import BranchUpdates, Wanted, update_branches
from tidegate.execution.updates.git_store import Author, GitStore
from tidegate.execution.updates.judge import Judged
from tidegate.execution.updates.known import Runs
from tidegate.execution.updates.rule import UpdatePolicy
from tidegate.execution.updates.rule_file import load_update_policy
from tidegate.loops.known_images import KnownImages
from tidegate.remote import RemoteServer
from tidegate.settings import Settings
from tidegate.storage.database import Database
from tidegate.values import Struct

MAX_JUDGED: Final = 2000
"""Places judged in one request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Updating:
    """The policy of updates over a record."""

    database: Database
    gate: Gate
    execution: ExecutionGate
    policy: UpdatePolicy
    clock: Clock

    def known(self, connection: Connection) -> KnownImages:
        """The record, for one round of judgements."""
        return KnownImages(connection, self.gate, self.execution, self.policy, self.clock())


class Updates(Protocol):
    """What a command asks of updates."""

    def judge(self, places: Sequence[Runs]) -> Sequence[Judged]:
        """What may take the place of images, in their order."""
        ...


def build_updating(
    settings: Settings, database: Database, gate: Gate, execution: ExecutionGate, clock: Clock
) -> Updating:
    """Builds it.

    Raises:
        TidegateError: a file of the policy is missing or wrong.
    """
    policy = load_update_policy({str(path): rule_text(path) for path in settings.execution.update_files})
    return Updating(database=database, gate=gate, execution=execution, policy=policy, clock=clock)


def open_updates(settings: Settings, *, clock: Clock = system_clock) -> AbstractContextManager[Updates]:
    """Updates of the server that `client.server` names; without one, of the record here.

    Raises:
        TidegateError: the home folder, the database, a key or a policy is not usable.
    """

    @contextmanager
    def opens(settings: Settings) -> Iterator[Updating]:
        Home(folder=settings.home).make()
        database = open_database(settings)
        try:
            gate = build_gate(settings)
            yield build_updating(settings, database, gate, build_execution(settings, database, gate, clock), clock)
        finally:
            database.close()

    return here_or_there(settings, opens=opens, here=_Recorded, there=_Remote)


def update_repository(
    settings: Settings,
    folder: Path,
    updates: Updates,
    *,
    base: str,
    under: str,
    cluster: str,
    clock: Clock = system_clock,
) -> BranchUpdates:
    """Proposes updates as branches of a repository of git; see `update_branches`.

    Args:
        settings: who writes, and whether it is signed.
        folder: where it lies.
        updates: judges.
        base: "" takes the branch of its HEAD.
        under: folder of it.
        cluster: what it is applied to.
        clock: dates the commits.

    Raises:
        TidegateError: as `update_branches`; the author is none, or the key cannot be used.
    """
    said = settings.execution
    store = GitStore(folder)
    author = Author.parse(said.update_author, signing_key=said.update_signing_key_file)
    server = settings.client.server.rstrip("/")
    wanted = Wanted(
        base=base or store.branch_of_head(),
        under=under.strip("/"),
        cluster=cluster,
        author=author,
        passport=lambda digest: f"{server}/passports/{digest}" if server else f"tidegate passport {digest}",
    )
    return update_branches(store, wanted, updates.judge, at=clock())


class _Recorded:
    def __init__(self, updating: Updating) -> None:
        self._updating = updating

    def judge(self, places: Sequence[Runs]) -> Sequence[Judged]:
        with self._updating.database.read() as connection:
            known = self._updating.known(connection)
            return [known.judge(one) for one in places]


class _Answer(Struct, frozen=True):
    judged: tuple[Judged, ...]


class _Remote:
    def __init__(self, server: RemoteServer) -> None:
        self._server = server

    def judge(self, places: Sequence[Runs]) -> Sequence[Judged]:
        found: list[Judged] = []
        for start in range(0, len(places), MAX_JUDGED):
            body = {"places": places[start : start + MAX_JUDGED]}
            found += self._server.ask("POST", "/updates/judge", _Answer, body=body).judged
        return found
