# SPDX-License-Identifier: Apache-2.0
"""Quiet hours: when a channel is not to speak, by the wall clock of a place. Pure."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tidegate.errors import InvalidInputError
from tidegate.values import Struct

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LOOK_AHEAD_DAYS: Final = 8


class QuietHours(Struct, frozen=True, kw_only=True):
    """From one time of day to another; where the end is not after the start, to that of the next day.

    Attributes:
        days: on which they begin, as in `DAYS`.
        start, end: `22:00`. Equal for whole days.
        zone: by the IANA database, like `Europe/Berlin`.
    """

    days: tuple[str, ...]
    start: str
    end: str
    zone: str = "UTC"

    def check(self) -> None:
        """Raises InvalidInputError when it means nothing, or would never let anything through."""
        if not self.days or set(self.days) - set(DAYS):
            raise InvalidInputError(
                "no days of quiet hours", where=",".join(self.days)[:80], remedy="write mon,tue,sat"
            )
        _zone(self.zone)
        if _time(self.start) == _time(self.end) and set(self.days) == set(DAYS):
            raise InvalidInputError(
                "quiet for ever", where=f"{self.start}-{self.end}", remedy="leave hours to speak in"
            )

    def end_of(self, at: datetime) -> datetime | None:
        """The moment at which the quiet ends that a moment lies in; None when it lies in none.

        Hours that follow on each other are one quiet. Where the clock is put forward or back, the wall clock counts.

        Args:
            at: with its zone.
        """
        found: datetime | None = None
        while (end := self._one_end(found or at)) is not None:
            found = end
            if found - at > timedelta(days=_LOOK_AHEAD_DAYS):
                break
        return found

    def _one_end(self, at: datetime) -> datetime | None:
        zone = _zone(self.zone)
        today = at.astimezone(zone).date()
        ends = [
            end
            for begins in (today - timedelta(days=1), today)
            if DAYS[begins.weekday()] in self.days
            for start, end in [self._hours(begins, zone)]
            if start <= at < end
        ]
        return max(ends, default=None)

    def _hours(self, begins: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
        start, end = _time(self.start), _time(self.end)
        ends = begins if end > start else begins + timedelta(days=1)
        # Compared in UTC: two moments of one zone are compared by their wall clocks, which may repeat.
        first = datetime.combine(begins, start, zone).astimezone(UTC)
        return first, datetime.combine(ends, end, zone).astimezone(UTC)


def parse_quiet(text: str) -> QuietHours:
    """Reads `mon-fri 20:00-08:00 Europe/Berlin`; the days may be left out for all of them, the zone for UTC.

    Raises:
        InvalidInputError: it is none.
    """
    words = text.split()
    days: tuple[str, ...] = DAYS
    if words and ":" not in words[0]:
        days = tuple(day for part in words.pop(0).lower().split(",") for day in _span(part))
    start, dash, end = (words.pop(0) if words else "").partition("-")
    if not dash or len(words) > 1:
        raise InvalidInputError("no quiet hours", where=text[:80], remedy="write 'mon-fri 20:00-08:00 Europe/Berlin'")
    found = QuietHours(days=days, start=start, end=end, zone=words[0] if words else "UTC")
    found.check()
    return found


def _span(text: str) -> tuple[str, ...]:
    first, dash, last = text.partition("-")
    if first not in DAYS or (dash and last not in DAYS):
        raise InvalidInputError("no day", where=text[:20], remedy="write mon, tue, wed, thu, fri, sat or sun")
    if not dash:
        return (first,)
    begin, end = DAYS.index(first), DAYS.index(last)
    return tuple(DAYS[number % len(DAYS)] for number in range(begin, end + 1 if end >= begin else end + 1 + len(DAYS)))


def _time(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError as error:
        raise InvalidInputError("no time of day", where=text[:20], remedy="write 22:00") from error


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidInputError("no time zone", where=name[:80], remedy="write Europe/Berlin, or UTC") from error
