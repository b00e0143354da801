# SPDX-License-Identifier: Apache-2.0
"""The page of a tide: its steps in order, each with when it began and ended, and what is still open."""

from collections.abc import Iterator
from typing import Final

from tidegate.cli.page import Line, Style, piece
from tidegate.oversight.tide.story import Story

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
_SHOWN_OPEN: Final = 50
_STYLES: Final = {
    "recalled": Style.BAD,
    "incidents opened": Style.WORST,
    "containment failed": Style.BAD,
    "admitted again": Style.GOOD,
    "contained": Style.GOOD,
    "workloads rolled": Style.GOOD,
    "incidents closed": Style.GOOD,
    "ended": Style.GOOD,
}


def tide_page(found: Story) -> Iterator[Line]:
    """A story for people."""
    yield (piece(f"tide {found.id}", Style.TITLE), piece(f"  {found.cause}: {found.why}"))
    ended = f"ended after {elapsed(found.seconds)}" if found.seconds is not None else "open"
    yield (
        piece(f"began {found.began_at}, "),
        piece(ended, Style.GOOD if found.ended_at else Style.WARN),
        piece(f"; touches {found.images} images, {found.shut} shut"),
    )
    yield ()
    width = max((len(one.name) for one in found.steps), default=0)
    yield (piece(f"{'after':>9}  {'until':>9}  {'step':<{width}}  {'count':>6}  first", Style.FAINT),)
    for one in found.steps:
        yield (
            piece(f"{elapsed(one.after):>9}  {elapsed(one.until):>9}  ", Style.NOTE),
            piece(f"{one.name:<{width}}", _STYLES.get(one.name, Style.PLAIN)),
            piece(f"  {one.count:>6}  "),
            piece(one.first_at, Style.FAINT),
        )
    if found.open:
        yield ()
        yield (piece(f"open: {len(found.open)}", Style.WARN),)
    for still in found.open[:_SHOWN_OPEN]:
        about = f" ({still.digest[:19]})" if still.digest and still.digest != still.subject else ""
        yield (
            piece(f"  {still.what:<9} ", Style.WARN),
            piece(f"{still.subject}{about} waits for {still.waits_for}"),
            piece(f", since {still.since}", Style.FAINT),
        )
    if left := len(found.open[_SHOWN_OPEN:]):
        yield (piece(f"  and {left} more", Style.FAINT),)


def elapsed(seconds: float) -> str:
    """Seconds in the unit that reads best."""
    if seconds < _MINUTE:
        return f"{seconds:.2f} s"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.1f} min"
    return f"{seconds / _HOUR:.1f} h" if seconds < _DAY else f"{seconds / _DAY:.1f} d"
