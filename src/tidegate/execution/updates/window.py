# SPDX-License-Identifier: Apache-2.0
"""Windows of time in which workloads may be changed: `Mon-Fri 09:00-16:00 Europe/Berlin`."""

import re
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tidegate.errors import InvalidInputError
from tidegate.values import Struct

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WINDOW: Final = re.compile(
    r"(?:(?P<first>[A-Za-z]{3})(?:-(?P<last>[A-Za-z]{3}))? )?"
    r"(?P<begins>[0-2][0-9]:[0-5][0-9])-(?P<ends>[0-2][0-9]:[0-5][0-9])(?: (?P<zone>[A-Za-z0-9_+/-]{1,60}))?"
)
_WEEK: Final = 7


class Window(Struct, frozen=True, kw_only=True):
    """Some hours of some days.

    Attributes:
        days: on which it begins, Monday is 0.
        begins, ends: minutes of the day, there; one that ends before it begins goes on past midnight.
        zone: name of a time zone (IANA).
        text: as it was written.
    """

    days: tuple[int, ...]
    begins: int
    ends: int
    zone: str
    text: str

    def opens_at(self, at: datetime) -> datetime:
        """The first moment from `at` on at which it is open: `at` itself when it is."""
        zone = ZoneInfo(self.zone)
        here = at.astimezone(zone)
        for ahead in range(-1, _WEEK + 1):
            day = (here + timedelta(days=ahead)).date()
            if day.weekday() not in self.days:
                continue
            begins = datetime.combine(day, _clock(self.begins), zone)
            closes = day + timedelta(days=1) if self.ends <= self.begins else day
            ends = datetime.combine(closes, _clock(self.ends), zone)
            if here < ends:
                return max(at, begins.astimezone(at.tzinfo))
        raise AssertionError("a window opens every week")


def read_window(text: str) -> Window:
    """Reads `[DAY[-DAY]] HH:MM-HH:MM [ZONE]`; every day and UTC when they are left out.

    Raises:
        InvalidInputError: it is no window.
    """
    found = _WINDOW.fullmatch(text)
    if found is None:
        raise _no_window(text)
    try:
        first = _DAYS.index(found["first"].lower()) if found["first"] else 0
        last = _DAYS.index(found["last"].lower()) if found["last"] else (first if found["first"] else _WEEK - 1)
        begins, ends = (time.fromisoformat(found[name]) for name in ("begins", "ends"))
        zone = found["zone"] or "UTC"
        ZoneInfo(zone)
    except (ValueError, ZoneInfoNotFoundError, OSError) as error:
        raise _no_window(text) from error
    days = tuple((first + ahead) % _WEEK for ahead in range((last - first) % _WEEK + 1))
    return Window(days=days, begins=_minutes(begins), ends=_minutes(ends), zone=zone, text=text)


def _no_window(text: str) -> InvalidInputError:
    return InvalidInputError(
        f"not a window of time: {text[:60]!r}", remedy="write it like Mon-Fri 09:00-16:00 Europe/Berlin"
    )


def opens_at(windows: tuple[Window, ...], at: datetime) -> datetime:
    """The first moment from `at` on at which one of them is open; without any, `at`."""
    return min((one.opens_at(at) for one in windows), default=at)


def _minutes(moment: time) -> int:
    return moment.hour * 60 + moment.minute


def _clock(minutes: int) -> time:
    return time(minutes // 60, minutes % 60)
