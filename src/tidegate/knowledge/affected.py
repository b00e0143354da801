# SPDX-License-Identifier: Apache-2.0
"""Affected versions as half-open ranges of keys, made of an OSV range's events (OSV schema 1.7, "Evaluation")."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tidegate.inventory import Version
from tidegate.knowledge.versions import LOWEST, OPEN_END, VersionOrder, successor


class KeyRange(NamedTuple):
    """Versions `low <= key < high`, and the same in the advisory's own words.

    Attributes:
        introduced: the version at the lower end; "0" for the first ever.
        fixed: the version at the upper end, when that is a fix; "" otherwise.
        last: the last affected version, when the upper end is one; "" otherwise.
    """

    low: bytes
    high: bytes
    introduced: str
    fixed: str
    last: str


class AffectedRange(NamedTuple):
    """One range of one package's versions that one advisory names.

    Attributes:
        ecosystem: as looked up (`tidegate.knowledge.target.lookup_ecosystem`).
        name: as looked up (`tidegate.knowledge.target.lookup_name`).
        advisory: the advisory's id.
    """

    ecosystem: str
    name: str
    low: bytes
    high: bytes
    advisory: str


class Event(NamedTuple):
    """One event of an OSV range: what happens (`introduced`, `fixed`, `last_affected`, `limit`) at which version."""

    what: str
    version: str


def words(introduced: str, fixed: str, last: str) -> str:
    """Says a range for people: `>= 0, < 1.2.4-r3`, `= 1.0`, `>= 2.0`."""
    if last and last == introduced:
        return f"= {last}"
    upper = f", < {fixed}" if fixed else f", <= {last}" if last else ""
    return f">= {introduced}{upper}"


def ranges_of(events: Sequence[Event], order: VersionOrder) -> list[KeyRange]:
    """Turns events into ranges, in ascending order, none empty.

    Events at the same version count in the order they are written.

    Raises:
        InvalidVersionError: an event's version has no place in the order.
    """
    placed = sorted(
        ((_key(event, order), event) for event in events if event.what != "limit"), key=lambda pair: pair[0]
    )
    found: list[KeyRange] = []
    start: tuple[bytes, str] | None = None
    for key, event in placed:
        if event.what == "introduced":
            start = start or (key, event.version)
        elif start is not None:
            fixed, last = (event.version, "") if event.what == "fixed" else ("", event.version)
            found.append(KeyRange(start[0], key, start[1], fixed, last))
            start = None
    if start is not None:
        found.append(KeyRange(start[0], OPEN_END, start[1], "", ""))
    return [one for one in _limited(found, events, order) if one.low < one.high]


def exact(version: str, order: VersionOrder) -> KeyRange:
    """Returns the range of one listed version.

    Raises:
        InvalidVersionError: it has no place in the order.
    """
    key = order.key(Version(version))
    return KeyRange(key, successor(key), version, "", version)


def outside(ranges: Iterable[KeyRange], one: KeyRange) -> bool:
    """True when a listed version is in none of the ranges."""
    return not any(each.low <= one.low < each.high for each in ranges)


def _key(event: Event, order: VersionOrder) -> bytes:
    if event.version == "0" and event.what == "introduced":
        return LOWEST
    key = order.key(Version(event.version))
    return successor(key) if event.what == "last_affected" else key


def _limited(ranges: list[KeyRange], events: Sequence[Event], order: VersionOrder) -> list[KeyRange]:
    limits = [event.version for event in events if event.what == "limit"]
    if not limits or "*" in limits:
        return ranges
    top = max(order.key(Version(limit)) for limit in limits)
    return [one if one.high <= top else one._replace(high=top, fixed="", last="") for one in ranges]
