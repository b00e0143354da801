# SPDX-License-Identifier: Apache-2.0
"""JSON lock files: entries decoded one by one, so that one of a wrong type costs itself only."""

from typing import Final, TypeVar

from tidegate.bounds import printable
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.scan.catalogers.locked.gathering import Gathering
from tidegate.values import Struct, msgspec

Raw = msgspec.Raw
T = TypeVar("T")

MAX_DEPTH: Final = 1000
"""Nesting the decoder goes into."""


def decoded(data: bytes | Raw, type_: type[T], *, where: str) -> T:
    """Decodes a document, or a part that was left as it is; fields that are not of the type are passed over.

    Raises:
        BoundExceededError: nested too deep.
        InvalidInputError: it is not JSON, or not of that type.
    """
    try:
        return msgspec.json.decode(data, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"not the JSON expected: {printable(str(error)[:200])}", where=where) from error
    except RecursionError as error:
        raise BoundExceededError("MAX_DEPTH", MAX_DEPTH, where=where) from error


def entry(gathering: Gathering, key: str, data: Raw, type_: type[T]) -> T | None:
    """Decodes one entry of a document; None, and a defect, when it is of a wrong type."""
    try:
        return decoded(data, type_, where=gathering.path)
    except BoundExceededError:
        raise
    except InvalidInputError as error:
        gathering.defect(f"{key[:100]}: {error.what}")
        return None


class Loose(Struct, frozen=True):
    """A value that some writers make a text and others something else."""

    @staticmethod
    def text(data: Raw) -> str:
        """The text; "" when it is none."""
        if not bytes(data).startswith(b'"'):
            return ""
        try:
            return msgspec.json.decode(data, type=str)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return ""
