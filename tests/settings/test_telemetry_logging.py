# SPDX-License-Identifier: Apache-2.0
"""The log: one line a record, JSON for machines, and never a secret."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.telemetry import redact, set_up_logging


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    logger = logging.getLogger("tidegate")
    before = (logger.handlers[:], logger.level, logger.propagate)
    yield
    logger.handlers[:], logger.propagate = before[0], before[2]
    logger.setLevel(before[1])


def test_text_is_one_line_that_cannot_steer_a_terminal() -> None:
    stream = io.StringIO()
    set_up_logging(stream, level="info", form="text")
    logging.getLogger("tidegate.oci.registry").info("tag %s", "a\x1b[2J\nb")
    logging.getLogger("tidegate").debug("not told")
    assert stream.getvalue().endswith(" info oci.registry: tag a\\x1b[2J\\nb\n")
    assert stream.getvalue().count("\n") == 1


def test_json_is_an_object_a_line_with_the_traceback_in_it() -> None:
    stream = io.StringIO()
    set_up_logging(stream)
    try:
        int("token=abcdef")
    except ValueError:
        logging.getLogger("tidegate.server").exception("failed")
    told = json.loads(stream.getvalue())
    assert (told["level"], told["logger"], told["message"]) == ("error", "tidegate.server", "failed")
    assert "ValueError" in told["error"]
    assert "abcdef" not in stream.getvalue()
    assert told["time"].endswith("Z")


def test_a_second_set_up_takes_the_place_of_the_first() -> None:
    first, second = io.StringIO(), io.StringIO()
    set_up_logging(first)
    set_up_logging(second)
    logging.getLogger("tidegate").warning("x")
    assert first.getvalue() == ""
    assert second.getvalue().count("\n") == 1


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer {}",
        "authorization: Basic {}",
        "{{'authorization': 'Bearer {}'}}",
        "GET /v2/?token={}&scope=x",
        '{{"access_token": "{}"}}',
        "password={}",
        "client_secret: {}",
        "https://user:{}@registry.example/v2/",
        "https://{}@registry.example/v2/",
        "-----BEGIN EC PRIVATE KEY-----\n{}\n-----END EC PRIVATE KEY-----",
        "sent Bearer {} on",
    ],
)
@given(secret=st.text("abcXYZ019-_", min_size=12, max_size=40))
def test_secrets_are_taken_out(text: str, secret: str) -> None:
    assert secret not in redact(text.format(secret))


def test_tokens_of_three_parts_are_known_by_their_look() -> None:
    assert "eyJ" not in redact("got eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl from the server")


@pytest.mark.parametrize(
    "text",
    [
        "pulled registry.example:5000/a/b@sha256:" + "ab" * 32,
        "layer 3 of 5 read in 0.2 s",
        "https://registry.example/v2/a/manifests/1",
        "basic checks passed",
    ],
)
def test_ordinary_lines_are_left_alone(text: str) -> None:
    assert redact(text) == text
