# SPDX-License-Identifier: Apache-2.0
"""Proposals on record: made, superseded, refused, rolled out and closed; each change an event in the same transaction.

A proposal is named by its place and both images, so the same judgement again changes nothing, and what was refused or
failed is not proposed anew. What was closed or superseded comes back when it is judged so again.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, RowMapping, select, update

from tidegate.clock import parse_rfc3339, rfc3339
from tidegate.errors import InvalidInputError, NotFoundError, RefusedError
from tidegate.events import Event, EventKind
from tidegate.execution.updates.judge import Judged, Proposal
from tidegate.execution.updates.known import Runs
from tidegate.execution.updates.rule import Application, UpdateRule
from tidegate.execution.updates.window import opens_at
from tidegate.identity.duties import Actor, Separation, separate
from tidegate.storage import outbox
from tidegate.storage.insert import insert_once
from tidegate.storage.lock_order import Rank, taking
from tidegate.storage.tides import tide_of
from tidegate.storage.update_schema import update_proposal as table
from tidegate.values import Struct
from tidegate.wire import from_json, to_json

MAX_WHY_CHARS: Final = 1000
_MAX_BYTES: Final = 1 << 20


class UpdateState(StrEnum):
    """How far an update is."""

    PROPOSED = "proposed"
    ASKED = "asked"
    """Somebody wants it rolled out; another has to approve."""
    ROLLING = "rolling"
    """It may be rolled out, or is."""
    DONE = "done"
    """The workload runs it."""
    FAILED = "failed"
    """It was rolled out, was not healthy, and was taken back."""
    REFUSED = "refused"
    SUPERSEDED = "superseded"
    """A newer image is proposed."""
    CLOSED = "closed"
    """The workload is gone, or the image is no longer to be proposed."""


OPEN: Final = frozenset({UpdateState.PROPOSED, UpdateState.ASKED})
"""What a judgement may change."""
_COMES_BACK: Final = frozenset({UpdateState.SUPERSEDED, UpdateState.CLOSED, UpdateState.DONE})
_KIND_OF: Final = {
    UpdateState.PROPOSED: EventKind.UPDATE_PROPOSED,
    UpdateState.ASKED: EventKind.UPDATE_ASKED,
    UpdateState.ROLLING: EventKind.UPDATE_ROLLING,
    UpdateState.DONE: EventKind.UPDATE_DONE,
    UpdateState.FAILED: EventKind.UPDATE_FAILED,
    UpdateState.REFUSED: EventKind.UPDATE_REFUSED,
    UpdateState.SUPERSEDED: EventKind.UPDATE_SUPERSEDED,
    UpdateState.CLOSED: EventKind.UPDATE_CLOSED,
}


class Recorded(Struct, frozen=True, kw_only=True):
    """A proposal on record.

    Attributes:
        outcome: why it came to its state.
    """

    id: str
    state: UpdateState
    proposal: Proposal
    made_at: datetime
    changed_at: datetime
    asked_by: str = ""
    approved_by: str = ""
    outcome: str = ""


def take_up(connection: Connection, judged: Judged, *, at: datetime) -> bool:
    """Puts what was found for a container on record; True when something changed.

    Another proposal for it that is open is superseded, or closed when nothing is proposed any more.
    """
    place = _place(judged.runs)
    taking(connection, Rank.WORK, [lock_key(judged.runs)])
    rows = connection.execute(select(table).where(place).order_by(table.c.id).with_for_update()).mappings().all()
    found, proposal, changed = {row["id"]: row for row in rows}, judged.proposal, False
    own = _id(proposal) if proposal is not None else ""
    for row in rows:
        if row["id"] == own or row["state"] not in OPEN:
            continue
        _set(connection, row["id"], *_ended(judged, row["to_digest"]), at)
        changed = True
    if proposal is None:
        return changed
    before = found.get(own)
    if before is None:
        return _insert(connection, own, proposal, at) or changed
    if before["state"] in _COMES_BACK:
        _set(connection, own, UpdateState.PROPOSED, "", at, document=to_json(proposal).decode())
        return True
    return changed


def lock_key(runs: Runs) -> str:
    """What is held while proposals for a workload change; several are taken in the order of these."""
    return f"update:{runs.cluster}/{runs.namespace}/{runs.name}"


def close_gone(connection: Connection, runs: Iterable[Runs], repositories: Iterable[str], *, at: datetime) -> None:
    """Closes open proposals whose container runs no image of its repository any more.

    Args:
        connection: in a transaction of the caller's.
        runs: all that runs of the repositories.
        repositories: which.
        at: now.
    """
    running = {_key(one) for one in runs}
    states = [state.value for state in OPEN]
    query = select(table).where(table.c.repository.in_(sorted(repositories)), table.c.state.in_(states))
    for row in connection.execute(query.order_by(table.c.id)).mappings().all():
        if tuple(row[name] for name in _PLACE) not in running:
            _set(connection, row["id"], UpdateState.CLOSED, "it runs there no more", at)


def ask(connection: Connection, name: str, rule: UpdateRule, *, by: Actor, at: datetime) -> Recorded:
    """Has a proposal rolled out, or asked for where the rule wants another to approve; again changes nothing.

    Raises:
        NotFoundError: there is none of that name.
        RefusedError: it is no longer open, the rule lets nobody, it is too young, or no window is open.
    """
    found = _held(connection, name)
    if found.state in {UpdateState.ASKED, UpdateState.ROLLING}:
        return found
    _demand(found, {UpdateState.PROPOSED})
    if rule.apply is Application.NEVER:
        raise RefusedError(f"the rule {rule.name} lets nobody roll it out", where=name, remedy="use a file or a branch")
    _demand_time(found, rule, at)
    state = UpdateState.ASKED if rule.apply is Application.APPROVED else UpdateState.ROLLING
    _set(connection, name, state, "", at, asked_by=by.name, asked_identity=by.identity)
    return find(connection, name)


def approve(connection: Connection, name: str, rule: UpdateRule, *, by: Actor, at: datetime) -> Recorded:
    """Lets what another asked for be rolled out.

    Raises:
        NotFoundError: there is none of that name.
        RefusedError: it does not wait for approval, or no window is open.
        SameHandError: by who asked for it.
    """
    found = _held(connection, name)
    _demand(found, {UpdateState.ASKED})
    identity = str(connection.scalar(select(table.c.asked_identity).where(table.c.id == name)) or "")
    separate(Separation.UPDATED, doer=by, earlier=[Actor(name=found.asked_by, identity=identity)], where=name)
    _demand_time(found, rule, at)
    _set(connection, name, UpdateState.ROLLING, "", at, approved_by=by.name)
    return find(connection, name)


def refuse(connection: Connection, name: str, *, by: Actor, why: str, at: datetime) -> Recorded:
    """Refuses a proposal: it is not made anew. Raises as `ask`; InvalidInputError without a reason."""
    if not why.strip() or not why.isprintable() or len(why) > MAX_WHY_CHARS:
        raise InvalidInputError("a refusal needs a reason", remedy="say why, in one line")
    _demand(_held(connection, name), OPEN)
    _set(connection, name, UpdateState.REFUSED, f"by {by.name}: {why}", at)
    return find(connection, name)


def conclude(connection: Connection, name: str, *, done: bool, what: str, at: datetime) -> Recorded:
    """Takes down how a rollout ended; again changes nothing.

    Raises:
        NotFoundError: there is none of that name.
        RefusedError: nobody let it be rolled out.
    """
    found = _held(connection, name)
    if found.state in {UpdateState.DONE, UpdateState.FAILED}:
        return found
    _demand(found, {UpdateState.ROLLING})
    _set(connection, name, UpdateState.DONE if done else UpdateState.FAILED, what[:MAX_WHY_CHARS], at)
    return find(connection, name)


def find(connection: Connection, name: str) -> Recorded:
    """One of them.

    Raises:
        NotFoundError: there is none.
    """
    row = connection.execute(select(table).where(table.c.id == name)).mappings().first()
    if row is None:
        raise NotFoundError("no such update", where=name[:64])
    return _recorded(row)


def list_proposals(
    connection: Connection, *, state: str = "", cluster: str = "", namespace: str = "", limit: int = 100
) -> Sequence[Recorded]:
    """Those on record, what changed last first."""
    query = select(table).order_by(table.c.changed_at.desc(), table.c.id).limit(limit)
    for column, wanted in ((table.c.state, state), (table.c.cluster, cluster), (table.c.namespace, namespace)):
        if wanted:
            query = query.where(column == wanted)
    return [_recorded(row) for row in connection.execute(query).mappings()]


def open_repositories(connection: Connection) -> set[str]:
    """Repositories of what is open."""
    states = [state.value for state in OPEN]
    return set(connection.scalars(select(table.c.repository).where(table.c.state.in_(states)).distinct()))


_PLACE: Final = ("cluster", "namespace", "kind", "name", "container")


def _key(runs: Runs) -> tuple[str, ...]:
    return tuple(getattr(runs, name) for name in _PLACE)


def _place(runs: Runs) -> ColumnElement[bool]:
    found = table.c.cluster == runs.cluster
    for name in _PLACE[1:]:
        found &= table.c[name] == getattr(runs, name)
    return found


def _id(proposal: Proposal) -> str:
    parts = (*_key(proposal.runs), proposal.runs.digest or "", proposal.to.digest)
    return sha256("\0".join(parts).encode()).hexdigest()[:32]


def _ended(judged: Judged, to_digest: str) -> tuple[UpdateState, str]:
    """What becomes of an open proposal for a container that was judged anew."""
    if judged.runs.digest == to_digest:
        return UpdateState.DONE, "the workload runs it"
    if judged.proposal is not None:
        return UpdateState.SUPERSEDED, f"{judged.proposal.to} is proposed"
    return UpdateState.CLOSED, "; ".join(judged.why)[:MAX_WHY_CHARS]


def _insert(connection: Connection, name: str, proposal: Proposal, at: datetime) -> bool:
    moment = rfc3339(at)
    new = insert_once(
        connection,
        table,
        id=name,
        **{part: getattr(proposal.runs, part) for part in _PLACE},
        repository=proposal.runs.repository,
        to_digest=proposal.to.digest,
        state=UpdateState.PROPOSED.value,
        document=to_json(proposal).decode(),
        made_at=moment,
        changed_at=moment,
    )
    if new:
        _tell(connection, find(connection, name), at)
    return new


def _held(connection: Connection, name: str) -> Recorded:
    found = find(connection, name)
    taking(connection, Rank.WORK, [lock_key(found.proposal.runs)])
    connection.execute(select(table.c.id).where(table.c.id == name).with_for_update()).first()
    return find(connection, name)


def _demand(found: Recorded, states: Iterable[UpdateState]) -> None:
    if found.state not in set(states):
        raise RefusedError(f"it is {found.state}", where=found.id)


def _demand_time(found: Recorded, rule: UpdateRule, at: datetime) -> None:
    if at < found.proposal.not_before:
        raise RefusedError(f"the image is old enough {rfc3339(found.proposal.not_before)}", where=found.id)
    opens = opens_at(rule.windows, at)
    if at < opens:
        what = f"outside of the windows of the rule {rule.name}"
        raise RefusedError(what, where=found.id, remedy=f"come again at {rfc3339(opens)}")


def _set(connection: Connection, name: str, state: UpdateState, outcome: str, at: datetime, **more: Any) -> None:
    values = {"state": state.value, "outcome": outcome, "changed_at": rfc3339(at), **more}
    connection.execute(update(table).where(table.c.id == name).values(**values))
    _tell(connection, find(connection, name), at)


def _tell(connection: Connection, found: Recorded, at: datetime) -> None:
    proposal = found.proposal
    runs, kind = proposal.runs, _KIND_OF[found.state]
    data: dict[str, Any] = {
        "update": found.id,
        "owner": runs.owner,
        "container": runs.container,
        "repositories": sorted({runs.repository, proposal.to.repository}),
        "digest": runs.digest or "",
        "tag": runs.tag or "",
        "to_repository": proposal.to.repository,
        "to_digest": proposal.to.digest,
        "to_tag": proposal.to.tag,
        "step": proposal.step.value,
        "rule": proposal.rule,
        "why": list(proposal.why),
        "removes": [one.id for one in proposal.removes],
        "brings": [one.id for one in proposal.brings],
        "asked_by": found.asked_by,
        "approved_by": found.approved_by,
        "outcome": found.outcome,
    }
    subject = f"{runs.cluster}/{runs.namespace}/{runs.kind}/{runs.name}"
    event = Event(
        id=f"{kind}:{found.id}:{rfc3339(at)}",
        kind=kind,
        subject=subject,
        time=at,
        data=data,
        tide=tide_of(connection, runs.digest or ""),
    )
    outbox.publish(connection, event)


def _recorded(row: RowMapping) -> Recorded:
    return Recorded(
        id=row["id"],
        state=UpdateState(row["state"]),
        proposal=_proposal(row),
        made_at=parse_rfc3339(row["made_at"]),
        changed_at=parse_rfc3339(row["changed_at"]),
        asked_by=row["asked_by"],
        approved_by=row["approved_by"],
        outcome=row["outcome"],
    )


def _proposal(row: RowMapping) -> Proposal:
    return from_json(row["document"].encode(), Proposal, what=f"update {row['id']}", max_bytes=_MAX_BYTES)
