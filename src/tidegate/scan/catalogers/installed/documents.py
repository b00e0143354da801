# SPDX-License-Identifier: Apache-2.0
"""JSON documents of a package manager as plain values, and what is taken out of them as short, printable text."""

from collections.abc import Iterable
from typing import Any, Final

from tidegate.bounds import printable
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.values import msgspec

MAX_DEPTH: Final = 1000
"""Nesting the decoder goes into."""
MAX_NOTE_CHARS: Final = 512
"""Characters kept of a supplier, a licence, a reason or a qualifier."""
MAX_LICENSES: Final = 32

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def json_object(content: bytes, *, where: str) -> dict[str, Any]:
    """Decodes a document that must be an object.

    Raises:
        BoundExceededError: nested deeper than the decoder goes.
        InvalidInputError: it is not JSON, or something else than an object.
    """
    try:
        value = msgspec.json.decode(content.removeprefix(_BYTE_ORDER_MARK))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"not JSON: {printable(str(error)[:200])}", where=where) from error
    except RecursionError as error:
        raise BoundExceededError("MAX_DEPTH", MAX_DEPTH, where=where) from error
    if not isinstance(value, dict):
        raise InvalidInputError(f"an object was expected, not {type(value).__name__}", where=where)
    return value


def text_of(value: object) -> str:
    """A text as it is; "" for anything else."""
    return value if isinstance(value, str) else ""


def object_of(value: object) -> dict[str, Any]:
    """An object as it is; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def list_of(value: object) -> list[Any]:
    """A list as it is; an empty one for anything else."""
    return value if isinstance(value, list) else []


def note(value: object) -> str:
    """One line that can be shown, cut at `MAX_NOTE_CHARS`; "" for anything but text."""
    line = " ".join(text_of(value)[: 4 * MAX_NOTE_CHARS].split())[:MAX_NOTE_CHARS]
    return line if line.isprintable() else "".join(char for char in line if char.isprintable())


def notes(values: Iterable[object]) -> tuple[str, ...]:
    """Statements of licences, each once, in order, without empty ones."""
    return tuple(dict.fromkeys(filter(None, map(note, values))))[:MAX_LICENSES]
