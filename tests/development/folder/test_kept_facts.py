# SPDX-License-Identifier: Apache-2.0
"""What is remembered of trees: told apart, bounded, whole or not at all."""

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from tidegate.artifact import Digest
from tidegate.development.folder.facts import FolderFacts
from tidegate.development.folder.git_ignored import SourcesOnly
from tidegate.development.folder.kept import MAX_ANSWERS, KeptFacts, look_of
from tidegate.inventory import Inventory

FACTS = FolderFacts(
    inventory=Inventory(digest=Digest.of(b""), name="x", layers=(), components=()), documents=("Dockerfile",) * 1000
)
LONG_AGO = 1_700_000_000


def test_what_was_kept_is_there_for_the_same_tree_and_judges_alone(tmp_path: Path) -> None:
    kept = KeptFacts(tmp_path / "kept", ("a",))
    kept.keep("tree", FACTS)
    assert kept.get("tree") == FACTS
    assert kept.get("another") is None
    assert KeptFacts(tmp_path / "kept", ("b",)).get("tree") is None


@pytest.mark.parametrize("rubbish", [b"", b"\x00", b"\x81\xa1x\x01", b"\xff" * 100])
def test_what_cannot_be_read_back_counts_as_missing(tmp_path: Path, rubbish: bytes) -> None:
    kept = KeptFacts(tmp_path, ())
    kept.keep("tree", FACTS)
    (place,) = tmp_path.iterdir()
    place.write_bytes(rubbish)
    assert kept.get("tree") is None
    kept.keep("tree", FACTS)
    assert kept.get("tree") == FACTS


def test_no_more_are_kept_than_stated(tmp_path: Path) -> None:
    kept = KeptFacts(tmp_path, ())
    for number in range(MAX_ANSWERS + 20):
        kept.keep(str(number), FACTS)
    assert len(list(tmp_path.iterdir())) == MAX_ANSWERS


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    kept = KeptFacts(tmp_path / "file" / "kept", ())
    kept.keep("tree", FACTS)
    assert kept.get("tree") is None


def _keep_for_ever(folder: str) -> None:
    kept = KeptFacts(Path(folder), ())
    while True:
        kept.keep("tree", FACTS)


def test_runs_that_are_killed_at_once_leave_a_whole_answer(tmp_path: Path) -> None:
    kept = KeptFacts(tmp_path, ())
    kept.keep("tree", FACTS)
    processes = [
        multiprocessing.get_context("spawn").Process(target=_keep_for_ever, args=(str(tmp_path),)) for _ in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        for _ in range(200):
            assert kept.get("tree") == FACTS
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join(60)
        process.close()
    assert kept.get("tree") == FACTS


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    for name in ("a.txt", "sub/b.txt", "node_modules/c.txt", ".git/config", ".git/index"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("one")
        os.utime(root / name, (LONG_AGO, LONG_AGO))
    return root


@pytest.mark.parametrize("name", ["a.txt", "sub/b.txt", ".git/config"])
def test_every_change_is_seen(tree: Path, name: str) -> None:
    before = look_of(tree, SourcesOnly()).mark
    assert look_of(tree, SourcesOnly()).mark == before
    (tree / name).write_text("two")
    os.utime(tree / name, (LONG_AGO, LONG_AGO))  # same size, same time of change: the inode's own time tells
    assert look_of(tree, SourcesOnly()).mark != before


@pytest.mark.parametrize("name", ["node_modules/c.txt", ".git/index"])
def test_what_is_no_part_of_it_changes_nothing(tree: Path, name: str) -> None:
    before = look_of(tree, SourcesOnly()).mark
    (tree / name).write_text("another")
    assert look_of(tree, SourcesOnly()).mark == before


def test_other_words_of_what_is_passed_over_are_another_look(tree: Path) -> None:
    assert look_of(tree, SourcesOnly()).mark != look_of(tree, SourcesOnly(frozenset({"sub/"}))).mark


def test_what_has_just_changed_is_not_settled(tree: Path) -> None:
    assert not look_of(tree, SourcesOnly()).is_settled


def test_links_are_not_followed(tree: Path) -> None:
    (tree / "circle").symlink_to(tree)
    before = look_of(tree, SourcesOnly()).mark
    (tree / "circle").unlink()
    (tree / "circle").symlink_to(tree / "sub")
    assert look_of(tree, SourcesOnly()).mark != before
