# SPDX-License-Identifier: Apache-2.0
"""What happens at one moment, on both engines: a recall while the image is judged, a judgement while it is promoted."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
from keeping_stand import APP, Stand, both_engines, postgres
from sqlalchemy import Connection

from tidegate.admission.gate import Gate
from tidegate.admission.records import Recorded, records_of
from tidegate.artifact import Descriptor, Digest, Repository, Tag
from tidegate.curation.change import Act, Wish, change_state
from tidegate.curation.states import State, state_of
from tidegate.curation.tag_rules import NO_TAG_RULES
from tidegate.curation.vending.carrying import Vending
from tidegate.curation.vending.promotion import NotPromotableError, Promotion
from tidegate.curation.workflow import Curation
from tidegate.errors import InvalidInputError
from tidegate.events import EventKind
from tidegate.evidence import VSA, Decision, Verdict
from tidegate.inventory import Inventory
from tidegate.oci.image import Image
from tidegate.oci.push import Pusher
from tidegate.policy.document import load_policy
from tidegate.policy.rule import Policy
from tidegate.signing.keys import SigningKey, TrustedKeys

__all__ = ["both_engines", "postgres"]
POLICY = """
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: team}
spec:
  rules:
    - {name: one, boundaries: [curation], when: "false", verdict: deny, message: "it says no"}
"""
KEY = SigningKey.generate()
A_WHILE = 1.0
"""For one that should wait to go ahead instead."""


@pytest.fixture
def stand(both_engines: Stand) -> Stand:
    return both_engines


class SlowGate(Gate, frozen=True, kw_only=True):
    """A gate that is held up between deciding and recording."""

    decided: Callable[[], object]

    def conclude(self, connection: Connection, decision: Decision, *, resource_uri: str, at: datetime) -> Recorded:
        self.decided()
        return super().conclude(connection, decision, resource_uri=resource_uri, at=at)


def policies() -> tuple[Policy, ...]:
    return (load_policy(POLICY, file="policy.yaml"),)


def gate() -> Gate:
    return Gate(policies=policies(), signer=KEY, trusted=TrustedKeys.of([KEY.verifying]), verifier_id="https://x.test")


def slow(held: Callable[[], object]) -> SlowGate:
    return SlowGate(
        policies=policies(),
        signer=KEY,
        trusted=TrustedKeys.of([KEY.verifying]),
        verifier_id="https://x.test",
        decided=held,
    )


def never_scanned(_image: Image) -> Inventory:
    raise InvalidInputError("nothing is scanned here")


def curation(stand: Stand, judge: Gate) -> Curation:
    return Curation(
        database=stand.database,
        blobs=stand.store,
        shelf=stand.shelf,
        gate=judge,
        scan=never_scanned,
        report=lambda *_: pytest.fail("there is no inventory"),
        remember=lambda *_: None,
        knowledge=lambda: None,
        clock=stand.clock,
    )


def recall(stand: Stand, digest: Digest) -> None:
    wish = Wish(act=Act.RECALL, reason="it leaks", who="olga")
    with stand.database.begin() as connection:
        change_state(connection, gate(), digest, wish, at=stand.clock())


def admitted(stand: Stand) -> Digest:
    digest = stand.image()
    quick = curation(stand, gate())
    quick.begin(digest)
    assert quick.decide(digest, "") == State.ADMITTED
    return digest


def both(first: Callable[[Callable[[], object]], object], second: Callable[[], object]) -> None:
    """Runs the second while the first is held up, as far as it can."""
    reached, go = Event(), Event()

    def held() -> None:
        reached.set()
        assert go.wait(120)

    with ThreadPoolExecutor(2) as threads:
        running: Future[object] = threads.submit(first, held)
        try:
            assert reached.wait(120)
            other = threads.submit(second)
            wait([other], timeout=A_WHILE)
        finally:
            go.set()
        running.result(120)
        other.result(120)


def newest_verdict(stand: Stand, digest: Digest) -> Verdict:
    with stand.database.read() as connection:
        found = [one.digest for one in records_of(connection, digest) if one.predicate_type == VSA][-1]
        decision = gate().decision_named(connection, found)
    assert decision is not None
    return decision.verdict


def test_a_recall_while_the_image_is_judged_again_is_not_lost(stand: Stand) -> None:
    digest = admitted(stand)

    def judge(held: Callable[[], object]) -> object:
        stand.clock.at += timedelta(days=1)
        return curation(stand, slow(held)).decide(digest, "")

    both(judge, lambda: recall(stand, digest))
    with stand.database.read() as connection:
        assert state_of(connection, digest) is State.RECALLED
    assert newest_verdict(stand, digest) is Verdict.DENY, "which is what the execution gate reads"


class Elsewhere(Pusher):
    """Another registry, where nothing is kept: only how long it takes counts."""

    def __init__(self, pushed: Callable[[], object]) -> None:
        self._pushed = pushed

    def push_blob(self, content: bytes | Path, digest: Digest, *, mount_from: Repository | None = None) -> None:
        """Takes nothing."""

    def push_manifest(self, raw: bytes, media_type: str, *, tag: Tag | None = None) -> Descriptor:  # noqa: ARG002 - nothing is kept
        """Takes its time."""
        self._pushed()
        return Descriptor(media_type=media_type, digest=Digest.of(raw), size=len(raw))


def vending(stand: Stand, judge: Gate, pushed: Callable[[], object] = lambda: None) -> Vending:
    return Vending(
        database=stand.database,
        shelf=stand.shelf,
        blobs=stand.blobs,
        gate=judge,
        pusher=lambda _: nullcontext(Elsewhere(pushed)),
        tag_rules=NO_TAG_RULES,
        registries=("registry.test",),
        clock=stand.clock,
    )


def to(digest: Digest, target: str) -> Promotion:
    return Promotion(digest=digest, source=APP, target=target, tag="", who="anna", why="release")


def test_what_is_recalled_while_it_is_copied_elsewhere_is_not_said_to_have_passed(stand: Stand) -> None:
    digest = admitted(stand)
    left = [digest]

    def once() -> None:
        if left:
            recall(stand, left.pop())

    with pytest.raises(NotPromotableError, match="is recalled"):
        vending(stand, gate(), once).carry_out(to(digest, "registry.test/prod/app"))
    assert newest_verdict(stand, digest) is Verdict.DENY


def test_a_promotion_and_a_judgement_do_not_wait_for_each_other(stand: Stand) -> None:
    digest = admitted(stand)
    other = stand.image("two", "v2")
    curation(stand, gate()).begin(other)

    def promote(held: Callable[[], object]) -> object:
        return vending(stand, slow(held)).promote_here(to(digest, "prod/app"))

    both(promote, lambda: curation(stand, gate()).decide(other, ""))
    assert stand.events(EventKind.IMAGE_PROMOTED) == [digest]
