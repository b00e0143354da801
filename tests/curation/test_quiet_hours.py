# SPDX-License-Identifier: Apache-2.0
"""Quiet hours by the wall clock of a place: over midnight, over weekends, over the change of the clock."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.curation.feedback.quiet import DAYS, QuietHours, parse_quiet
from tidegate.errors import InvalidInputError


@pytest.mark.parametrize(
    ("hours", "at", "end"),
    [
        ("22:00-08:00", "2027-01-04T21:59+00:00", None),
        ("22:00-08:00", "2027-01-04T22:00+00:00", "2027-01-05T08:00+00:00"),
        ("22:00-08:00", "2027-01-05T07:59+00:00", "2027-01-05T08:00+00:00"),
        ("22:00-08:00", "2027-01-05T08:00+00:00", None),
        ("mon-fri 22:00-08:00", "2027-01-09T07:00+00:00", "2027-01-09T08:00+00:00"),  # Friday's, on Saturday
        ("mon-fri 22:00-08:00", "2027-01-09T23:00+00:00", None),
        ("sat,sun 00:00-00:00", "2027-01-09T12:00+00:00", "2027-01-11T00:00+00:00"),  # both days are one quiet
        ("fri-mon 00:00-00:00", "2027-01-08T00:00+00:00", "2027-01-12T00:00+00:00"),
        ("20:00-08:00 Europe/Berlin", "2027-01-04T18:59+00:00", None),
        ("20:00-08:00 Europe/Berlin", "2027-01-04T19:00+00:00", "2027-01-05T07:00+00:00"),
        ("20:00-08:00 Europe/Berlin", "2027-03-27T20:00+00:00", "2027-03-28T06:00+00:00"),  # a shorter night
        ("20:00-08:00 Europe/Berlin", "2027-10-30T20:00+00:00", "2027-10-31T07:00+00:00"),  # a longer one
    ],
)
def test_when_it_ends(hours: str, at: str, end: str | None) -> None:
    found = parse_quiet(hours).end_of(datetime.fromisoformat(at))
    assert found == (datetime.fromisoformat(end) if end else None)


@pytest.mark.parametrize(
    "text",
    ["", "mon", "22:00", "22:00-", "25:00-08:00", "22:00-08:00 Mars/Olympus", "22:00-08:00 ../../etc",
     "00:00-00:00", "mon-sun 00:00-00:00 UTC", "22:00-08:00 UTC x"],
)  # fmt: skip
def test_what_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        parse_quiet(text)


_TIMES = st.times().map(lambda one: one.strftime("%H:%M"))


@pytest.mark.property
@given(
    st.sets(st.sampled_from(DAYS), min_size=1, max_size=6),
    _TIMES,
    _TIMES,
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"]),
    st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001 - UTC is put to it below
)
def test_after_the_end_it_is_quiet_no_more_and_before_it_was(
    days: set[str], start: str, end: str, zone: str, moment: datetime
) -> None:
    quiet, at = QuietHours(days=tuple(days), start=start, end=end, zone=zone), moment.replace(tzinfo=UTC)
    found = quiet.end_of(at)
    if found is None:
        return
    assert at < found <= at + timedelta(days=8)
    assert quiet.end_of(found) is None
    assert quiet.end_of(found - timedelta(microseconds=1)) == found
