# SPDX-License-Identifier: Apache-2.0
"""Damaged bytes that were set aside go when their time is over; never the last good copy, nor what is missed."""

from datetime import timedelta
from pathlib import Path

import pytest
from keeping_stand import APP, Stand, both_engines, objects, postgres, with_objects
from sqlalchemy import select

from tidegate.artifact import Digest
from tidegate.curation.keeping.damage import Defect, list_damages, take_off_record
from tidegate.curation.keeping.repair_source import FolderSource
from tidegate.curation.keeping.scrub import Scrubber
from tidegate.curation.keeping.set_aside import LetGo, SetAside
from tidegate.curation.shelf_blobs import BlobUnknownError
from tidegate.errors import NotFoundError
from tidegate.events import EventKind
from tidegate.storage.schema import blob

__all__ = ["both_engines", "objects", "postgres", "with_objects"]
LAYER = b"layer " * 50_000
DIGEST = Digest.of(LAYER)
A_MONTH = timedelta(days=30)


@pytest.fixture
def stand(both_engines: Stand) -> Stand:
    return both_engines


def keeping(stand: Stand, keep_for: timedelta = A_MONTH) -> SetAside:
    return SetAside(database=stand.database, store=stand.store, blobs=stand.blobs, clock=stand.clock, keep_for=keep_for)


def scrub(stand: Stand, *sources: FolderSource) -> None:
    Scrubber(stand.database, stand.store, stand.blobs, sources, stand.clock).run()


def flip(stand: Stand) -> None:
    path = stand.store.path(DIGEST)
    assert path is not None
    data = bytearray(path.read_bytes())
    data[7] ^= 1
    path.write_bytes(data)


def is_aside(stand: Stand) -> bool:
    try:
        stand.store.open_aside(DIGEST).close()
    except NotFoundError:
        return False
    return True


def shut_away(stand: Stand) -> None:
    """As after a disk that could not be read for a while: the bytes are good."""
    with stand.blobs.writing(DIGEST) as connection:
        stored_at = str(connection.scalar(select(blob.c.stored_at).where(blob.c.digest == DIGEST)))
        take_off_record(connection, DIGEST, Defect.UNREADABLE, stored_at=stored_at, at=stand.clock())
        stand.store.set_aside(DIGEST)


def test_damaged_bytes_go_when_their_time_is_over_and_a_good_copy_is_there(stand: Stand, tmp_path: Path) -> None:
    stand.image("one", "one", layers=(LAYER,))
    flip(stand)
    backup = tmp_path / "backup" / "blobs" / "sha256"
    backup.mkdir(parents=True)
    (backup / DIGEST.hex).write_bytes(LAYER)
    scrub(stand, FolderSource(tmp_path / "backup"))
    assert is_aside(stand)
    stand.clock.at += A_MONTH - timedelta(seconds=1)
    assert keeping(stand).run() == LetGo()
    stand.clock.at += timedelta(seconds=1)
    assert keeping(stand, timedelta()).run() == LetGo(), "zero is for ever"
    assert keeping(stand).run() == LetGo(let_go=1, freed_bytes=len(LAYER))
    assert not is_aside(stand)
    assert keeping(stand).run() == LetGo(), "once"
    with stand.blobs.open(stand.blobs.find(APP, DIGEST)) as file:
        assert file.read() == LAYER
    with stand.database.read() as connection:
        (damage,) = list_damages(connection, limit=10)
    assert damage.repaired_at is not None, "the record stays"


def test_what_turns_out_to_be_good_goes_back_in_its_place(stand: Stand) -> None:
    stand.image("one", "one", layers=(LAYER,))
    shut_away(stand)
    with pytest.raises(BlobUnknownError):
        stand.blobs.find(APP, DIGEST)
    stand.clock.at += A_MONTH
    found = keeping(stand).run()
    assert (found.repaired, found.kept) == ((DIGEST,), 0)
    with stand.blobs.open(stand.blobs.find(APP, DIGEST)) as file:
        assert file.read() == LAYER
    assert not is_aside(stand)
    assert stand.events(EventKind.BLOB_REPAIRED) == [DIGEST]


def test_the_last_of_what_a_manifest_needs_is_kept(stand: Stand) -> None:
    digest = stand.image("one", "one", layers=(LAYER,))
    flip(stand)
    scrub(stand)
    stand.clock.at += 2 * A_MONTH
    assert keeping(stand).run() == LetGo(kept=1)
    assert is_aside(stand)
    stand.shelf.delete_manifest(APP, digest, who="me")
    assert keeping(stand).run() == LetGo(let_go=1, freed_bytes=len(LAYER))
    assert not is_aside(stand)


def test_a_blob_that_is_damaged_again_is_kept_anew(stand: Stand) -> None:
    stand.image("one", "one", layers=(LAYER,))
    flip(stand)
    scrub(stand)
    stand.blob(LAYER)  # pushed again
    stand.clock.at += A_MONTH
    assert keeping(stand).run().let_go == 1
    flip(stand)
    scrub(stand)
    assert is_aside(stand)
    stand.blob(LAYER)
    assert keeping(stand).run() == LetGo()
    stand.clock.at += A_MONTH
    assert keeping(stand).run().let_go == 1


def test_in_an_object_store(with_objects: Stand) -> None:
    stand = with_objects
    stand.image("one", "one", layers=(LAYER,))
    shut_away(stand)
    assert is_aside(stand)
    stand.clock.at += A_MONTH
    assert keeping(stand).run().repaired == (DIGEST,)
    assert not is_aside(stand)
    with stand.blobs.open(stand.blobs.find(APP, DIGEST)) as file:
        assert file.read() == LAYER
