# SPDX-License-Identifier: Apache-2.0
"""A packed tree comes back as it was, in a dict or in eight bytes an entry."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.errors import InvalidInputError
from tidegate.scan import tree
from tidegate.scan.entry import Entry, EntryKind, path_text

ENTRIES = st.lists(
    st.builds(
        Entry,
        st.binary(min_size=1, max_size=30).map(lambda name: name.replace(b"\0", b"-")),
        st.sampled_from(EntryKind),
        st.integers(0, 0o7777),
        st.integers(0, (1 << 63) - 1),
        st.just(b""),
    ),
    max_size=40,
)


def packed(entries: list[Entry]) -> bytes:
    writer = tree.TreeWriter()
    for entry in entries:
        writer.add(entry)
    return writer.finish()


@pytest.mark.property
@given(entries=ENTRIES)
@settings(deadline=None)
def test_entries_come_back_and_the_later_of_a_path_wins(entries: list[Entry]) -> None:
    blob = packed(entries)
    assert list(tree.entries(blob)) == entries
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


def test_an_empty_tree_and_broken_ones() -> None:
    assert list(tree.entries(packed([]))) == []
    blob = packed([Entry(b"a", EntryKind.FILE, 1, 2, b"")])
    for damaged in (blob[:-1] + b"!", b"garbage", blob[: len(blob) // 2] + b"\xff" + blob[len(blob) // 2 :]):
        with pytest.raises(InvalidInputError):
            list(tree.entries(damaged))
