# SPDX-License-Identifier: Apache-2.0
"""Documents of any shape as pairs of a dotted path and a text, so that one rule can ask for a value of any file."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

MAX_VALUES: Final = 5000
_MAX_DEPTH: Final = 40
_MAX_BITS: Final = 1024


def flat(document: Any) -> dict[str, str]:
    """Every scalar by its path: `{"a": {"b": [1, 2]}}` is `{"a.b": "1,2"}`. No more than `MAX_VALUES`."""
    made: dict[str, str] = {}
    for path, value in _pairs(document, "", _MAX_DEPTH):
        if len(made) == MAX_VALUES:
            break
        made[path] = value
    return made


def _pairs(value: Any, path: str, left: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items() if left else ():
            yield from _pairs(inner, f"{path}.{key}" if path else str(key), left - 1)
    elif isinstance(value, list) and any(isinstance(one, Mapping | list) for one in value):
        for at, inner in enumerate(value) if left else ():
            yield from _pairs(inner, f"{path}.{at}", left - 1)
    elif isinstance(value, list):
        yield path, ",".join(_text(one) for one in value)
    else:
        yield path, _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        return hex(value)  # Python writes no decimal of that length
    return "" if value is None else str(value)
