# SPDX-License-Identifier: Apache-2.0
"""Plain data taken at its word only where it is of the type asked for; anything else is as if it were not there."""

from collections.abc import Iterator
from typing import Any


def text(value: Any) -> str:
    """The text; "" when it is none."""
    return value if isinstance(value, str) else ""


def table(value: Any) -> dict[str, Any]:
    """The table; an empty one when it is none."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """The list; an empty one when it is none."""
    return value if isinstance(value, list) else []


def tables(value: Any) -> Iterator[dict[str, Any]]:
    """The tables of a list."""
    return (it for it in items(value) if isinstance(it, dict))


def texts(value: Any) -> Iterator[str]:
    """The texts of a list."""
    return (it for it in items(value) if isinstance(it, str))
