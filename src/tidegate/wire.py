# SPDX-License-Identifier: Apache-2.0
"""Values to JSON and back: deterministic out, bounded and typed in."""

import json
from typing import Any, Final, TypeVar

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.values import msgspec

T = TypeVar("T")


def to_json(value: object) -> bytes:
    """Encodes a value as UTF-8 JSON: keys sorted, no white space, so that equal values are equal bytes."""
    return msgspec.json.encode(value, enc_hook=_plain, order="deterministic")


def to_builtins(value: object) -> Any:
    """Turns a value into plain dicts, lists, strings and numbers: what its JSON would be read as."""
    return msgspec.json.decode(to_json(value))


def from_json(data: bytes, type_: type[T], *, what: str, max_bytes: int) -> T:
    """Decodes JSON into a typed value; unknown fields are passed over.

    Args:
        data: the document.
        type_: what it must be.
        what: its name in errors, for instance the file or reference it came from.
        max_bytes: the longest document accepted.

    Raises:
        BoundExceededError: the document is longer than `max_bytes`, or nested past the decoder's depth.
        InvalidInputError: it is not JSON, or not of that type.
    """
    if len(data) > max_bytes:
        raise BoundExceededError("max_bytes", max_bytes, where=what)
    try:
        return msgspec.json.decode(data, type=type_, dec_hook=_typed)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"not the JSON expected: {error}", where=what) from error
    except RecursionError as error:
        raise BoundExceededError("nesting depth", 1000, where=what) from error


def demand_unique_keys(data: bytes, *, what: str) -> None:
    """Refuses JSON of which two readers could read two things: an object with the same key twice.

    Args:
        data: a document that `from_json` has read, so that its size and depth are in bounds.
        what: its name in errors.

    Raises:
        InvalidInputError: a key stands twice in an object.
    """
    try:
        _STRICT.decode(data.decode())
    except RecursionError as error:
        raise BoundExceededError("nesting depth", 1000, where=what) from error
    except ValueError as error:
        raise InvalidInputError(f"not the JSON expected: {error}", where=what) from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for at, name in enumerate(names) if name in names[:at])
        raise ValueError(f"the key {twice[:80]!r} stands twice in one object")
    return found


_STRICT: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_int=str)


def from_builtins(value: object, type_: type[T], *, what: str) -> T:
    """Turns plain data into a typed value; the counterpart of `to_builtins`.

    Raises:
        InvalidInputError: it is not of that type.
    """
    try:
        return msgspec.convert(value, type_, dec_hook=_typed)
    except msgspec.ValidationError as error:
        raise InvalidInputError(str(error), where=what) from error


def to_msgpack(value: object) -> bytes:
    """Encodes a value for our own caches, where size and speed count more than readers."""
    return msgspec.msgpack.encode(value, enc_hook=_plain, order="deterministic")


def from_msgpack(data: bytes, type_: type[T], *, what: str) -> T:
    """Decodes what `to_msgpack` wrote.

    Raises:
        InvalidInputError: the bytes are not of that type.
    """
    try:
        return msgspec.msgpack.decode(data, type=type_, dec_hook=_typed)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInputError(f"cannot be read back: {error}", where=what) from error


def _plain(value: object) -> object:
    if isinstance(value, str):  # Digest and its like are strings with a grammar
        return str.__str__(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _typed(type_: type, value: object) -> object:
    if issubclass(type_, str) and isinstance(value, str):
        try:
            return type_(value)
        except InvalidInputError as error:
            raise ValueError(str(error)) from error
    raise TypeError(f"{type_.__name__} has no JSON form")
