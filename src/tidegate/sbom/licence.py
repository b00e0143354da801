# SPDX-License-Identifier: Apache-2.0
"""Licences as packages write them, in CycloneDX's terms: an SPDX id, an SPDX expression, or a name."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from cyclonedx.spdx import fixup_id, is_expression

MAX_EXPRESSION_CHARS: Final = 2000
"""A longer statement is a name: parsing expressions is not linear in their length."""

_REFERENCE: Final = re.compile(r"LicenseRef-[A-Za-z0-9.-]+")


def licence_choices(statements: Sequence[str]) -> list[dict[str, Any]]:
    """The `licenses` of a component: CycloneDX lets an expression stand alone only."""
    written = list(dict.fromkeys(text for statement in statements if (text := statement.strip())))
    if len(written) == 1 and not known_id(written[0]) and stands_as_expression(written[0]):
        return [{"expression": written[0]}]
    return [{"license": {"id": known} if (known := known_id(text)) else {"name": text}} for text in written]


# What these two answer depends on their argument alone, and an image says the same few things thousands of times.
@lru_cache(maxsize=2048)
def known_id(text: str) -> str:
    """The SPDX id a text is, whatever its case; "" when it is none."""
    return fixup_id(text) or ""


@lru_cache(maxsize=2048)
def stands_as_expression(text: str) -> bool:
    """True for an SPDX expression over known ids, and references to licences SPDX does not know."""
    return len(text) <= MAX_EXPRESSION_CHARS and is_expression(_REFERENCE.sub("MIT", text))
