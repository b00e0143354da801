# SPDX-License-Identifier: Apache-2.0
"""Trees that guardrails object to, and their like that they do not: `samples.yaml` beside."""

from pathlib import Path
from typing import Any

import yaml

from tidegate.development.twelve_factor.judging import judge_tree
from tidegate.development.twelve_factor.tree import SourceTree
from tidegate.evidence import Misconfiguration
from tidegate.values import Struct


class Sample(Struct, frozen=True, kw_only=True):
    """A small tree; `at` is the place its rule objects to, None where it must not."""

    rule: str
    name: str
    files: dict[str, str]
    at: str | None = None

    def found(self) -> tuple[Misconfiguration, ...]:
        """What all guardrails say of it."""
        return judge_tree(SourceTree(self.files, lambda path: self.files[path].encode()))


def samples() -> list[Sample]:
    """All of them."""
    told: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "samples.yaml").read_text())
    return [Sample(**one) for one in told]
