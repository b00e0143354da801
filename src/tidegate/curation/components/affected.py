# SPDX-License-Identifier: Apache-2.0
"""Joins changed ranges of versions with components: which images new knowledge speaks of, without a rescan."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable

from pyroaring import BitMap
from sqlalchemy import Connection, select

from tidegate.artifact import Digest
from tidegate.curation.components.holders import digests_of, holders_of
from tidegate.curation.components.remembered import pages
from tidegate.knowledge.affected import AffectedRange
from tidegate.storage.component_schema import component_version


def images_in(connection: Connection, ranges: Iterable[AffectedRange]) -> tuple[Digest, ...]:
    """Digests of the images that have a component inside any of these ranges, sorted.

    The cost follows what changed and which components there are, not how many images have them.
    """
    return digests_of(connection, holders_of(connection, components_in(connection, ranges)))


def components_in(connection: Connection, ranges: Iterable[AffectedRange]) -> BitMap:
    """Ids of the components inside any of these ranges."""
    wanted: defaultdict[str, defaultdict[str, list[tuple[bytes, bytes]]]] = defaultdict(lambda: defaultdict(list))
    for item in ranges:
        wanted[item.ecosystem][item.name].append((item.low, item.high))
    found = BitMap()
    for ecosystem, names in wanted.items():
        merged = {name: _merged(parts) for name, parts in names.items()}
        for page in pages(merged):
            query = select(
                component_version.c.id, component_version.c.match_name, component_version.c.version_key
            ).where(
                component_version.c.ecosystem == ecosystem,
                component_version.c.match_name.in_(page),
                component_version.c.matched == 1,
            )
            rows = connection.execute(query)
            found.update(row.id for row in rows if _is_inside(merged[row.match_name], row.version_key))
    return found


def _merged(parts: list[tuple[bytes, bytes]]) -> tuple[list[bytes], list[bytes]]:
    """Half-open ranges that do not touch, in order: where they begin, and where they end."""
    lows: list[bytes] = []
    highs: list[bytes] = []
    for low, high in sorted(parts):
        if low >= high:
            continue
        if highs and low <= highs[-1]:
            highs[-1] = max(highs[-1], high)
        else:
            lows.append(low)
            highs.append(high)
    return lows, highs


def _is_inside(merged: tuple[list[bytes], list[bytes]], key: bytes) -> bool:
    lows, highs = merged
    at = bisect_right(lows, key) - 1
    return at >= 0 and key < highs[at]
