# SPDX-License-Identifier: Apache-2.0
"""Time, handed in rather than looked up: an aware UTC datetime everywhere, RFC 3339 on the wire."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from tidegate.errors import InvalidInputError

Clock = Callable[[], datetime]
"""Returns the current moment as an aware UTC datetime."""


def system_clock() -> datetime:
    """The machine's clock, to the second: statements carry no finer time."""
    return datetime.now(UTC).replace(microsecond=0)


def rfc3339(moment: datetime) -> str:
    """Writes a moment as RFC 3339 in UTC with a `Z`.

    Raises:
        ValueError: the moment has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def now_ms() -> int:
    """Milliseconds since 1970, as this machine has them: for what is written down to be counted between."""
    return time.time_ns() // 1_000_000


def parse_rfc3339(text: str) -> datetime:
    """Reads an RFC 3339 moment into an aware UTC datetime.

    Raises:
        InvalidInputError: it is not one, or names no time zone.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInputError(f"not an RFC 3339 time: {text[:40]!r}") from error
    if moment.tzinfo is None:
        raise InvalidInputError(f"time without a zone: {text[:40]!r}")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:  # the last hours of the year 9999, or the first of the year 1, somewhere else
        raise InvalidInputError(f"a time outside the years 1 to 9999: {text[:40]!r}") from error
