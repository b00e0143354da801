# SPDX-License-Identifier: Apache-2.0
"""Captures on record: proved, sealed, kept for their time, let go of; on both engines and both stores of blobs."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from admitting_gate import admitting_gate
from keeping_stand import Hands, objects, postgres
from sqlalchemy import select

from backing import ALONE, SHARED, backing_of
from tidegate.admission.gate import Gate
from tidegate.artifact import Digest
from tidegate.clock import system_clock
from tidegate.errors import InvalidInputError, NotFoundError, UsageError
from tidegate.evidence import FORENSIC_CAPTURE
from tidegate.execution.capture import CapturedContainer
from tidegate.execution.captures import MAX_CAPTURE_BYTES, MAX_KEEP, Captures
from tidegate.sensor.forensics.capturing import Wanted, capture
from tidegate.sensor.forensics.memory import MemoryChoice
from tidegate.storage.blobs import BlobBounds, BlobStore
from tidegate.storage.database import Database
from tidegate.storage.schema import outbox

__all__ = ["objects", "postgres"]
IMAGE = Digest.of(b"an image")


@dataclass
class Stand:
    captures: Captures
    database: Database
    store: BlobStore
    gate: Gate
    clock: Hands
    folder: Path

    def archive(self, *, name: str = "web", image: str = IMAGE, incident: str = "") -> Path:
        """A capture of this very process, which runs in no container."""
        to = self.folder / f"{name}.tar"
        container = CapturedContainer(id="ab" * 32, name=name, image="shop/web:1", image_digest=image)
        wanted = Wanted(
            node="node-1", container=container, pids=(os.getpid(),), incident=incident, memory=MemoryChoice.NONE
        )
        capture(wanted, to, system_clock)
        return to

    def events(self) -> list[str]:
        with self.database.read() as connection:
            found = select(outbox.c.kind).where(outbox.c.kind.like("execution.capture.%")).order_by(outbox.c.offset)
            return list(connection.scalars(found))


@pytest.fixture(params=[ALONE, pytest.param(SHARED, marks=pytest.mark.tools)])
def stand(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stand]:
    backing = backing_of(request)
    database, clock, gate = backing.database(tmp_path), Hands(), admitting_gate()
    store = backing.store(tmp_path, database, BlobBounds(max_blob_bytes=MAX_CAPTURE_BYTES))
    captures = Captures(database, store, gate, timedelta(days=90), clock)
    yield Stand(captures, database, store, gate, clock, tmp_path)
    database.close()


def test_a_capture_is_kept_sealed_and_told_once(stand: Stand) -> None:
    file = stand.archive(incident="inc-7")
    kept = stand.captures.take_in(file, who="node-1")
    assert stand.captures.take_in(file, who="somebody else") == kept
    assert (kept.kept_by, kept.size, kept.overview.incident) == ("node-1", file.stat().st_size, "inc-7")
    assert stand.events() == ["execution.capture.kept"]
    found, source = stand.captures.open(kept.digest)
    with source:
        assert source.read() == file.read_bytes()
    assert found == kept == stand.captures.show(kept.digest)
    with stand.database.read() as connection:
        evidence = stand.gate.evidence_of(connection, IMAGE).evidence
        assert [one.predicate["capture"] for one in evidence if one.predicate_type == FORENSIC_CAPTURE] == [kept.digest]


def test_it_is_found_by_what_it_is_of(stand: Stand) -> None:
    web = stand.captures.take_in(stand.archive(incident="inc-7"), who="n")
    stand.clock.at += timedelta(minutes=1)
    other = stand.captures.take_in(stand.archive(name="other", image=""), who="n")
    assert [one.digest for one in stand.captures.find()] == [other.digest, web.digest]
    asked = ({"incident": "inc-7"}, {"container": "web"}, {"image": IMAGE})
    assert [[one.digest for one in stand.captures.find(**words)] for words in asked] == [[web.digest]] * 3
    assert stand.captures.find(node="elsewhere") == []
    assert len(stand.captures.find(image="shop/web:1", limit=1)) == 1


def test_its_time_ends(stand: Stand) -> None:
    kept = stand.captures.take_in(stand.archive(), who="n", keep=timedelta(days=2))
    stand.clock.at += timedelta(days=1)
    assert stand.captures.expire() == []
    stand.clock.at += timedelta(days=1, seconds=1)
    assert stand.captures.expire() == [kept.digest]
    assert stand.captures.expire() == []
    assert stand.captures.show(kept.digest).gone_why == "its time was over"
    with pytest.raises(NotFoundError, match="was let go of"):
        stand.captures.open(kept.digest)
    assert list(stand.store.digests()) == []
    assert stand.events() == ["execution.capture.kept", "execution.capture.gone"]


def test_what_was_let_go_of_may_come_again(stand: Stand) -> None:
    file = stand.archive()
    kept = stand.captures.take_in(file, who="n")
    with pytest.raises(UsageError, match="no reason"):
        stand.captures.let_go(kept.digest, who="anna", why=" ")
    assert stand.captures.let_go(kept.digest, who="anna", why="closed").gone_why == "by anna: closed"
    again = stand.captures.take_in(file, who="n")
    assert (again.gone_at, again.archive) == ("", kept.archive)
    with stand.captures.open(kept.digest)[1] as source:
        assert source.read() == file.read_bytes()


def test_what_a_kill_left_behind_is_deleted_and_nothing_else(stand: Stand) -> None:
    kept = stand.captures.take_in(stand.archive(), who="n")
    upload = stand.store.begin()
    stand.store.append(upload, [b"of a kill before the record"])
    stand.store.flush(upload)
    left = Digest.of(b"of a kill before the record")
    stand.store.seal(upload, left)
    stand.store.place(upload, left)
    stand.store.release(upload)
    assert stand.captures.delete_leftovers() == 1
    assert list(stand.store.digests()) == [kept.archive]


def test_what_is_no_capture_is_not_kept(stand: Stand) -> None:
    file = stand.folder / "no.tar"
    file.write_bytes(b"no")
    with pytest.raises(InvalidInputError):
        stand.captures.take_in(file, who="n")
    with pytest.raises(UsageError, match="not a time"):
        stand.captures.take_in(stand.archive(), who="n", keep=MAX_KEEP + timedelta(days=1))
    with pytest.raises(NotFoundError, match="no such capture"):
        stand.captures.show(IMAGE)
    assert list(stand.store.digests()) == []
