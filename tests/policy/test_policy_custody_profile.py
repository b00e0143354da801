# SPDX-License-Identifier: Apache-2.0
"""The profile of custody: each of its demands with an image that meets it and one that does not."""

from typing import Any

import pytest
from policy_facts import AT, CONTEXT, CUSTODY, SUBJECT, custody_file, provenance, scan

from tidegate.evidence import Boundary, Decision, Evidence, Verdict
from tidegate.inventory import FileNature, Integrity, Origin, Share
from tidegate.policy.decide import decide
from tidegate.policy.profile import load_profile
from tidegate.values import replace

PROFILE = load_profile("custody")
STRANGE = custody_file(origin=Origin.UNEXPLAINED, integrity=Integrity.ADDED, package=None, path="opt/x")
OWN = custody_file(origin=Origin.IN_HOUSE, integrity=Integrity.ADDED, package=None, path="app/run")


def judge(*evidence: Evidence) -> Decision:
    return decide(Boundary.CURATION, SUBJECT, CONTEXT, evidence, [PROFILE], AT)


def with_custody(**changes: Any) -> Evidence:
    return scan(custody=replace(CUSTODY, **changes))


def unnamed_source() -> Evidence:
    build = {"buildType": "x", "externalParameters": {}, "resolvedDependencies": []}
    return provenance({"buildDefinition": build, "runDetails": {"builder": {"id": "https://b"}}})


def test_an_image_everybody_answers_for_passes() -> None:
    decision = judge(scan(), provenance())
    assert (decision.verdict, decision.reasons) == (Verdict.ALLOW, ())
    own = judge(with_custody(in_house=(OWN,)), provenance())
    assert own.verdict is Verdict.ALLOW


@pytest.mark.parametrize(
    ("evidence", "rule", "verdict"),
    [
        ((scan(custody=None), provenance()), "custody-known", Verdict.DENY),
        ((with_custody(truncated=True), provenance()), "custody-whole", Verdict.DENY),
        ((with_custody(unexplained=(STRANGE,)), provenance()), "unexplained-executable", Verdict.DENY),
        ((with_custody(modified=(custody_file(),)), provenance()), "modified-distro-file", Verdict.DENY),
        (
            (with_custody(modified=(custody_file(nature=FileNature.DATA, mode=0o644),)), provenance()),
            "modified-distro-file",
            Verdict.DENY,
        ),
        (
            (with_custody(modified=(custody_file(origin=Origin.UPSTREAM),)), provenance()),
            "modified-upstream-file",
            Verdict.WARN,
        ),
        ((with_custody(in_house=(OWN,)), unnamed_source()), "in-house-source", Verdict.DENY),
    ],
)
def test_what_it_objects_to(evidence: tuple[Evidence, ...], rule: str, verdict: Verdict) -> None:
    decision = judge(*evidence)
    assert [reason.rule for reason in decision.reasons] == [rule]
    assert decision.verdict is verdict


@pytest.mark.parametrize(
    "evidence",
    [
        (with_custody(modified=(custody_file(is_configuration=True),)), provenance()),
        (with_custody(missing=(custody_file(integrity=Integrity.MISSING),)), provenance()),
        (with_custody(), unnamed_source()),
    ],
)
def test_what_it_lets_pass(evidence: tuple[Evidence, ...]) -> None:
    assert judge(*evidence).reasons == ()


@pytest.mark.parametrize(
    "evidence",
    [
        (),
        (provenance({}),),
        (provenance(signers=("b" * 64,)),),
        (provenance({"buildDefinition": {"buildType": "x"}, "runDetails": {"builder": {"id": ""}}}),),
    ],
)
def test_without_provenance_of_somebody_trusted_it_denies(evidence: tuple[Evidence, ...]) -> None:
    decision = judge(scan(), *evidence)
    assert decision.verdict is Verdict.DENY
    assert {reason.rule for reason in decision.reasons} == {"provenance", "in-house-source"}


def test_own_executables_are_counted_by_shares_when_lists_are_empty() -> None:
    shares = (Share(origin=Origin.IN_HOUSE, files=1, bytes=1, executables=1),)
    assert judge(with_custody(shares=shares), unnamed_source()).verdict is Verdict.DENY
