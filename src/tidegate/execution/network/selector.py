# SPDX-License-Identifier: Apache-2.0
"""Label selectors (meta/v1): which labels they select."""

from collections.abc import Mapping
from enum import StrEnum

from tidegate.values import Struct


class Operator(StrEnum):
    """How an expression looks at a label."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


class Expression(Struct, frozen=True, kw_only=True):
    """One of `matchExpressions`."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def holds(self, labels: Mapping[str, str]) -> bool:
        """True when labels are as it says; `NotIn` holds for a label that is not there."""
        value = labels.get(self.key)
        if self.operator is Operator.IN:
            return value is not None and value in self.values
        if self.operator is Operator.NOT_IN:
            return value is None or value not in self.values
        return (value is not None) is (self.operator is Operator.EXISTS)


class Selector(Struct, frozen=True, kw_only=True, rename="camel"):
    """Selects what has all of it; an empty one selects everything."""

    match_labels: dict[str, str] | None = None
    match_expressions: tuple[Expression, ...] | None = None

    def selects(self, labels: Mapping[str, str]) -> bool:
        """True when labels are as all of it says."""
        return all(labels.get(key) == value for key, value in (self.match_labels or {}).items()) and all(
            expression.holds(labels) for expression in self.match_expressions or ()
        )

    def example(self) -> dict[str, str]:
        """Labels that it selects, where there are any: the fewest."""
        made = dict(self.match_labels or {})
        for one in self.match_expressions or ():
            if one.key not in made and one.operator is Operator.IN and one.values:
                made[one.key] = one.values[0]
            elif one.key not in made and one.operator is Operator.EXISTS:
                made[one.key] = "x"
        return made


EVERYTHING = Selector()
