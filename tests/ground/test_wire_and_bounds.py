# SPDX-License-Identifier: Apache-2.0
"""The ground: values to JSON and back, bounded reading, time, and what may reach a terminal."""

import io
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.artifact import Digest, Platform
from tidegate.bounds import printable, read_bounded
from tidegate.clock import parse_rfc3339, rfc3339
from tidegate.errors import BoundExceededError, InvalidInputError, TidegateError
from tidegate.evidence import ScannedArtifact
from tidegate.wire import from_builtins, from_json, from_msgpack, to_builtins, to_json, to_msgpack

ARTIFACT = ScannedArtifact(
    name="x", digest=Digest.of(b"x"), layers=(Digest.of(b"y"),), platform=Platform(os="linux", architecture="amd64")
)


def test_values_come_back_as_they_went() -> None:
    assert from_json(to_json(ARTIFACT), ScannedArtifact, what="it", max_bytes=1000) == ARTIFACT
    assert from_msgpack(to_msgpack(ARTIFACT), ScannedArtifact, what="it") == ARTIFACT
    assert from_builtins(to_builtins(ARTIFACT), ScannedArtifact, what="it") == ARTIFACT
    assert isinstance(to_builtins(ARTIFACT)["layers"], list)
    assert type(to_builtins(ARTIFACT)["digest"]) is str


def test_equal_dicts_are_equal_bytes() -> None:
    assert to_json({"b": 1, "a": 2}) == to_json({"a": 2, "b": 1}) == b'{"a":2,"b":1}'


def test_a_value_with_a_grammar_is_checked_on_the_way_in() -> None:
    bad = to_json(ARTIFACT).replace(b"sha256:", b"sha257:")
    with pytest.raises(InvalidInputError, match="digest"):
        from_json(bad, ScannedArtifact, what="it", max_bytes=1000)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[]", b"null", b'{"name":1}'])
def test_what_is_not_the_json_expected_is_named(data: bytes) -> None:
    with pytest.raises(InvalidInputError, match=r"^it: "):
        from_json(data, ScannedArtifact, what="it", max_bytes=1000)


def test_depth_and_length_are_bounded() -> None:
    with pytest.raises(BoundExceededError):
        from_json(b"[" * 200_000, list, what="it", max_bytes=1_000_000)
    with pytest.raises(BoundExceededError, match="max_bytes"):
        from_json(b" " * 11, list, what="it", max_bytes=10)


@pytest.mark.property
@given(st.binary(max_size=300), st.integers(0, 300))
def test_no_more_is_read_than_was_said(data: bytes, limit: int) -> None:
    source = io.BytesIO(data)
    if len(data) <= limit:
        assert read_bounded(source, max_bytes=limit, what="it") == data
    else:
        with pytest.raises(BoundExceededError):
            read_bounded(source, max_bytes=limit, what="it")
        assert source.tell() <= limit + 1


@pytest.mark.property
@given(st.text())
def test_what_is_printable_steers_no_terminal(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert text.isprintable() == (shown == text)


@pytest.mark.property
@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))])))
def test_moments_come_back(moment: datetime) -> None:
    assert parse_rfc3339(rfc3339(moment)) == moment
    assert rfc3339(moment).endswith("Z")


@pytest.mark.parametrize("text", ["", "yesterday", "2026-01-01", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        parse_rfc3339(text)


def test_an_error_says_where_what_and_the_way_out() -> None:
    error = TidegateError("it is broken", where="file", remedy="mend it")
    assert str(error) == "file: it is broken; mend it"
    assert str(BoundExceededError("max_bytes", 5, where="file")) == "file: over the limit max_bytes = 5"
