# SPDX-License-Identifier: Apache-2.0
"""What changed between two knowledge files, as ranges: whoever stores components joins those again, and no others."""

from collections.abc import Iterator
from typing import Any, Final

from tidegate.knowledge.affected import AffectedRange
from tidegate.knowledge.database import Knowledge

EPSS_STEP: Final = 0.1
"""A likelihood counts as changed when it passes a multiple of this: EPSS moves a little for every CVE every day."""

_SUMS: Final = """
SELECT name, id, content, severity, vector, malicious, exploited, exploited_due, ransomware, epss
FROM advisory ORDER BY name
"""
_RANGES: Final = """
SELECT ecosystem.name, affected.name, low, high
FROM affected JOIN ecosystem ON ecosystem.id = affected.ecosystem WHERE advisory = ?
"""


def changed_ranges(old: Knowledge | None, new: Knowledge) -> Iterator[AffectedRange]:
    """Yields every range a finding may appear in, change in or vanish from.

    An advisory counts as changed when it is new or gone, or when its names, ranges, rating or entry in the KEV
    catalogue change, or its EPSS passes a multiple of `EPSS_STEP`; then both its old and its new ranges are yielded.
    Texts, dates and references do not count.

    Args:
        old: what the components were last joined with; None when never: then every range is yielded.
        new: what they shall be joined with.

    Returns:
        Ranges sorted by advisory, ecosystem, name and bounds, each once.

    Raises:
        InvalidInputError: one of the files is corrupt.
    """
    before = {} if old is None else _sums(old)
    after = _sums(new)
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if was is not None and now is not None and was[1:] == now[1:]:
            continue
        ranges: set[AffectedRange] = set()
        if old is not None and was is not None:
            ranges.update(ranges_of_advisory(old, name, was[0]))
        if now is not None:
            ranges.update(ranges_of_advisory(new, name, now[0]))
        yield from sorted(ranges)


def _sums(knowledge: Knowledge) -> dict[str, tuple[Any, ...]]:
    """By advisory: its number in this file, then all that counts."""
    return {
        name: (number, *facts, None if epss is None else int(epss / EPSS_STEP))
        for name, number, *facts, epss in knowledge.rows(_SUMS)
    }


def ranges_of_advisory(knowledge: Knowledge, advisory: str, number: int) -> Iterator[AffectedRange]:
    """Yields the ranges of an advisory, by its name and by its number in this file."""
    for ecosystem, name, low, high in knowledge.rows(_RANGES, (number,)):
        yield AffectedRange(ecosystem, name, low, high, advisory)
