# SPDX-License-Identifier: Apache-2.0
"""Every check objects to what it is for, at its line, and to nothing else; and it names clauses that exist."""

import re
from collections import Counter

import pytest
from check_samples import SUBJECTS, Sample, samples

from tidegate.checks.check import load_checks, own_checks, own_text

_CIS_DOCKER = {
    2: range(1, 19),
    3: range(1, 25),
    4: range(1, 13),
    5: range(1, 33),
}
"""CIS Docker Benchmark 1.6.0: recommendations of the chapters on the daemon, its files, images and containers."""
_CIS_KUBERNETES = {
    "1.1": range(1, 22), "1.2": range(1, 31), "1.3": range(1, 8), "1.4": range(1, 3), "2": range(1, 8),
    "4.1": range(1, 11), "4.2": range(1, 14),
    "5.1": range(1, 14), "5.2": range(1, 14), "5.3": range(1, 3), "5.4": range(1, 3), "5.7": range(1, 5),
}  # fmt: skip
"""CIS Kubernetes Benchmark 1.8: recommendations on the control plane, etcd, nodes and policies."""
_NIST = {"4.1": range(1, 6), "4.2": range(1, 4), "4.3": range(1, 6), "4.4": range(1, 6), "4.5": range(1, 6)}
"""NIST SP 800-190: countermeasures."""
_OTHERS = re.compile(
    r"CWE-\d+|CVE-\d{4}-\d+|Pod Security Standards (baseline|restricted)|Docker build best practices"
    r"|Dockerfile reference [A-Z]+|Compose Specification \w+|Kubernetes documentation \w+|OCI image-spec annotations"
    r"|CIS Docker 1\.1\.1|CIS Docker 1\.2\.[12]|Linux kernel documentation sysctl|KSPP recommended settings"
)


def _name(sample: Sample) -> str:
    return f"{sample.check}-{'bad' if sample.at is not None else 'good'}"


@pytest.mark.parametrize("sample", samples(), ids=_name)
def test_a_check_objects_to_what_it_is_for(sample: Sample) -> None:
    found = [one.location if sample.is_placed_by_name else one.line for one in sample.findings()]
    assert found == ([] if sample.at is None else [sample.at])


@pytest.mark.parametrize("subject", SUBJECTS)
def test_no_check_is_without_samples(subject: str) -> None:
    told = {(one.check, one.at is not None) for one in samples() if one.subject == subject}
    assert told == {(check.id, is_bad) for check in own_checks(subject).checks for is_bad in (True, False)}


@pytest.mark.parametrize("subject", SUBJECTS)
def test_own_checks_stand_the_check_that_others_do(subject: str) -> None:
    (checked,) = load_checks(own_text(subject), file=f"{subject}.yaml")
    assert checked.checks == own_checks(subject).checks


def test_no_id_is_given_twice() -> None:
    counted = Counter(check.id for subject in SUBJECTS for check in own_checks(subject).checks)
    assert [name for name, count in counted.items() if count > 1] == []
    assert len(counted) == 257


@pytest.mark.parametrize("subject", SUBJECTS)
def test_references_are_clauses_that_exist(subject: str) -> None:
    told = [(check.id, reference) for check in own_checks(subject).checks for reference in check.references]
    assert [one for one in told if not _exists(one[1])] == []
    assert all(check.references for check in own_checks(subject).checks)


def _exists(reference: str) -> bool:
    if found := re.fullmatch(r"CIS Docker (\d)\.(\d+)", reference):
        return int(found[2]) in _CIS_DOCKER[int(found[1])]
    if found := re.fullmatch(r"CIS Kubernetes (\d(?:\.\d)?)\.(\d+)", reference):
        return int(found[2]) in _CIS_KUBERNETES[found[1]]
    if found := re.fullmatch(r"NIST SP 800-190 (4\.\d)\.(\d)", reference):
        return int(found[2]) in _NIST[found[1]]
    return bool(_OTHERS.fullmatch(reference))
