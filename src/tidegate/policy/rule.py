# SPDX-License-Identifier: Apache-2.0
"""Rules and policies as values. `tidegate.policy.document` reads them, `tidegate.policy.decide` applies them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tidegate.artifact import Digest
from tidegate.evidence import Boundary, PolicyRef, Verdict
from tidegate.policy.exception import ExceptionSet
from tidegate.rules.expression import Runtime
from tidegate.rules.field import Collection


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One thing a policy asks.

    Attributes:
        reads: kinds of evidence it needs, each with how old it may be; without them the gate denies.
        each: what it is asked of each of; None asks once of the whole image.
        when: the CEL expression that objects when true; "" objects to nothing but missing evidence.
        verdict: what an objection means, warn or deny.
        program: the compiled expression; None without `when`.
        reference: the clause of a standard it stands for.
    """

    name: str
    description: str
    reference: str
    boundaries: tuple[Boundary, ...]
    reads: Mapping[str, timedelta]
    each: Collection | None
    when: str
    verdict: Verdict
    message: str
    fix: str
    program: Any = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A named set of rules, with the exceptions somebody made to them.

    Attributes:
        digest: of the document's bytes.
        valid_for: how long a decision under it holds at most.
        max_exception: how long an exception may last at most.
    """

    name: str
    description: str
    digest: Digest
    valid_for: timedelta
    max_exception: timedelta
    rules: tuple[Rule, ...]
    runtime: Runtime = field(repr=False, compare=False)
    exceptions: tuple[ExceptionSet, ...] = ()

    @property
    def refs(self) -> tuple[PolicyRef, ...]:
        """What a decision names: the policy, then each set of exceptions."""
        sets = (PolicyRef(name=f"{self.name}/{item.name}", digest=item.digest) for item in self.exceptions)
        return (PolicyRef(name=self.name, digest=self.digest), *sets)
