# SPDX-License-Identifier: Apache-2.0
"""From hits of the automaton to the secrets of one content: second looks, who yields to whom, what is encoded."""

from bisect import bisect_right, insort
from collections.abc import Iterable, Sequence
from typing import Final

from tidegate.scan.secrets.automaton import Trigger
from tidegate.scan.secrets.decoding import Run, runs
from tidegate.scan.secrets.rule import Buffer, Rule, Sighting
from tidegate.scan.secrets.telltales import Telltale
from tidegate.scan.secrets.token import confirm_token

Hit = tuple[int, int]
"""Start, and number of the trigger."""

TEXT_PROBE_BYTES: Final = 8_000


def is_text(content: Buffer) -> bool:
    """True for what has no NUL at its beginning."""
    return b"\0" not in bytes(content[:TEXT_PROBE_BYTES])


def sightings(
    rules: Sequence[Rule], triggers: Sequence[Trigger], content: Buffer, hits: Iterable[Hit], *, limit: int
) -> list[Sighting]:
    """The secrets of one content, by start; at most `limit` + 1.

    Args:
        rules: all of them; where two speak of the same bytes, one that yields says nothing after an earlier one.
        triggers: what the numbers in the hits mean.
        content: the whole content.
        hits: where triggers hit.
        limit: different secrets told.
    """
    candidates = sorted({(rule, start) for start, trigger in hits for rule in triggers[trigger].rules})
    found: dict[tuple[str, bytes], Sighting] = {}
    taken = _Taken()
    for index, start in candidates:
        rule = rules[index]
        sighting = (rule.confirm or confirm_token)(rule, content, start)
        if sighting is None:
            continue
        end = sighting.start + len(sighting.secret)
        if taken.overlaps(sighting.start, end):
            if rule.yields:
                continue
        else:
            taken.take(sighting.start, end)
        found.setdefault((sighting.rule, sighting.secret), sighting)
        if len(found) > limit:
            break
    return sorted(found.values(), key=lambda sighting: sighting.start)


def encoded_runs(
    triggers: Sequence[Trigger], content: Buffer, hits: Iterable[Hit], taken: Sequence[tuple[int, int]]
) -> list[Run]:
    """What is encoded in a content, decoded, by start; not what is part of a secret that is told already."""
    found: list[tuple[int, Telltale]] = []
    for start, number in hits:
        telltale = triggers[number].telltale
        if telltale is not None:
            found.append((start, telltale))
    found.sort(key=lambda it: it[0])
    if not found:
        return []
    told = _Taken(taken)
    return sorted(
        (run for run in runs(content, found) if not told.overlaps(run.start, run.end)), key=lambda run: run.start
    )


class _Taken:
    """Stretches of a content that belong to a secret; they do not overlap."""

    def __init__(self, stretches: Iterable[tuple[int, int]] = ()) -> None:
        self._stretches = sorted(stretches)

    def overlaps(self, start: int, end: int) -> bool:
        place = bisect_right(self._stretches, (start, end))
        before = place > 0 and self._stretches[place - 1][1] > start
        return before or (place < len(self._stretches) and self._stretches[place][0] < end)

    def take(self, start: int, end: int) -> None:
        insort(self._stretches, (start, end))
