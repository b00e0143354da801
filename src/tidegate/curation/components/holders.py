# SPDX-License-Identifier: Apache-2.0
"""Tells which images have any of some components."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from pyroaring import BitMap
from sqlalchemy import Connection, select

from tidegate.artifact import Digest
from tidegate.curation.components.remembered import pages
from tidegate.storage.component_schema import component_block, component_holder

_MANY: Final = 4
"""One image of so many is read with all the others between: cheaper than to be named."""


def holders_of(connection: Connection, components: BitMap) -> BitMap:
    """The numbers of the images that have any of these components."""
    if not components:
        return BitMap()
    # Those that are not folded are read first: one that is folded meanwhile is then known by what it says itself.
    unfolded = list(_unfolded(connection))
    found = BitMap.union(BitMap(), *_blocks(connection, components))
    found -= BitMap(number for number, _ in unfolded)
    return found | BitMap(number for number, own in unfolded if not own.isdisjoint(components))


def counts_of(connection: Connection, components: BitMap) -> dict[int, int]:
    """How many images have each of some components."""
    table = component_block
    unfolded = list(_unfolded(connection))
    own = BitMap(number for number, _ in unfolded)
    found: Counter[int] = Counter()
    for page in pages(components):
        query = select(table.c.component, table.c.holders).where(table.c.component.in_(page))
        for row in connection.execute(query):
            found[row.component] += len(BitMap.deserialize(row.holders) - own)
    for _, said in unfolded:
        found.update(said & components)
    return dict(found)


def components_of(connection: Connection, digest: str) -> BitMap:
    """The ids of what an image is made of; none for one that is not known."""
    table = component_holder
    said = connection.scalar(select(table.c.components).where(table.c.digest == digest))
    return BitMap.deserialize(said) if said is not None else BitMap()


def digests_of(connection: Connection, numbers: BitMap) -> tuple[Digest, ...]:
    """The images of these numbers, sorted."""
    if not numbers:
        return ()
    table = component_holder
    if len(numbers) * _MANY < numbers.max() - numbers.min():
        found = [
            digest
            for page in pages(numbers)
            for digest in connection.scalars(select(table.c.digest).where(table.c.number.in_(page)))
        ]
    else:
        query = select(table.c.number, table.c.digest).where(table.c.number.between(numbers.min(), numbers.max()))
        found = [row.digest for row in connection.execute(query) if row.number in numbers]
    return tuple(Digest(text) for text in sorted(found))


def _unfolded(connection: Connection) -> Iterator[tuple[int, BitMap]]:
    table = component_holder
    query = select(table.c.number, table.c.components).where(table.c.folded == 0)
    for row in connection.execute(query):
        yield row.number, BitMap.deserialize(row.components)


def _blocks(connection: Connection, components: Iterable[int]) -> Iterator[BitMap]:
    table = component_block
    for page in pages(components):
        for said in connection.scalars(select(table.c.holders).where(table.c.component.in_(page))):
            yield BitMap.deserialize(said)
