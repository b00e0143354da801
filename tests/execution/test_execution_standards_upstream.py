# SPDX-License-Identifier: Apache-2.0
"""The standards side by side with Kubernetes' own admission, over generated pods of every level and version."""

import json
import random
from collections import Counter
from typing import Any

import pytest

from podsecurity_judge import judged, pod
from tidegate.errors import InvalidInputError
from tidegate.execution.standards import LATEST, Level, StandardVersion, violations
from tidegate.execution.standards.version import NEWEST
from tidegate.execution.workload import parse_workload

_VERSIONS = ("latest", *(f"v1.{minor}" for minor in (0, 7, 8, 18, 19, 21, 22, 23, 24, 25, 26)))
_NEWER = tuple(f"v1.{minor}" for minor in (27, 28, 29, 30, 31, 32, 33, 34, 35, NEWEST, NEWEST + 3))
_CONTROLS = {
    *("host-process", "host-namespaces", "privileged", "capabilities", "host-path", "host-ports", "host-probes"),
    *("apparmor", "selinux", "proc-mount", "seccomp", "sysctls", "volume-types", "privilege-escalation", "non-root"),
    *("root-user", "seccomp-set", "capabilities-dropped"),
}


def _questions(seed: int, count: int) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    return [
        {
            "level": chance.choice(["baseline", "restricted", "restricted"]),
            "version": chance.choice([*_VERSIONS, *_NEWER, "latest", "latest"]),
            "pod": pod(chance),
        }
        for _ in range(count)
    ]


@pytest.mark.tools
def test_every_verdict_is_that_of_kubernetes() -> None:
    questions = _questions(20_261_130, 6000)
    counted: Counter[object] = Counter()
    for question, said in zip(questions, judged(questions), strict=True):
        workload = parse_workload(question["pod"], where="pod")
        found = violations(workload, Level(question["level"]), StandardVersion.parse(question["version"]))
        assert (not found) == said["allowed"], json.dumps([question, said, [one.control for one in found]])
        counted.update({one.control for one in found})
        counted[bool(found)] += 1
    # That the generator reaches everything, and that both verdicts are common.
    assert set(counted) - {True, False} == _CONTROLS
    assert min(counted[True], counted[False]) > 1000


@pytest.mark.parametrize("text", ["", "1.30", "v1", "v2.0", "v1.01", "v1.1000", "v1.-1", "Latest", "v1.30 "])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="write latest"):
        StandardVersion.parse(text)


def test_a_newer_version_than_is_known_is_held_to_the_newest() -> None:
    assert StandardVersion.parse("v1.99") == LATEST == StandardVersion.parse("latest")
    assert str(StandardVersion.parse("v1.30")) == "v1.30"
