# SPDX-License-Identifier: Apache-2.0
"""Which components the shelf's images have: new knowledge is joined with them by range, without a rescan."""

from collections.abc import Iterable

from sqlalchemy import Connection, delete, insert, select

from tidegate.artifact import Digest
from tidegate.inventory import Inventory
from tidegate.knowledge.affected import AffectedRange
from tidegate.knowledge.target import match_target
from tidegate.storage import schema


def remember_components(connection: Connection, inventory: Inventory) -> None:
    """Stores what advisories could speak of; replaces what was stored for this image before."""
    table = schema.component
    rows = [
        {
            "digest": inventory.digest,
            "ecosystem": target.ecosystem,
            "match_name": target.name,
            "version": component.version,
            "version_key": target.key,
            "purl": component.purl,
            "location": component.location,
        }
        for component in inventory.components
        if (target := match_target(component)) is not None
    ]
    connection.execute(delete(table).where(table.c.digest == inventory.digest))
    if rows:
        connection.execute(insert(table), rows)


def images_in(connection: Connection, ranges: Iterable[AffectedRange]) -> tuple[Digest, ...]:
    """Digests of the images that have a component inside any of these ranges, sorted.

    One index look-up per range: the cost follows what changed, not how much is stored.
    """
    table = schema.component
    found: set[str] = set()
    for item in ranges:
        query = (
            select(table.c.digest)
            .where(
                table.c.ecosystem == item.ecosystem,
                table.c.match_name == item.name,
                table.c.version_key >= item.low,
                table.c.version_key < item.high,
            )
            .distinct()
        )
        found.update(connection.scalars(query))
    return tuple(Digest(text) for text in sorted(found))
