# SPDX-License-Identifier: Apache-2.0
"""What checks are asked about: values for the expressions, and beside each the place a person looks for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tidegate.rules.field import Collection, Variable

Values = Mapping[str, object]
"""Fields of one variable, as the subject lists them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A kind of thing that can be checked, and the words its checks may use.

    Attributes:
        name: `image`, `dockerfile`, `compose`, `kubernetes`, `host`.
    """

    name: str
    variables: Mapping[str, Variable]
    collections: Mapping[str, Collection]


@dataclass(frozen=True, slots=True)
class Spot:
    """Where something stands: a path or a name, a line counted from 1 (0 for none), and what of it is meant."""

    location: str
    line: int = 0
    part: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """One thing to check.

    Attributes:
        variables: values by variable.
        collections: members by collection, each with its spot.
        spot: where the whole thing stands.
    """

    variables: Mapping[str, Values]
    collections: Mapping[str, Sequence[tuple[Values, Spot]]] = field(default_factory=dict)
    spot: Spot = field(default_factory=lambda: Spot(""))


def subject(name: str, variables: Sequence[Variable], collections: Mapping[str, Variable]) -> Subject:
    """Puts a subject together; a collection's variable is the word for one of its members."""
    return Subject(
        name=name,
        variables={variable.name: variable for variable in variables},
        collections={name: Collection(name=name, item=item) for name, item in collections.items()},
    )
