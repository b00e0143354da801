# SPDX-License-Identifier: Apache-2.0
"""Paths, widths and bundles of C2SP tlog-tiles, with the specification's own examples."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import InvalidInputError
from tidegate.ledger.tile import MAX_SIZE, Tile, pack_entries, split_entries, split_hashes, tile_at, tiles_of


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 1234067), "tile/0/x001/x234/067"),
        (Tile(0, 0), "tile/0/000"),
        (Tile(63, 999, 255), "tile/63/999.p/255"),
        (Tile(-1, 1000, 1), "tile/entries/x001/000.p/1"),
        (Tile(2, 1_000_000_000_000), "tile/2/x001/x000/x000/x000/000"),
    ],
)
def test_paths_both_ways(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert Tile.parse(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "", "tile/0", "tile/0/", "tile/0/0", "tile/0/00", "tile/0/0000", "tile/64/000", "tile/00/000", "tile/01/000",
        "tile/-1/000", "tile/0/x000/000", "tile/0/001/000", "tile/0/x001/x000", "tile/0/000.p/0", "tile/0/000.p/256",
        "tile/0/000.p/300", "tile/0/000.p/01", "tile/0/000.p/", "tile/0/000.p", "tile/data/000", "tile/0/000/",
        "tile/0/../000", "/tile/0/000", "tile/0/000\n", "tile/0/x999/x999/x999/x999/x999/x999/999", "tile/0/٠٠٠",
    ],
)  # fmt: skip
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(InvalidInputError):
        Tile.parse(path)


def test_the_tiles_of_the_specifications_example() -> None:
    """A tree of 70,000: 273 full tiles and one of 112, then one full and one of 17, then one of 1."""
    tiles = list(tiles_of(70_000))
    assert [tile for tile in tiles if tile.width < 256] == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert (len(tiles), tiles.count(Tile(1, 0))) == (273 + 1 + 2 + 1, 1)
    assert list(tiles_of(256)) == [Tile(0, 0), Tile(1, 0, 1)]
    assert list(tiles_of(0)) == []


@given(level=st.integers(-1, 63), index=st.integers(0, MAX_SIZE // 256 - 1), width=st.integers(1, 256))
def test_every_tile_is_read_as_it_is_written(level: int, index: int, width: int) -> None:
    assert Tile.parse(Tile(level, index, width).path) == Tile(level, index, width)


def test_what_a_tree_has_not() -> None:
    for level, index, size in ((0, 0, 0), (0, 1, 256), (1, 0, 255), (0, -1, 5), (3, 0, 70_000)):
        with pytest.raises(InvalidInputError, match="has no tile"):
            tile_at(level, index, size)


@given(entries=st.lists(st.binary(max_size=300), min_size=1, max_size=256))
def test_bundles_both_ways(entries: list[bytes]) -> None:
    packed, tile = pack_entries(entries), Tile(-1, 0, len(entries))
    assert split_entries(packed, tile) == entries
    for broken in (packed[:-1], packed + b"\0", packed + b"\0\0", b"", packed[:1]):
        with pytest.raises(InvalidInputError):
            split_entries(broken, tile)


def test_a_tile_has_as_many_hashes_as_it_says() -> None:
    assert len(split_hashes(bytes(64), Tile(0, 0, 2))) == 2
    for length in (0, 63, 65, 96):
        with pytest.raises(InvalidInputError, match="holds"):
            split_hashes(bytes(length), Tile(0, 0, 2))
