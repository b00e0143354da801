# SPDX-License-Identifier: Apache-2.0
"""Every rule finds its samples and nothing of its counter-samples."""

import re

import pytest
from secret_samples import drawn, made

from tidegate.scan.secrets.detector import SecretDetector
from tidegate.scan.secrets.rule import Rule
from tidegate.scan.secrets.rules import RULES

SAMPLES = [pytest.param(rule, sample, id=f"{rule.id}-{i}") for rule in RULES for i, sample in enumerate(rule.samples)]
COUNTER = [pytest.param(rule, s, id=f"{rule.id}-{i}") for rule in RULES for i, s in enumerate(rule.counter_samples)]
AROUND = [(b"", b""), (b'x = "', b'"\n'), (b"\n\n  ", b"\r\n"), (b"'", b"' # comment"), (b"\xff\xfe\xf0(", b")")]


@pytest.fixture(scope="module")
def detector() -> SecretDetector:
    return SecretDetector()


@pytest.mark.parametrize(("rule", "template"), SAMPLES)
@pytest.mark.parametrize("seed", ["one", "two", "three", "four", "five"])
def test_a_sample_is_found(detector: SecretDetector, rule: Rule, template: str, seed: str) -> None:
    sample = made(template, seed)
    for before, after in AROUND:
        facts = detector.scan_batch([("a/file", before + sample + after)])
        assert [fact.rule for fact in facts] == [rule.id], sample


@pytest.mark.parametrize(("rule", "template"), COUNTER)
def test_a_counter_sample_is_not(detector: SecretDetector, rule: Rule, template: str) -> None:
    sample = made(template)
    for before, after in AROUND:
        facts = detector.scan_batch([("a/file", before + sample + after)])
        assert rule.id not in {fact.rule for fact in facts}, sample


def test_every_rule_has_a_name_of_its_own_and_both_kinds_of_sample() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.id)
        assert rule.counter_samples
        assert rule.samples or rule.id == "private-key"  # its samples are made by test_private_keys


@pytest.mark.parametrize(("rule", "template"), SAMPLES)
def test_nothing_of_a_secret_is_in_its_facts(detector: SecretDetector, rule: Rule, template: str) -> None:
    told = repr(detector.scan_batch([("a/file", made(template))]))
    for size, alphabet in re.findall(r"<(\d+):(\w+)>", template):
        place = template.index(f"<{size}:{alphabet}>")
        secret = drawn(alphabet, int(size), f"tidegate {place}")
        assert int(size) < 8 or secret[4:] not in told, rule.id


def test_there_are_as_many_kinds_as_are_promised() -> None:
    assert len(RULES) >= 240
    assert all(rule.title for rule in RULES)
