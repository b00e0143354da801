# SPDX-License-Identifier: Apache-2.0
"""The images that have some components: what they are called, in which state they are, where they run, who answers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from pyroaring import BitMap
from sqlalchemy import Connection, select

from tidegate.curation.components.holders import components_of, counts_of, holders_of
from tidegate.errors import InvalidInputError
from tidegate.oversight.fleet.found_image import FoundImage, found_images
from tidegate.oversight.fleet.parts import Part
from tidegate.storage.component_schema import component_holder
from tidegate.values import Struct

MAX_IMAGES: Final = 1000
"""Of one page."""
MAX_PARTS: Final = 1000
"""That are told by name; all of them count."""


class FoundPart(Struct, frozen=True, kw_only=True):
    """A component in a version, and how many images have it."""

    purl: str
    version: str
    images: int


class Answer(Struct, frozen=True, kw_only=True):
    """What is on record.

    Attributes:
        parts: components that were found, the first of them by package URL.
        unordered: of the package, of versions that could not be compared.
        images: a page of images, in the order they were first examined.
        images_in_all: how many there are, on the shelf or not.
        after: the cursor of the next page; 0 at the end.
    """

    parts: tuple[FoundPart, ...]
    unordered: tuple[FoundPart, ...]
    images: tuple[FoundImage, ...]
    images_in_all: int
    after: int


def answer(
    connection: Connection, parts: Sequence[Part], unordered: Sequence[Part] = (), *, after: int, limit: int
) -> Answer:
    """Which images have any of some components.

    Args:
        connection: to read with.
        parts: the components.
        unordered: told, not counted.
        after: the cursor of the page before; 0 for the first.
        limit: of a page.

    Raises:
        InvalidInputError: no number of a page.
    """
    if not 1 <= limit <= MAX_IMAGES:
        raise InvalidInputError(f"a page has 1 to {MAX_IMAGES} images")
    wanted = {part.id: part for part in parts}
    holders = holders_of(connection, BitMap(wanted))
    numbers = holders[holders.rank(after) : holders.rank(after) + limit]
    return Answer(
        parts=tuple(_counted(connection, parts)),
        unordered=tuple(_counted(connection, unordered)),
        images=_images(connection, list(numbers), wanted),
        images_in_all=len(holders),
        after=numbers.max() if numbers and numbers.max() != holders.max() else 0,
    )


def _counted(connection: Connection, parts: Sequence[Part]) -> Iterable[FoundPart]:
    told = parts[:MAX_PARTS]
    counts = counts_of(connection, BitMap(part.id for part in told))
    for part in told:
        yield FoundPart(purl=part.purl, version=part.version, images=counts.get(part.id, 0))


def _images(connection: Connection, numbers: Sequence[int], wanted: Mapping[int, Part]) -> tuple[FoundImage, ...]:
    holder, ids = component_holder, BitMap(wanted)
    query = select(holder.c.digest).where(holder.c.number.in_(numbers)).order_by(holder.c.number)
    digests = list(connection.scalars(query))
    because = {one: sorted(wanted[part].purl for part in components_of(connection, one) & ids) for one in digests}
    return found_images(connection, digests, because)
