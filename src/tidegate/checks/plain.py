# SPDX-License-Identifier: Apache-2.0
"""Takes what a check asks for out of plain data of any shape: a wrong type is the same as nothing there."""

from collections.abc import Mapping
from typing import Any

from tidegate.manifests.documents import Placed


def line_of(value: object) -> int:
    """The line a map begins on; 0 when unknown."""
    return value.line if isinstance(value, Placed) else 0


def key_line(value: object, key: str) -> int:
    """The line a key of a map stands on; 0 when unknown."""
    return value.key_lines.get(key, 0) if isinstance(value, Placed) else 0


def table(value: object) -> Mapping[str, Any]:
    """A map, or an empty one."""
    return value if isinstance(value, dict) else {}


def listed(value: object) -> list[Any]:
    """A list, or an empty one."""
    return value if isinstance(value, list) else []


def tables(value: object) -> list[Mapping[str, Any]]:
    """The maps of a list."""
    return [one for one in listed(value) if isinstance(one, dict)]


def texts(value: object) -> list[str]:
    """A list's members as text."""
    return [text(one) for one in listed(value)]


def text(value: object) -> str:
    """A scalar as YAML would write it; "" for anything else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None or isinstance(value, dict | list) else str(value)


def number(value: object, default: int = 0) -> int:
    """A whole number within 64 bits, or the default."""
    is_number = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63
    return value if is_number else default  # type: ignore[return-value] # is_number says so
