# SPDX-License-Identifier: Apache-2.0
"""Puts what images say of themselves into the blocks of their components, many images at once.

Nothing waits for it and nothing depends on it but speed: until an image is folded it is asked itself. A component's
blocks are written in transactions of their own, again and again if need be, to the same end: a kill in between, or an
image that is examined anew meanwhile, leaves it unfolded, and its next fold makes good whatever was written.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from pyroaring import BitMap
from sqlalchemy import Connection, RowMapping, bindparam, select, update

from tidegate.curation.components.remembered import pages
from tidegate.storage.component_schema import component_block, component_holder
from tidegate.storage.database import Database
from tidegate.storage.insert import insert_or_update_all
from tidegate.storage.lock_order import Rank, taking

BLOCK_BITS: Final = 16
MOST_AT_ONCE: Final = 5000
"""Images that are read into memory together."""
_COMPONENTS_AT_ONCE: Final = 2000
"""Whose blocks are written in one transaction, so that nobody else waits long."""


def fold(database: Database, *, most: int = MOST_AT_ONCE) -> int:
    """Folds all images that are not; one process at a time should do it.

    Args:
        database: where.
        most: images at once.

    Returns:
        How many were folded.

    Raises:
        OutsideError: the database failed.
    """
    folded = last = 0
    while images := _next(database, last, most):
        _fold(database, images)
        folded, last = folded + len(images), images[-1]["number"]
    return folded


def _next(database: Database, after: int, most: int) -> Sequence[RowMapping]:
    table = component_holder
    with database.read() as connection:
        query = select(table).where(table.c.folded == 0, table.c.number > after).order_by(table.c.number).limit(most)
        return connection.execute(query).mappings().all()


def _fold(database: Database, images: Sequence[RowMapping]) -> None:
    present, absent = _by_component(images)
    revisions = {image["number"]: image["revision"] for image in images}
    for page in pages(sorted(present.keys() | absent.keys()), _COMPONENTS_AT_ONCE):
        with database.begin() as connection:
            _write(connection, page, present, absent, revisions)
    with database.begin() as connection:
        _end(connection, images)


def _by_component(images: Sequence[RowMapping]) -> tuple[Mapping[int, BitMap], Mapping[int, BitMap]]:
    """For each component the numbers of the images that have it, and of those of which blocks may say so wrongly."""
    present: defaultdict[int, BitMap] = defaultdict(BitMap)
    absent: defaultdict[int, BitMap] = defaultdict(BitMap)
    for image in images:
        own = BitMap.deserialize(image["components"])
        for one in own:
            present[one].add(image["number"])
        for one in BitMap.deserialize(image["doubtful"]) - own:
            absent[one].add(image["number"])
    return present, absent


def _write(
    connection: Connection,
    page: Sequence[int],
    present: Mapping[int, BitMap],
    absent: Mapping[int, BitMap],
    revisions: Mapping[int, int],
) -> None:
    table, none = component_block, BitMap()
    spoken_of = BitMap.union(none, *(side.get(one, none) for one in page for side in (present, absent)))
    # What was read of an image may be old: another process may have folded what it became since.
    numbers = spoken_of & _unchanged(connection, spoken_of, revisions)
    touched = sorted({number >> BLOCK_BITS for number in numbers})
    taking(connection, Rank.COMPONENT, ["of blocks"])
    known: dict[tuple[int, int], BitMap] = {}
    for some in pages(page):
        query = select(table).where(table.c.component.in_(some), table.c.block.in_(touched))
        rows = connection.execute(query.order_by(table.c.component, table.c.block).with_for_update())
        known.update({(row.component, row.block): BitMap.deserialize(row.holders) for row in rows})
    changed = []
    for one in page:
        added, taken = _parts(present.get(one, none) & numbers), _parts(absent.get(one, none) & numbers)
        for block in sorted(added.keys() | taken.keys()):
            before = known.get((one, block), none)
            after = (before - taken.get(block, none)) | added.get(block, none)
            if after != before:
                changed.append({"component": one, "block": block, "holders": after.serialize()})
    insert_or_update_all(connection, table, changed)


def _unchanged(connection: Connection, numbers: BitMap, revisions: Mapping[int, int]) -> BitMap:
    """The images that are as they were read; nobody examines them anew before the transaction ends."""
    table, found = component_holder, BitMap()
    taking(connection, Rank.COMPONENT, ["holders"])
    for page in pages(numbers):
        query = select(table.c.number, table.c.revision).where(table.c.number.in_(page), table.c.folded == 0)
        rows = connection.execute(query.order_by(table.c.number).with_for_update())
        found.update(row.number for row in rows if row.revision == revisions[row.number])
    return found


def _parts(numbers: Iterable[int]) -> dict[int, BitMap]:
    parts: defaultdict[int, BitMap] = defaultdict(BitMap)
    for number in numbers:
        parts[number >> BLOCK_BITS].add(number)
    return parts


def _end(connection: Connection, images: Iterable[RowMapping]) -> None:
    """Says of images that the blocks speak for them, unless they were examined anew meanwhile."""
    table = component_holder
    ended = (
        update(table)
        .where(table.c.number == bindparam("of_number"), table.c.revision == bindparam("of_revision"))
        .values(folded=1, doubtful=BitMap().serialize())
    )
    rows = [{"of_number": image["number"], "of_revision": image["revision"]} for image in images]
    connection.execute(ended, rows)
