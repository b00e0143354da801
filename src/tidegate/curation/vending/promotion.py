# SPDX-License-Identifier: Apache-2.0
"""Promotion: an admitted image goes to another repository with all that belongs to it, and no bytes move.

Its children go first, then the image, then everything that hangs on any of them: signatures, provenance, bills of
materials, decisions. Promoted again, nothing is new. It must pass the gate as what it is at the target.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from tidegate.admission.encrypted import decide_encrypted
from tidegate.admission.gate import Gate
from tidegate.artifact import Digest, Index, Repository, Tag
from tidegate.clock import parse_rfc3339, rfc3339
from tidegate.curation.lifecycle import State
from tidegate.curation.settle import summary
from tidegate.curation.shelf import ManifestUnknownError
from tidegate.curation.shelved import manifest_of, pushers_of
from tidegate.curation.standing import standing_of, with_standing
from tidegate.curation.states import hold
from tidegate.errors import BoundExceededError, InvalidInputError, RefusedError
from tidegate.evidence import Boundary, Decision, PredicateType, Statement, Subject, Verdict
from tidegate.policy.context import Context
from tidegate.storage.schema import manifest, manifest_child, repository_manifest
from tidegate.storage.schema import state as states
from tidegate.values import Struct

PROMOTION: Final = PredicateType("https://tidegate.dev/predicates/promotion/v1")
MAX_MANIFESTS: Final = 5000
"""Of one promotion: children and what hangs on them."""
MAX_REASON_CHARS: Final = 1000


class NotPromotableError(RefusedError):
    """What is not admitted here and there goes nowhere."""


class Promotion(Struct, frozen=True, kw_only=True):
    """What somebody wants to have promoted.

    Attributes:
        source: the repository it lies in.
        target: a repository here, or (`registry.example/team/app`) of another registry.
        tag: it shall have there; "" for none.
        who: the principal.
        why: in one line.
    """

    digest: Digest
    source: Repository
    target: str
    tag: str
    who: str
    why: str


def check_promotion(connection: Connection, gate: Gate, wish: Promotion, *, at: datetime) -> Decision:
    """Decides whether an image may be promoted.

    Returns:
        The decision at the target, not yet on record.

    Raises:
        InvalidInputError: there is no reason.
        ManifestUnknownError: the source does not hold it.
        NotPromotableError: it is not admitted, or would not be at the target; it says why.
    """
    if not wish.why.strip() or not wish.why.isprintable() or len(wish.why) > MAX_REASON_CHARS:
        raise InvalidInputError("a promotion needs a reason", remedy="say why, in one line")
    hold(connection, [wish.digest])
    held = repository_manifest
    query = (
        select(states.c.state, states.c.expires_at)
        .join(held, held.c.digest == states.c.digest)
        .where(held.c.repository == wish.source, held.c.digest == wish.digest)
    )
    row = connection.execute(query).first()
    if row is None:
        raise ManifestUnknownError(wish.source, wish.digest)
    if State(row.state) is not State.ADMITTED:
        raise NotPromotableError(
            f"is {row.state}; only what is admitted is promoted", where=wish.digest, remedy="see its passport"
        )
    if row.expires_at and parse_rfc3339(row.expires_at) <= at:
        raise NotPromotableError("the decision behind it has expired", where=wish.digest, remedy="have it judged again")
    decision = _decide(connection, gate, wish.digest, wish.target, at)
    if decision.verdict is Verdict.DENY:
        raise NotPromotableError(f"would not be admitted in {wish.target}: {summary(decision)}", where=wish.digest)
    return decision


def belongings(connection: Connection, repository: Repository, digest: Digest) -> tuple[Digest, ...]:
    """An image with all that belongs to it in a repository, in the order to be stored: what is named comes first.

    Raises:
        BoundExceededError: those are more than may be promoted at once.
    """
    found: dict[Digest, None] = {}
    waiting = [digest]
    while waiting:
        subject = waiting.pop()
        for one in (*_children(connection, repository, subject), subject):
            if one not in found:
                found[one] = None
                waiting += _hung_on(connection, repository, one)
        if len(found) > MAX_MANIFESTS:
            raise BoundExceededError("MAX_MANIFESTS", MAX_MANIFESTS, where=str(digest))
    return tuple(found)


def demand_nothing_withheld(connection: Connection, moved: Sequence[Digest], *, at: datetime) -> None:
    """Makes sure that none of what goes to another registry is withheld here: there nobody would withhold it.

    Raises:
        NotPromotableError: an image of an index is; it says which.
    """
    query = (
        select(states.c.digest, states.c.state, states.c.expires_at)
        .where(states.c.digest.in_(list(moved)), states.c.state != State.ATTACHED)
        .order_by(states.c.digest)
    )
    for row in connection.execute(query):
        expired = bool(row.expires_at) and parse_rfc3339(row.expires_at) <= at
        if expired or not State(row.state).is_served:
            said = "under a decision that has expired" if expired else row.state
            raise NotPromotableError(
                f"{row.digest} is {said}, and another registry would hand it out",
                where=row.digest,
                remedy="promote the images that are admitted by themselves, or an index of those alone",
            )


def promotion_statement(wish: Promotion, moved: Sequence[Digest], decision: Digest, *, at: datetime) -> Statement:
    """What is put on record of a promotion."""
    predicate = {
        "source": wish.source,
        "target": wish.target,
        "tag": wish.tag,
        "who": wish.who,
        "why": wish.why,
        "at": rfc3339(at),
        "manifests": list(moved),
        "decision": decision,
    }
    subject = Subject(name=f"{wish.target}@{wish.digest}", digest=wish.digest)
    return Statement(subjects=(subject,), predicate_type=PROMOTION, predicate=predicate)


def parse_tag(text: str) -> Tag | None:
    """A tag; None for ""."""
    return Tag(text) if text else None


def _decide(connection: Connection, gate: Gate, digest: Digest, target: str, at: datetime) -> Decision:
    parsed = manifest_of(connection, digest)
    if isinstance(parsed, Index):
        children = [
            (str(part.platform or part.digest), _decide(connection, gate, part.digest, target, at))
            for part in parsed.manifests
        ]
        decision = gate.judge_index(Boundary.CURATION, digest, children, at=at)
    elif (copied := gate.plain_of(connection, digest)) is not None:
        # An encrypted copy is judged by what it is a copy of: nobody can look into it.
        plain, said_by = copied
        decision = decide_encrypted(digest, _decide(connection, gate, plain, target, at), said_by, at=at)
    else:
        pushers = pushers_of(connection, digest)
        context = Context(
            repository=target,
            repositories=(target,),
            reference=f"{target}@{digest}",
            pushed_by=pushers[0] if pushers else "",
            pushers=pushers,
        )
        decision = gate.judge(Boundary.CURATION, digest, context, gate.evidence_of(connection, digest), at=at)
    return with_standing(decision, standing_of(connection, digest))


def _children(connection: Connection, repository: Repository, digest: Digest) -> list[Digest]:
    held = repository_manifest
    query = (
        select(manifest_child.c.child)
        .join(held, held.c.digest == manifest_child.c.child)
        .where(manifest_child.c.parent == digest, held.c.repository == repository)
        .order_by(manifest_child.c.child)
    )
    found: list[Digest] = []
    for text in connection.scalars(query).all():
        found += [*_children(connection, repository, Digest(text)), Digest(text)]
    return found


def _hung_on(connection: Connection, repository: Repository, digest: Digest) -> list[Digest]:
    held = repository_manifest
    query = (
        select(manifest.c.digest)
        .join(held, held.c.digest == manifest.c.digest)
        .where(manifest.c.subject == digest, held.c.repository == repository)
        .order_by(manifest.c.digest)
        .limit(MAX_MANIFESTS)
    )
    return [Digest(text) for text in connection.scalars(query)]
