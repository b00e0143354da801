# SPDX-License-Identifier: Apache-2.0
"""What nobody cares for any more, or soon: release lines that images stand on, by when their last fix will have come.

Which image stands on which line is a fact of its last examination; when a line ends is looked up now.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, exists, false, func, or_, select

from tidegate.errors import InvalidInputError
from tidegate.knowledge.database import Knowledge
from tidegate.knowledge.support import support_of_line
from tidegate.oversight.fleet.answer import MAX_IMAGES
from tidegate.oversight.fleet.found_image import FoundImage, found_images
from tidegate.storage import schema
from tidegate.storage.fleet_schema import image_line
from tidegate.storage.node_schema import node_container
from tidegate.values import Struct

MAX_DAYS: Final = 3660


class EndingLine(Struct, frozen=True, kw_only=True):
    """A release line whose support ended, or ends within the time that was asked for.

    Attributes:
        ends: the day of its last free fix; None when only that it has ended is known.
        latest: of the line, the newest release.
        images: that stand on it, on the shelf or running.
    """

    product: str
    cycle: str
    ends: date | None
    ended: bool
    days_left: int | None
    latest: str
    images: int


class Unsupported(Struct, frozen=True, kw_only=True):
    """The answer.

    Attributes:
        lines: those that end, the first to end first.
        images: a page of those that stand on any of them, with the lines in `components`.
        images_in_all: how many there are.
        after: the cursor of the next page; 0 at the end.
    """

    lines: tuple[EndingLine, ...]
    images: tuple[FoundImage, ...]
    images_in_all: int
    after: int


def unsupported(
    connection: Connection, knowledge: Knowledge, *, within: timedelta, at: date, after: int, limit: int
) -> Unsupported:
    """What is not supported, or not for long.

    Args:
        connection: to read with.
        knowledge: when lines end.
        within: how far to look ahead; nothing is what has ended already.
        at: today.
        after: the cursor of the page before; 0 for the first.
        limit: of a page.

    Raises:
        InvalidInputError: no number of a page, or no time to look ahead.
    """
    if not 1 <= limit <= MAX_IMAGES or not 0 <= within.days <= MAX_DAYS:
        raise InvalidInputError(f"a page has 1 to {MAX_IMAGES} images, and one looks 0 to {MAX_DAYS} days ahead")
    lines = _ending(connection, knowledge, within.days, at)
    here = _on_any(lines)
    in_all = connection.scalar(select(func.count(func.distinct(image_line.c.digest))).where(here, _matters())) or 0
    query = select(image_line.c.digest).distinct().where(here, _matters()).order_by(image_line.c.digest)
    digests = list(connection.scalars(query.limit(limit).offset(after)))
    of_each: dict[str, list[str]] = {}
    named = select(image_line.c.digest, image_line.c.product, image_line.c.cycle).distinct()
    for digest, product, cycle in connection.execute(named.where(here, image_line.c.digest.in_(digests))):
        of_each.setdefault(digest, []).append(f"{product} {cycle}")
    return Unsupported(
        lines=tuple(lines),
        images=found_images(connection, digests, {one: sorted(said) for one, said in of_each.items()}),
        images_in_all=in_all,
        after=after + limit if after + limit < in_all else 0,
    )


def _ending(connection: Connection, knowledge: Knowledge, days: int, at: date) -> list[EndingLine]:
    counted = (
        select(image_line.c.product, image_line.c.cycle, func.count(func.distinct(image_line.c.digest)))
        .where(_matters())
        .group_by(image_line.c.product, image_line.c.cycle)
    )
    found = []
    for product, cycle, images in connection.execute(counted):
        support = support_of_line(knowledge, product, cycle, at)
        if support is None or not (support.ended or (support.days_left is not None and support.days_left <= days)):
            continue
        found.append(
            EndingLine(
                product=product,
                cycle=cycle,
                ends=support.ends,
                ended=support.ended,
                days_left=support.days_left,
                latest=support.latest,
                images=images,
            )
        )
    return sorted(found, key=lambda one: (one.ends or date.min, one.product, one.cycle))


def _on_any(lines: Sequence[EndingLine]) -> ColumnElement[bool]:
    table = image_line
    return or_(false(), *(and_(table.c.product == one.product, table.c.cycle == one.cycle) for one in lines))


def _matters() -> ColumnElement[bool]:
    """It is on the shelf, or runs; what is gone and runs nowhere is history."""
    held, runs, digest = schema.repository_manifest, node_container, image_line.c.digest
    return or_(
        exists(select(held.c.digest).where(held.c.digest == digest).correlate(image_line)),
        exists(select(runs.c.id).where(runs.c.digest == digest).correlate(image_line)),
    )
