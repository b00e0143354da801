# SPDX-License-Identifier: Apache-2.0
"""What a rule may name: variables and collections, their fields, and the fields' types."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class FieldType(StrEnum):
    """Types of fields, by their names in CEL. None of them is ever null."""

    STRING = "string"
    INT = "int"
    DOUBLE = "double"
    BOOL = "bool"
    STRINGS = "list(string)"
    LABELS = "map(string, string)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """Something with fields that a rule can name.

    Attributes:
        evidence: name of the kind of evidence that brings it; "" when none is needed.
    """

    name: str
    evidence: str
    fields: Mapping[str, FieldType]


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """Something a rule can be asked of each of; `item` is the variable's name then."""

    name: str
    item: Variable
