# SPDX-License-Identifier: Apache-2.0
"""Whether there is a fix, and whether there will be one, as the sources tell."""

from pathlib import Path
from typing import Any

import pytest
from knowledge_samples import Builder, component, record

from tidegate.evidence import FixState
from tidegate.knowledge.affected import KeyRange
from tidegate.knowledge.database import Knowledge
from tidegate.knowledge.fix_state import fix_state
from tidegate.knowledge.match import match

OPEN = {"introduced": "0"}


@pytest.mark.parametrize(
    ("specific", "state"),
    [
        ({}, FixState.NOT_FIXED),
        ({"urgency": "not yet assigned"}, FixState.NOT_FIXED),
        ({"urgency": "unimportant"}, FixState.WILL_NOT_FIX),
        ({"urgency": "end-of-life"}, FixState.WILL_NOT_FIX),
        ({"nodsa": "Minor issue", "nodsa_reason": ""}, FixState.NOT_FIXED),
        ({"nodsa": "Minor issue", "nodsa_reason": "postponed"}, FixState.NOT_FIXED),
        ({"nodsa": "Minor issue", "nodsa_reason": "ignored"}, FixState.WILL_NOT_FIX),
        ({"status": "Fix deferred"}, FixState.NOT_FIXED),
        ({"fix_state": "Out of support scope"}, FixState.WILL_NOT_FIX),
        ({"resolution": "WILL_NOT_FIX"}, FixState.WILL_NOT_FIX),
        ({"urgency": 3, "status": ["ignored"], "nodsa": {}}, FixState.NOT_FIXED),
    ],
)
def test_what_a_distribution_says_of_an_unfixed_flaw(
    built: Builder, db: Path, specific: dict[str, Any], state: FixState
) -> None:
    one = record("DEBIAN-CVE-2024-1", "Debian:12", "a", OPEN)
    one["affected"][0]["ecosystem_specific"] = specific
    built({"Debian": [one]})
    with Knowledge.open(db) as knowledge:
        (finding,) = match(knowledge, [component("Debian:12", "a", "1.0-1")])
    assert (finding.fix_state, finding.fixed_version) == (state, None)


@pytest.mark.parametrize(
    ("events", "state", "fixed"),
    [
        ([OPEN, {"fixed": "2.0"}], FixState.FIXED, "2.0"),
        ([OPEN, {"last_affected": "1.5"}], FixState.UNKNOWN, None),
        ([OPEN], FixState.NOT_FIXED, None),
        ([OPEN, {"last_affected": "1.5"}, {"introduced": "2.0"}, {"fixed": "2.1"}], FixState.FIXED, "2.1"),
    ],
)
def test_what_a_range_says(
    built: Builder, db: Path, events: list[dict[str, str]], state: FixState, fixed: str | None
) -> None:
    built({"npm": [record("GHSA-1", "npm", "a", *events)]})
    with Knowledge.open(db) as knowledge:
        (finding,) = match(knowledge, [component("npm", "a", "1.0.0")])
    assert (finding.fix_state, finding.fixed_version) == (state, fixed)


def test_a_listed_version_says_nothing_of_a_fix(built: Builder, db: Path) -> None:
    one = record("CVE-1-1", "Maven", "g:a")
    one["affected"][0]["versions"] = ["1.0"]
    built({"Maven": [one]})
    with Knowledge.open(db) as knowledge:
        (finding,) = match(knowledge, [component("Maven", "g:a", "1.0.0")])
    assert finding.fix_state is FixState.UNKNOWN


def test_a_fix_is_a_fix_whatever_is_said() -> None:
    fixed = KeyRange(b"", b"\x01", "0", "1.0", "")
    assert fix_state(fixed, ["ignored"]) is FixState.FIXED


def test_copies_keep_what_was_said(built: Builder, db: Path) -> None:
    newer = record("DEBIAN-CVE-2024-1", "Debian:12", "a", OPEN, modified="2025-01-01T00:00:00Z")
    older = record("DEBIAN-CVE-2024-1", "Debian:12", "b", OPEN)
    older["affected"][0]["ecosystem_specific"] = {"urgency": "unimportant"}
    built({"Debian": [newer], "Debian:12": [older]})
    with Knowledge.open(db) as knowledge:
        found = match(knowledge, [component("Debian:12", name, "1.0-1") for name in "ab"])
    assert [one.fix_state for one in found] == [FixState.NOT_FIXED, FixState.WILL_NOT_FIX]
