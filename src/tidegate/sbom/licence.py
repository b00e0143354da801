# SPDX-License-Identifier: Apache-2.0
"""Licences as packages write them, in CycloneDX's terms: an SPDX id, an SPDX expression, or a name."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from cyclonedx.spdx import fixup_id, is_expression

MAX_EXPRESSION_CHARS: Final = 1000
"""A longer statement is a name: parsing expressions is not linear in their length."""


def licence_choices(statements: Sequence[str]) -> list[dict[str, Any]]:
    """The `licenses` of a component: CycloneDX lets an expression stand alone only."""
    written = list(dict.fromkeys(text for statement in statements if (text := statement.strip())))
    if len(written) == 1 and not _id_of(written[0]) and _is_expression(written[0]):
        return [{"expression": written[0]}]
    return [{"license": {"id": known} if (known := _id_of(text)) else {"name": text}} for text in written]


# What these two answer depends on their argument alone, and an image says the same few things thousands of times.
@lru_cache(maxsize=2048)
def _id_of(text: str) -> str:
    return fixup_id(text) or ""


@lru_cache(maxsize=2048)
def _is_expression(text: str) -> bool:
    return len(text) <= MAX_EXPRESSION_CHARS and is_expression(text)
