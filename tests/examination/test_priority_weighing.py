# SPDX-License-Identifier: Apache-2.0
"""Findings weighed: what moves the number, what never lowers it, and that its reasons add up."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.artifact import Digest
from tidegate.errors import NotFoundError
from tidegate.evidence import Configuration, Exploitation, Finding, FixState, Match, Priority, Severity, Urgency
from tidegate.examination.priority import Exposure, exposure_of, rank, weigh
from tidegate.examination.priority_profiles import PROFILES, Profile, Trait, profile_named
from tidegate.inventory import Basis, Census, Ecosystem, PackageUrl, Scope, Version
from tidegate.values import replace

AT = date(2026, 11, 22)
QUIET = Exposure()
OPEN = Exposure(known=True, runs_as_root=True, ports=("443/tcp",), setuid=3)
KEV = Exploitation(cve="CVE-2021-44228", added=date(2021, 12, 10), due=date(2021, 12, 24), ransomware=True)
REMOTE = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H"
LOCAL = "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H"


def finding(**more: Any) -> Finding:
    values: dict[str, Any] = {
        "id": "CVE-2026-1",
        "aliases": (),
        "purl": PackageUrl("pkg:pypi/a@1.0"),
        "name": "a",
        "version": Version("1.0"),
        "location": "usr/lib/a",
        "layer": Digest("sha256:" + "1" * 64),
        "summary": "",
        "fixed_version": None,
        "severity": Severity.MEDIUM,
        "score": 5.0,
        "vector": "",
        "why": Match(
            ecosystem=Ecosystem("PyPI"), matched_name="a", matched_version=Version("1.0"), affected="", source=""
        ),
    }
    return Finding(**(values | more))


def score(one: Finding, exposure: Exposure = QUIET, profile: Profile | None = None, at: date = AT) -> float:
    return weigh(one, exposure, profile, at).score


SHARES = st.one_of(st.none(), st.floats(0, 1))
VECTORS = st.sampled_from(
    [
        "",
        REMOTE,
        LOCAL,
        "(AV:N/AC:L/Au:N/C:C/I:P/A:N)",
        "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:N/SA:N",
        "x",
    ]
)
EXPLOITED = st.one_of(
    st.none(),
    st.builds(
        Exploitation,
        cve=st.just("CVE-2021-1"),
        added=st.dates(date(2021, 1, 1), date(2026, 1, 1)),
        due=st.dates(date(2026, 1, 1), date(2027, 12, 31)),
        ransomware=st.booleans(),
    ),
)
FINDINGS = st.builds(
    finding,
    severity=st.sampled_from(Severity),
    score=st.one_of(st.none(), st.integers(0, 100).map(lambda tenths: tenths / 10)),
    vector=VECTORS,
    exploited=EXPLOITED,
    epss=SHARES,
    epss_percentile=SHARES,
    malicious=st.sampled_from([False, False, False, True]),
    fix_state=st.sampled_from(FixState),
    scope=st.sampled_from(Scope),
    basis=st.sampled_from(Basis),
    part=st.sampled_from(["", "base", "yours"]),
)
EXPOSURES = st.builds(
    Exposure,
    known=st.booleans(),
    runs_as_root=st.booleans(),
    ports=st.sampled_from([(), ("80/tcp",)]),
    setuid=st.integers(0, 3),
)
SECTORS = st.sampled_from([None, *PROFILES.values()])


@pytest.mark.property
@given(FINDINGS, EXPOSURES, SECTORS)
def test_it_is_bounded_repeatable_and_its_reasons_add_up(
    one: Finding, exposure: Exposure, profile: Profile | None
) -> None:
    found = weigh(one, exposure, profile, AT)
    assert 0 <= found.score <= 100
    assert found == weigh(replace(one, priority=found), exposure, profile, AT)
    assert sum(float(reason.split(" ", 1)[0]) for reason in found.reasons) == pytest.approx(found.score, abs=1e-6)
    assert all(reason.split(" ", 1)[1] for reason in found.reasons)
    assert found.profile == (profile.name if profile else "")
    assert not one.malicious or (found.score, found.urgency) == (100, Urgency.NOW)


@pytest.mark.property
@given(FINDINGS, EXPOSURES, SECTORS, st.floats(0, 1), st.floats(0, 1))
def test_more_likelihood_never_lowers_it(
    one: Finding, exposure: Exposure, profile: Profile | None, low: float, high: float
) -> None:
    low, high = sorted((low, high))
    for field in ("epss", "epss_percentile"):
        scores = [score(replace(one, **{field: share}), exposure, profile) for share in (None, low, high)]
        assert scores == sorted(scores)


@pytest.mark.property
@given(FINDINGS, EXPOSURES, SECTORS)
def test_more_severity_never_lowers_it(one: Finding, exposure: Exposure, profile: Profile | None) -> None:
    by_score = [score(replace(one, score=tenths / 10), exposure, profile) for tenths in range(0, 101, 7)]
    assert by_score == sorted(by_score)
    rated = [word for word in Severity if word is not Severity.UNKNOWN]
    by_word = [score(replace(one, score=None, severity=word), exposure, profile) for word in rated]
    assert by_word == sorted(by_word)


@pytest.mark.property
@given(FINDINGS, EXPOSURES, SECTORS, st.dates(date(2021, 1, 1), date(2030, 1, 1)))
def test_exploitation_never_lowers_it(one: Finding, exposure: Exposure, profile: Profile | None, at: date) -> None:
    steps = [None, replace(KEV, due=date(2030, 1, 1), ransomware=False), replace(KEV, due=date(2030, 1, 1)), KEV]
    weighed = [weigh(replace(one, exploited=step), exposure, profile, at) for step in steps]
    assert [each.score for each in weighed] == sorted(each.score for each in weighed)
    assert [each.urgency.rank for each in weighed] == sorted(each.urgency.rank for each in weighed)


@pytest.mark.property
@given(FINDINGS, EXPOSURES, st.sampled_from(list(PROFILES.values())))
def test_a_profile_and_an_open_image_hide_nothing(one: Finding, exposure: Exposure, profile: Profile) -> None:
    assert score(one, exposure) <= score(one, exposure, profile)
    assert score(one) <= score(one, replace(exposure, known=True))


def test_malware_is_now_whatever_else() -> None:
    one = finding(malicious=True, severity=Severity.UNKNOWN, score=None, scope=Scope.DEVELOPMENT, basis=Basis.CLAIMED)
    assert weigh(one, QUIET, None, AT).urgency is Urgency.NOW


def test_log4shell_is_now_and_says_why() -> None:
    one = finding(score=10.0, severity=Severity.CRITICAL, vector=REMOTE, exploited=KEV, epss=0.94, epss_percentile=0.99)
    found = weigh(one, OPEN, profile_named("health"), AT)
    assert (found.score, found.urgency) == (100, Urgency.NOW)
    text = "\n".join(found.reasons)
    for words in (
        "+30.0 CVSS 10.0",
        "+25.0 known to be exploited since 2021-12-10 (KEV)",
        "+6.0 due since 2021-12-24 (KEV)",
        "+6.0 used for ransomware (KEV)",
        "94.0% likely",
        "without an account",
        "the image listens on 443/tcp",
        "the image runs as root",
        "health: care stops when systems do (ENISA",
        "no more than 100",
    ):
        assert words in text


def test_a_critical_flaw_nobody_exploits_waits_behind_a_lesser_one_that_is() -> None:
    loud = finding(score=9.8, severity=Severity.CRITICAL, vector=REMOTE, epss=0.001, epss_percentile=0.2)
    exploited = finding(score=7.0, severity=Severity.HIGH, vector=LOCAL, exploited=KEV, epss=0.4, epss_percentile=0.97)
    assert score(loud) < score(exploited)


@pytest.mark.parametrize(
    ("due", "at", "words"),
    [
        (date(2026, 11, 21), AT, "+6.0 due since 2026-11-21"),
        (date(2026, 11, 22), AT, "+4.0 due on 2026-11-22"),
        (date(2026, 12, 6), AT, "+4.0 due on 2026-12-06"),
        (date(2026, 12, 7), AT, ""),
    ],
)
def test_a_due_date_counts_when_it_is_near(due: date, at: date, words: str) -> None:
    reasons = weigh(finding(exploited=replace(KEV, due=due)), QUIET, None, at).reasons
    said = [reason for reason in reasons if " due " in reason]
    assert said[0].startswith(words) if words else not said, said


@pytest.mark.parametrize(
    "less",
    [
        {"scope": Scope.DEVELOPMENT},
        {"scope": Scope.TEST},
        {"scope": Scope.BUILD},
        {"basis": Basis.CLAIMED},
        {"basis": Basis.DECLARED},
        {"part": "base"},
    ],
)
def test_what_counts_less(less: dict[str, Any]) -> None:
    assert score(finding(**less)) < score(finding())


def test_what_can_be_mended_counts_more() -> None:
    mended = finding(fix_state=FixState.FIXED, fixed_version=Version("1.1"))
    assert score(mended) > score(finding(fix_state=FixState.WILL_NOT_FIX)) == score(finding())


def test_exposure_is_of_the_image() -> None:
    configuration = Configuration(user="app", runs_as_root=False, exposed_ports=("80/tcp",))
    census = Census(setuid=("usr/bin/su", "usr/bin/sudo"))
    assert exposure_of(configuration, census) == Exposure(known=True, ports=("80/tcp",), setuid=2)
    assert exposure_of(None, None) == Exposure()
    local = finding(vector=LOCAL)
    assert score(local, Exposure(known=True, setuid=2)) > score(local, Exposure(known=True))


def test_the_most_pressing_comes_first() -> None:
    def weighed(points: float, name: str) -> Finding:
        priority = Priority(score=points, urgency=Urgency.LATER, reasons=())
        return finding(purl=PackageUrl(name), priority=priority)

    found = sorted([weighed(1, "b"), weighed(9, "c"), weighed(1, "a"), finding(purl=PackageUrl("d"))], key=rank)
    assert [one.purl for one in found] == ["c", "a", "b", "d"]


def test_every_profile_says_why_and_where_that_is_written() -> None:
    assert list(PROFILES) == ["energy", "finance", "health", "public", "retail", "telco"]
    for profile in PROFILES.values():
        assert len({one.trait for one in profile.weights}) == len(profile.weights)
        assert all(0 < one.points <= 6 and one.why and one.reference for one in profile.weights)
    assert profile_named("none") is None
    with pytest.raises(NotFoundError, match="energy, finance"):
        profile_named("mining")


@pytest.mark.parametrize(
    ("sector", "trait"), [("energy", Trait.AVAILABILITY), ("finance", Trait.INTEGRITY), ("public", Trait.EXPLOITED)]
)
def test_sectors_differ(sector: str, trait: Trait) -> None:
    def gain(one: Finding) -> float:
        return round(score(one, QUIET, profile_named(sector)) - score(one), 1)

    (weight,) = [one for one in PROFILES[sector].weights if one.trait is trait]
    only = {
        Trait.AVAILABILITY: finding(vector="CVSS:3.1/AV:P/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"),
        Trait.INTEGRITY: finding(vector="CVSS:3.1/AV:P/AC:L/PR:N/UI:N/S:U/C:N/I:H/A:N"),
        Trait.EXPLOITED: finding(exploited=replace(KEV, ransomware=False)),
    }[trait]
    assert gain(only) == weight.points
    assert gain(finding()) == 0


def test_only_what_is_known_of_the_image_is_held_against_it() -> None:
    assert score(finding(), replace(OPEN, ports=(), runs_as_root=True)) > score(
        finding(), replace(OPEN, ports=(), runs_as_root=False)
    )
    assert score(finding(), Exposure(known=False, runs_as_root=True)) == score(finding(), QUIET)


def test_ransomware_and_the_need_for_a_helper_count() -> None:
    assert score(finding(exploited=KEV)) > score(finding(exploited=replace(KEV, ransomware=False)))
    helped = finding(vector=REMOTE.replace("UI:N", "UI:R"))
    assert "without anybody's help" in weigh(finding(vector=REMOTE), QUIET, None, AT).reasons[-1]
    assert score(helped) < score(finding(vector=REMOTE))


@pytest.mark.parametrize(
    ("severity", "urgency"),
    [(Severity.NONE, Urgency.NONE), (Severity.MEDIUM, Urgency.LATER)],
)
def test_what_is_not_urgent_is_not_all_alike(severity: Severity, urgency: Urgency) -> None:
    assert weigh(finding(severity=severity, score=None), QUIET, None, AT).urgency is urgency
