# SPDX-License-Identifier: Apache-2.0
"""What rules are asked about: values for the expressions, and beside them the names people and exceptions use."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

Values = Mapping[str, object]
"""Fields of one variable, as `tidegate.policy.fields` lists them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What an objection is about.

    Attributes:
        shown: as people read it; "" for the whole image.
        names: every id it goes by.
        purl: package URL, and `package` its bare name; "" when it is no package.
    """

    shown: str
    names: frozenset[str] = frozenset()
    purl: str = ""
    package: str = ""


WHOLE_IMAGE: Final = Item(shown="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """A collection: what expressions see of each member, and what it is called, in the same order.

    Attributes:
        values: of all members, with the fields asked for and `index`; a field no rule names is never made.
        item: what the member at an index is called.
    """

    values: Callable[[Collection[str]], Sequence[Values]]
    item: Callable[[int], Item]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What one piece of evidence, or the context, brings; a collection is shaped when a rule asks for it."""

    variables: Mapping[str, Values]
    collections: Mapping[str, Callable[[], Members]] = field(default_factory=dict)
