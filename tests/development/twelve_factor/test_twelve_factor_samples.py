# SPDX-License-Identifier: Apache-2.0
"""Every guardrail objects to its bad samples, at the place, and not to its good ones."""

import pytest
from guardrail_samples import Sample, samples

from tidegate.checks.check import own_checks
from tidegate.development.twelve_factor.rules import ELSEWHERE, RULES
from tidegate.development.twelve_factor.tree import SourceTree
from tidegate.evidence import Severity


@pytest.mark.parametrize("sample", samples(), ids=lambda it: f"{it.rule} {it.name}")
def test_a_guardrail_objects_to_the_bad_and_not_to_the_good(sample: Sample) -> None:
    places = [f"{it.location}:{it.line}" for it in sample.found() if it.id == sample.rule]
    assert places == ([] if sample.at is None else [sample.at])


def test_no_guardrail_is_without_samples() -> None:
    told = {(one.rule, one.at is not None) for one in samples()}
    assert told == {(rule.id, is_bad) for rule in RULES for is_bad in (True, False)}


def test_each_has_an_id_of_its_factor_and_is_advice() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert int(rule.id.removeprefix("TG-12F-")) // 100 == rule.factor
        assert rule.severity in {Severity.LOW, Severity.MEDIUM}, "a speed bump, not a road closure"


def test_what_is_asked_elsewhere_is_asked_there() -> None:
    known = {check.id for subject in ("dockerfile", "compose", "kubernetes") for check in own_checks(subject).checks}
    assert {name for names in ELSEWHERE.values() for name in names} <= known
    assert set(ELSEWHERE) == set(range(1, 13))


def test_files_that_are_no_text_or_too_long_are_passed_over() -> None:
    files = {"Dockerfile": b"FROM a:1\nCMD nginx & php-fpm\n\0", "app.py": b"logging.FileHandler('x')\n" * 100_000}
    tree = SourceTree(files, files.__getitem__)
    assert tree.text("Dockerfile") == ""
    assert tree.text("app.py") == ""
