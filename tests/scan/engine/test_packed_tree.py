# SPDX-License-Identifier: Apache-2.0
"""A packed tree comes back as it was, in a dict or in eight bytes an entry."""

import hashlib
from collections.abc import Iterable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.scan import tree
from tidegate.scan.entry import Entry, EntryKind, path_text
from tidegate.scan.limits import ScanLimits

ROWS = st.tuples(
    st.builds(
        Entry,
        st.binary(min_size=1, max_size=30).map(lambda name: name.replace(b"\0", b"-")),
        st.sampled_from(EntryKind),
        st.integers(0, 0o7777),
        st.integers(0, (1 << 63) - 1),
        st.just(b""),
    ),
    st.integers(0, 2),
    st.sampled_from((0, 32, 68)).flatmap(lambda size: st.binary(min_size=size, max_size=size)),
)
NOTHING = hashlib.sha256().digest() + hashlib.sha1().digest() + hashlib.md5().digest()  # noqa: S324 - as packages do


def packed(entries: Iterable[Entry]) -> bytes:
    return packed_rows([(entry, 0, b"") for entry in entries])


def packed_rows(rows: list[tuple[Entry, int, bytes]]) -> bytes:
    writer = tree.TreeWriter()
    for row in rows:
        writer.add(*row)
    return writer.finish()


def as_read(entry: Entry, nature: int, digests: bytes) -> tree.TreeEntry:
    raw = digests if entry.size else NOTHING[: len(digests)]
    parts = (raw[:32], raw[32:52], raw[52:])
    word = tree.KIND_WORDS[entry.kind]
    return tree.TreeEntry(path_text(entry.name), word, entry.mode, entry.size, tree.NATURES[nature], *parts)


@pytest.mark.property
@given(rows=st.lists(ROWS, max_size=40))
@settings(deadline=None)
def test_entries_come_back_and_the_later_of_a_path_wins(rows: list[tuple[Entry, int, bytes]]) -> None:
    entries = [entry for entry, _, _ in rows]
    blob = packed_rows(rows)
    assert list(tree.entries_of(blob)) == [as_read(*row) for row in rows]
    expected = {path_text(entry.name): tree.KIND_WORDS[entry.kind] for entry in entries}
    dense = tree.DenseTree(blob)
    assert tree.kinds_by_path(blob) == expected
    assert {path: dense[path] for path in dense} == expected
    assert len(dense) == len(expected)
    assert "not there" not in dense
    assert dense.get("not there", "-") == "-"


def test_many_entries_are_kept_densely() -> None:
    entries = [Entry(b"d/%d" % at, EntryKind.FILE, 0o644, at, b"") for at in range(150_000)]
    kinds = tree.kinds_by_path(packed(entries))
    assert isinstance(kinds, tree.DenseTree)
    assert kinds["d/149999"] == tree.FILE
    assert sum(1 for _ in kinds.items()) == 150_000
    assert len(packed(entries)) < 5 * len(entries)


def test_a_million_files_with_their_digests_fit_the_bound() -> None:
    digest = bytes(range(68))
    rows = [(Entry(b"d/%d" % at, EntryKind.FILE, 0o644, at + 1, b""), 0, digest) for at in range(10_000)]
    assert len(packed_rows(rows)) * 100 < ScanLimits().max_tree_bytes


def test_digests_that_are_cut_off_are_told_and_kinds_are_read_without_them() -> None:
    blob = packed_rows([(Entry(b"a", EntryKind.FILE, 0o755, 4, b""), 1, bytes(68))])[:-1]
    assert tree.kinds_by_path(blob) == {"a": tree.FILE}
    with pytest.raises(InvalidInputError, match="digests"):
        list(tree.entries_of(blob))


@pytest.mark.property
@given(rows=st.lists(ROWS, max_size=6), at=st.floats(0, 1, exclude_max=True), new=st.binary(min_size=1, max_size=3))
@settings(deadline=None)
def test_damaged_trees_end_in_our_errors_only(rows: list[tuple[Entry, int, bytes]], at: float, new: bytes) -> None:
    blob = packed_rows(rows)
    start = int(at * len(blob))
    for damaged in (blob[:start], blob[:start] + new + blob[start + len(new) :]):
        with suppress(InvalidInputError, BoundExceededError):
            list(tree.entries_of(damaged))
        with suppress(InvalidInputError, BoundExceededError):
            len(tree.kinds_by_path(damaged))


def test_an_empty_tree_and_broken_ones() -> None:
    assert list(tree.entries_of(packed([]))) == []
    blob = packed([Entry(b"a", EntryKind.FILE, 1, 2, b"")])
    for damaged in (blob[:-1] + b"!", b"garbage", blob[: len(blob) // 2] + b"\xff" + blob[len(blob) // 2 :]):
        with pytest.raises(InvalidInputError):
            list(tree.entries_of(damaged))
