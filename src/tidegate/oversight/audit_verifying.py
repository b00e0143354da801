# SPDX-License-Identifier: Apache-2.0
"""Does the audit trail still hold? Its own chain, and every anchor of it that is on record and in the ledger."""

from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import Connection

from tidegate import ledger
from tidegate.admission.ledger_line import ledger_line
from tidegate.admission.records import records_of
from tidegate.artifact import Digest
from tidegate.errors import TidegateError
from tidegate.identity import audit
from tidegate.ledger.stored import entries_between
from tidegate.oversight.audit_anchor import (
    AUDIT_HEAD,
    TRAIL,
    Anchored,
    anchored,
    is_anchor_line,
    is_ours,
    objection_to,
)
from tidegate.trust.standing import Trust
from tidegate.values import Struct

_BATCH: Final = 1000
MAX_PROBLEMS: Final = 20
"""Told; the first are the ones to look at."""


class AnchoredTrail(Struct, frozen=True, kw_only=True):
    """What a walk along the trail and its anchors found.

    Attributes:
        broken_at: the first entry that is missing or is not what it was by the chain alone; None for none.
        head: hash of the newest entry.
        anchors: how many are on record.
        anchored: the newest anchor, its envelope and its place in the ledger: kept elsewhere they show more than what
            lies beside the trail can.
        problems: what does not hold, in words; empty when all does.
    """

    entries: int
    head: str
    broken_at: int | None
    anchors: int = 0
    anchored_entry: int | None = None
    anchored_at: str = ""
    anchor: str = ""
    ledger_index: int | None = None
    problems: tuple[str, ...] = ()


def verify_trail(connection: Connection, trust: Trust) -> AnchoredTrail:
    """Walks the chain, and holds it against every anchor; the cost follows their number and the length of the chain.

    Args:
        connection: for reading.
        trust: says which keys are this server's.
    """
    found = audit.verify(connection)
    records = records_of(connection, TRAIL.digest, kind=AUDIT_HEAD)
    problems = [] if found.broken_at is None else [f"entry {found.broken_at} is missing or not as it was written"]
    anchors: list[Anchored] = []
    for record in records:
        try:
            anchors.append(anchored(record))
        except TidegateError as error:
            problems.append(str(error))
    problems += _chain_problems(connection, anchors, trust)
    problems += _hidden(connection, anchors)
    problems += _trail_problems(connection, anchors)
    newest = anchors[-1] if anchors else None
    return AnchoredTrail(
        entries=found.entries,
        head=found.head,
        broken_at=found.broken_at,
        anchors=len(records),
        anchored_entry=newest.anchor.last if newest else None,
        anchored_at=newest.anchor.at if newest else "",
        anchor=newest.record.digest if newest else "",
        ledger_index=newest.record.ledger_index if newest else None,
        problems=tuple(dict.fromkeys(problems))[:MAX_PROBLEMS],
    )


def _chain_problems(connection: Connection, anchors: Sequence[Anchored], trust: Trust) -> Iterator[str]:
    """Each anchor is signed by us, stands in the ledger, and names the one before."""
    size = ledger.size(connection)
    root = ledger.root(connection, size) if anchors else b""
    previous = ""
    for one in anchors:
        named = f"the anchor of {one.anchor.at}"
        if not is_ours(connection, one.record, trust):
            yield f"{named} is not signed by this server"
        if one.anchor.previous != previous:
            yield f"{named} does not follow the one before it on record: one was taken away or put between"
        previous = one.record.digest
        index = one.record.ledger_index
        leaf = ledger.leaf_hash(ledger_line(Digest.of(one.record.envelope), TRAIL.digest, AUDIT_HEAD))
        try:
            proof = ledger.inclusion_proof(connection, index, size)
            ledger.verify_inclusion(index=index, size=size, leaf=leaf, proof=proof, root=root)
        except TidegateError:
            yield f"{named} is not in the ledger where it was recorded ({index})"


def _hidden(connection: Connection, anchors: Sequence[Anchored]) -> Iterator[str]:
    """Anchors that the ledger names after the last that is on record."""
    at = anchors[-1].record.ledger_index + 1 if anchors else 0
    try:
        while lines := entries_between(connection, at, _BATCH):
            for index, line in enumerate(lines, start=at):
                if is_anchor_line(line):
                    yield f"ledger entry {index} names an anchor that is not on record: it was taken away"
            at += len(lines)
    except TidegateError as error:
        yield str(error)


def _trail_problems(connection: Connection, anchors: Sequence[Anchored]) -> Iterator[str]:
    """What was anchored is there still: the newest says where the trail begins and ends, each what one entry is."""
    if not anchors:
        return
    head = audit.head(connection)
    if objection := objection_to(connection, head, anchors[-1]):
        yield objection
    first = head.first if head else 1
    for one in anchors:
        said = one.anchor
        if said.last == first - 1 and head is not None and head.before != said.hash:
            yield f"what comes before entry {first} is not what was anchored at {said.at}"
        if said.last >= first and audit.hash_of(connection, said.last) != said.hash:
            yield f"entry {said.last} is not the one that was anchored at {said.at}"
