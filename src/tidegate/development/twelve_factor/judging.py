# SPDX-License-Identifier: Apache-2.0
"""All guardrails over a source folder, in the form in which every check tells."""

from typing import Final

from tidegate.development.twelve_factor.code_rules import judge_code
from tidegate.development.twelve_factor.container_rules import judge_containers
from tidegate.development.twelve_factor.dependency_rules import judge_dependencies
from tidegate.development.twelve_factor.parity_rules import judge_parity
from tidegate.development.twelve_factor.rule import Judge
from tidegate.development.twelve_factor.start_rules import judge_starts
from tidegate.development.twelve_factor.tree import SourceTree
from tidegate.evidence import Misconfiguration

JUDGES: Final[tuple[Judge, ...]] = (judge_dependencies, judge_code, judge_containers, judge_starts, judge_parity)


def judge_tree(tree: SourceTree) -> tuple[Misconfiguration, ...]:
    """What the guardrails say of a tree, ordered by place.

    A tree without Dockerfile, manifest and Procfile is a library, of which code and dependencies are not asked.
    """
    found = {it.misconfiguration() for judge in JUDGES for it in judge(tree)}
    return tuple(sorted(found, key=lambda it: (it.location, it.line, it.id, it.reason)))
