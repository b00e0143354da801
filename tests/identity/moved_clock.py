# SPDX-License-Identifier: Apache-2.0
"""A clock that stands until it is moved."""

from datetime import UTC, datetime, timedelta


class MovedClock:
    """The fourth of May 2026, a Monday, ten o'clock; until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 5, 4, 10, 0, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)
