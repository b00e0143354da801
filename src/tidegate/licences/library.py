# SPDX-License-Identifier: Apache-2.0
"""The one way to license-expression: its tables are read once, and whatever it stumbles over is no expression."""

from functools import cache
from typing import Any


def parsed(text: str) -> Any:
    """The expression's tree, with symbols of any name; None when the text is no expression."""
    from license_expression import ExpressionError

    try:
        return licensing().parse(text, validate=False, strict=False)
    except (ExpressionError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        # It raises whatever Python does over an operator without its operand.
        return None


def is_known(tree: Any) -> bool:
    """True when every symbol of a tree is an SPDX id or exception."""
    return not licensing().unknown_license_keys(tree)


@cache
def licensing() -> Any:
    """SPDX's ids and exceptions; reading them takes 25 ms."""
    from license_expression import get_spdx_licensing

    return get_spdx_licensing()
