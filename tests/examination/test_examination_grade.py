# SPDX-License-Identifier: Apache-2.0
"""Grades: every criterion moves as it says, caps hold, and what is not known counts for nothing."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.artifact import Digest
from tidegate.clock import parse_rfc3339
from tidegate.evidence import (
    Configuration,
    Exploitation,
    Finding,
    KnowledgeStamp,
    Match,
    Misconfiguration,
    ScannedArtifact,
    ScanReport,
    Severity,
    Support,
)
from tidegate.examination.grade import LETTERS, Grade, Maker, grade, letter_of
from tidegate.inventory import (
    Census,
    Custody,
    Ecosystem,
    FileCustody,
    Integrity,
    LocatedSecret,
    Origin,
    PackageUrl,
    SecretFact,
    Share,
    Version,
)
from tidegate.values import replace

DAY = date(2026, 6, 1)
LAYER = Digest.of(b"layer")
STAMP = KnowledgeStamp(sequence=1, digest="x", made_at=parse_rfc3339("2026-06-01T00:00:00Z"))
PROVED = Maker(signature="verified", signed_by="team", has_provenance=True, source="https://x.example", vendor="team")


def finding(severity: Severity = Severity.HIGH, *, fixed: str | None = "2", **rest: Any) -> Finding:
    told: dict[str, Any] = {
        "id": "CVE-1",
        "aliases": (),
        "purl": PackageUrl("pkg:pypi/a@1"),
        "name": "a",
        "version": Version("1"),
        "location": "a",
        "layer": LAYER,
        "summary": "",
        "fixed_version": Version(fixed) if fixed else None,
        "severity": severity,
        "score": None,
        "vector": "",
        "why": Match(
            ecosystem=Ecosystem("PyPI"), matched_name="a", matched_version=Version("1"), affected="", source=""
        ),
    }
    return Finding(**told | rest)


def share(origin: Origin, executables: int = 0) -> Share:
    return Share(origin=origin, files=1, bytes=1, executables=executables)


def report(**rest: Any) -> ScanReport:
    """An image with nothing to complain of."""
    told: dict[str, Any] = {
        "artifact": ScannedArtifact(name="x", digest=LAYER, layers=(LAYER,)),
        "components": (),
        "findings": (),
        "secrets": (),
        "configuration": Configuration(user="1", runs_as_root=False),
        "support": (
            Support(
                product="debian",
                cycle="12",
                ends=date(2028, 6, 30),
                ended=False,
                days_left=760,
                fixes_per_year=50,
                last_fix=date(2026, 5, 30),
            ),
        ),
        "outcomes": (),
        "knowledge": STAMP,
        "at": DAY,
        "census": Census(files=10, bytes=1 << 20),
        "custody": Custody(shares=tuple(share(origin) for origin in Origin)),
    }
    return ScanReport(**told | rest)


def graded(subject: ScanReport, *, created: str = "2026-05-20T00:00:00Z", maker: Maker = PROVED) -> Grade:
    return grade(subject, created=created, maker=maker, at=DAY)


def points(result: Grade, criterion: str) -> int | None:
    return next(mark.points for mark in result.marks if mark.criterion == criterion)


def test_an_image_with_nothing_to_complain_of_is_an_a() -> None:
    result = graded(report())
    assert (result.letter, result.points, result.caps) == ("A", 100, ())
    assert all(mark.points == 100 and mark.reasons for mark in result.marks)


SECRET = LocatedSecret(
    secret=SecretFact(rule="private-key", path="k", line=1, redacted="x", fingerprint="f"), layer=LAYER
)
EXPLOITED = Exploitation(cve="CVE-1", added=DAY, due=DAY, ransomware=False)
ENDED = Support(product="debian", cycle="9", ends=date(2022, 6, 30), ended=True, days_left=-1432)


@pytest.mark.parametrize(
    ("change", "criterion", "cap"),
    [
        ({"findings": (finding(Severity.CRITICAL),)}, "findings", 74),
        ({"findings": (finding(exploited=EXPLOITED),)}, "findings", 39),
        ({"findings": (finding(malicious=True),)}, "findings", 0),
        ({"support": (ENDED,)}, "support", 59),
        ({"secrets": (SECRET,)}, None, 39),
        ({"census": Census(files=1, bytes=1, shells=("bin/sh",))}, "need", 100),
        ({"census": Census(files=1, bytes=1, package_managers=("usr/bin/apt",))}, "need", 100),
        ({"census": Census(files=1, bytes=2 << 30)}, "need", 100),
        (
            {
                "misconfigurations": (
                    Misconfiguration(
                        id="T", title="t", severity=Severity.HIGH, reason="r", fix="f", references=(), subject="image"
                    ),
                )
            },
            "setup",
            100,
        ),
        (
            {
                "custody": Custody(
                    shares=(share(Origin.UNEXPLAINED, 1),),
                    modified=(FileCustody(path="bin/ls", origin=Origin.DISTRO, integrity=Integrity.MODIFIED),),
                )
            },
            "custody",
            100,
        ),
    ],
)
def test_what_is_wrong_costs_where_it_belongs(change: dict[str, Any], criterion: str | None, cap: int) -> None:
    best, worse = graded(report()), graded(report(**change))
    assert worse.points <= min(cap, best.points)
    moved = {mark.criterion for mark in worse.marks if mark.points != points(best, mark.criterion)}
    assert moved - {"care"} == ({criterion} if criterion else set())


def test_a_change_of_configuration_files_is_none_of_the_distributions_files() -> None:
    changed = FileCustody(path="etc/x", origin=Origin.DISTRO, integrity=Integrity.MODIFIED, is_configuration=True)
    assert points(graded(report(custody=Custody(shares=(), modified=(changed,)))), "custody") == 100


def test_what_is_not_known_counts_for_nothing_and_is_told() -> None:
    bare = report(support=(), census=None, custody=None, configuration=None)
    result = graded(bare, created="1970-01-01T00:00:00Z")
    untold = {mark.criterion for mark in result.marks if mark.points is None}
    assert untold == {"support", "care", "age", "need", "setup", "custody"}
    assert all(mark.reasons and mark.letter == "–" for mark in result.marks if mark.points is None)
    assert result.points == 100
    assert graded(report(knowledge=None)).points <= 59


def test_proof_of_the_maker_counts() -> None:
    ladder = [
        Maker(signature="none"),
        Maker(signature="present"),
        Maker(signature="present", has_provenance=True),
        Maker(signature="present", has_provenance=True, source="x"),
        PROVED,
    ]
    told = [points(graded(report(), maker=maker), "maker") or 0 for maker in ladder]
    assert told == sorted(set(told))


@given(st.integers(0, 3000), st.integers(0, 3000))
def test_older_is_never_better_and_longer_supported_never_worse(one: int, other: int) -> None:
    less, more = sorted((one, other))
    ages = [
        points(graded(report(), created=f"{DAY - timedelta(days=days)}T00:00:00Z"), "age") or 0 for days in (less, more)
    ]
    assert ages[0] >= ages[1]
    told = report().support[0]
    left = [points(graded(report(support=(replace(told, days_left=days),))), "support") or 0 for days in (less, more)]
    assert left[0] <= left[1]


@given(st.lists(st.sampled_from(list(Severity)), max_size=6), st.sampled_from(list(Severity)))
def test_one_more_finding_is_never_better(found: list[Severity], one: Severity) -> None:
    all_found = [finding(severity, id=f"CVE-{number}") for number, severity in enumerate((*found, one))]
    before, after = graded(report(findings=tuple(all_found[:-1]))), graded(report(findings=tuple(all_found)))
    assert after.points <= before.points


def test_letters() -> None:
    assert [letter_of(least) for least, _ in LETTERS] == ["A", "B", "C", "D", "F"]
    assert letter_of(None) == "–"
    assert letter_of(89) == "B"


def test_programs_of_known_origin_are_not_held_against_it() -> None:
    shares = (share(Origin.DISTRO, 900), share(Origin.UNEXPLAINED, 1))
    result = graded(report(custody=Custody(shares=shares)))
    assert points(result, "custody") == 85
    assert next(mark.reasons for mark in result.marks if mark.criterion == "custody") == (
        "1 executable nobody answers for",
    )
