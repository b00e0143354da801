# SPDX-License-Identifier: Apache-2.0
"""Updates from settings: the policy, the judgement over the record, and the same asked of a server elsewhere."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Final, Protocol

from sqlalchemy import Connection

from tidegate.admission.gate import Gate
from tidegate.assembly.execution import build_execution
from tidegate.assembly.gate import build_gate
from tidegate.assembly.home import Home
from tidegate.assembly.keeping import local_user
from tidegate.assembly.remote import here_or_there
from tidegate.assembly.rule_text import rule_text
from tidegate.assembly.stores import open_database
from tidegate.clock import Clock, system_clock
from tidegate.errors import BoundExceededError
from tidegate.execution.admit import ExecutionGate
from tidegate.execution.updates import proposals
from tidegate.execution.updates.branches import BranchUpdates, Wanted, update_branches
from tidegate.execution.updates.git_store import Author, GitStore
from tidegate.execution.updates.judge import Judged
from tidegate.execution.updates.known import Runs
from tidegate.execution.updates.proposals import Recorded
from tidegate.execution.updates.rule import UpdatePolicy, UpdateRule
from tidegate.execution.updates.rule_file import load_update_policy
from tidegate.execution.updates.running import running_images_of
from tidegate.identity import Principal, PrincipalKind
from tidegate.identity.duties import Actor
from tidegate.loops.known_images import KnownImages
from tidegate.loops.newer_admitted import NewerAdmitted, settled
from tidegate.remote import RemoteServer
from tidegate.remote.server import quoted
from tidegate.remote.whole_id import whole_id
from tidegate.settings import Settings
from tidegate.storage.database import Database
from tidegate.values import Struct

if TYPE_CHECKING:
    from tidegate.execution.updates.rollout.rolling import Ended

MAX_JUDGED: Final = 2000
"""Places judged in one request."""
_MANY: Final = 1000


@dataclass(frozen=True, kw_only=True)
class Updating:
    """The policy of updates over a record."""

    database: Database
    gate: Gate
    execution: ExecutionGate
    policy: UpdatePolicy
    clock: Clock

    @cached_property
    def newer(self) -> NewerAdmitted:
        """Puts on record what is found."""
        return NewerAdmitted(self.database, self.known, self.clock)

    def known(self, connection: Connection) -> KnownImages:
        """The record, for one round of judgements."""
        return KnownImages(connection, self.gate, self.execution, self.policy, self.clock())

    def judge_running(self, connection: Connection, *, cluster: str, namespace: str) -> Sequence[Judged]:
        """What may take the place of what runs, and why or why not.

        Raises:
            BoundExceededError: more than `MAX_JUDGED` containers run there.
        """
        runs = [
            one
            for one in settled(running_images_of(connection))
            if cluster in {"", one.cluster} and namespace in {"", one.namespace}
        ]
        if len(runs) > MAX_JUDGED:
            raise BoundExceededError("MAX_JUDGED", MAX_JUDGED, remedy="ask for a cluster and a namespace")
        known = self.known(connection)
        return [known.judge(one) for one in runs]

    def ask(self, connection: Connection, name: str, *, by: Actor) -> Recorded:
        """Has a proposal rolled out, by its rule; raises as `proposals.ask`."""
        return proposals.ask(connection, name, self._rule_of(connection, name), by=by, at=self.clock())

    def approve(self, connection: Connection, name: str, *, by: Actor) -> Recorded:
        """Lets what another asked for be rolled out; raises as `proposals.approve`."""
        return proposals.approve(connection, name, self._rule_of(connection, name), by=by, at=self.clock())

    def _rule_of(self, connection: Connection, name: str) -> UpdateRule:
        """As it is now, not as it was when the proposal was made."""
        runs = proposals.find(connection, name).proposal.runs
        return self.policy.rule_for(
            runs.repository, cluster=runs.cluster, namespace=runs.namespace, workload=runs.workload
        )


class Updates(Protocol):
    """What a command asks of updates."""

    def judge(self, places: Sequence[Runs]) -> Sequence[Judged]:
        """What may take the place of images, in their order."""
        ...

    def judge_running(self, *, cluster: str, namespace: str) -> Sequence[Judged]:
        """The same of all that runs there now; "" for everywhere."""
        ...

    def listed(self, *, state: str, cluster: str, namespace: str, limit: int) -> Sequence[Recorded]:
        """Proposals on record, what changed last first."""
        ...

    def shown(self, start: str) -> Recorded:
        """One of them, by its id or how that begins."""
        ...

    def ask(self, start: str) -> Recorded:
        """Has it rolled out, or asked for where another has to approve."""
        ...

    def approve(self, start: str) -> Recorded:
        """Lets what another asked for be rolled out."""
        ...

    def refuse(self, start: str, *, why: str) -> Recorded:
        """Refuses it."""
        ...

    def conclude(self, start: str, *, done: bool, what: str) -> Recorded:
        """Takes down how a rollout ended."""
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


def roll_out(settings: Settings, found: Recorded, *, clock: Clock = system_clock) -> "Ended":
    """Rolls a proposal out at the API server that the settings name; see `Rollout`.

    Raises:
        TidegateError: as `Rollout.run`; nothing says where the API server is.
    """
    from tidegate.assembly.kubernetes import api_server
    from tidegate.execution.updates.rollout.rolling import Rollout
    from tidegate.kubernetes.client import open_http
    from tidegate.kubernetes.objects import Objects

    with open_http(api_server(settings)) as http:
        return Rollout(Objects(http), found.id, found.proposal, clock=clock, pause=sleep).run()


class _Recorded:
    def __init__(self, updating: Updating) -> None:
        self._updating = updating

    def judge(self, places: Sequence[Runs]) -> Sequence[Judged]:
        with self._updating.database.read() as connection:
            known = self._updating.known(connection)
            return [known.judge(one) for one in places]

    def judge_running(self, *, cluster: str, namespace: str) -> Sequence[Judged]:
        with self._updating.database.read() as connection:
            return self._updating.judge_running(connection, cluster=cluster, namespace=namespace)

    def listed(self, *, state: str, cluster: str, namespace: str, limit: int) -> Sequence[Recorded]:
        with self._updating.database.read() as connection:
            return proposals.list_proposals(connection, state=state, cluster=cluster, namespace=namespace, limit=limit)

    def shown(self, start: str) -> Recorded:
        with self._updating.database.read() as connection:
            return proposals.find(connection, self._whole(connection, start))

    def ask(self, start: str) -> Recorded:
        with self._updating.database.begin() as connection:
            return self._updating.ask(connection, self._whole(connection, start), by=_oneself())

    def approve(self, start: str) -> Recorded:
        with self._updating.database.begin() as connection:
            return self._updating.approve(connection, self._whole(connection, start), by=_oneself())

    def refuse(self, start: str, *, why: str) -> Recorded:
        with self._updating.database.begin() as connection:
            at, name = self._updating.clock(), self._whole(connection, start)
            return proposals.refuse(connection, name, by=_oneself(), why=why, at=at)

    def conclude(self, start: str, *, done: bool, what: str) -> Recorded:
        with self._updating.database.begin() as connection:
            at, name = self._updating.clock(), self._whole(connection, start)
            return proposals.conclude(connection, name, done=done, what=what, at=at)

    def _whole(self, connection: Connection, start: str) -> str:
        return whole_id(start, (one.id for one in proposals.list_proposals(connection, limit=_MANY)), what="update")


def _oneself() -> Actor:
    return Actor.of(Principal(name=local_user(), kind=PrincipalKind.ADMINISTRATOR))


class _Answer(Struct, frozen=True):
    judged: tuple[Judged, ...]


class _Listed(Struct, frozen=True):
    updates: tuple[Recorded, ...]


class _Remote:
    def __init__(self, server: RemoteServer) -> None:
        self._server = server

    def judge(self, places: Sequence[Runs]) -> Sequence[Judged]:
        found: list[Judged] = []
        for start in range(0, len(places), MAX_JUDGED):
            body = {"places": places[start : start + MAX_JUDGED]}
            found += self._server.ask("POST", "/updates/judge", _Answer, body=body).judged
        return found

    def judge_running(self, *, cluster: str, namespace: str) -> Sequence[Judged]:
        query = {"cluster": cluster, "namespace": namespace}
        return self._server.ask("GET", "/updates/running", _Answer, query=query).judged

    def listed(self, *, state: str, cluster: str, namespace: str, limit: int) -> Sequence[Recorded]:
        query = {"state": state, "cluster": cluster, "namespace": namespace, "limit": limit}
        return self._server.ask("GET", "/updates", _Listed, query=query).updates

    def shown(self, start: str) -> Recorded:
        return self._server.ask("GET", self._path(start), Recorded)

    def ask(self, start: str) -> Recorded:
        return self._server.ask("POST", f"{self._path(start)}/ask", Recorded)

    def approve(self, start: str) -> Recorded:
        return self._server.ask("POST", f"{self._path(start)}/approve", Recorded)

    def refuse(self, start: str, *, why: str) -> Recorded:
        return self._server.ask("POST", f"{self._path(start)}/refuse", Recorded, body={"why": why})

    def conclude(self, start: str, *, done: bool, what: str) -> Recorded:
        return self._server.ask("POST", f"{self._path(start)}/outcome", Recorded, body={"done": done, "what": what})

    def _path(self, start: str) -> str:
        ids = (one.id for one in self.listed(state="", cluster="", namespace="", limit=_MANY))
        return f"/updates/{quoted(whole_id(start, ids, what='update'))}"
