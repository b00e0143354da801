# SPDX-License-Identifier: Apache-2.0
"""How long the words of a predicate may be, and how many."""

from typing import Annotated, Final, TypeAlias

from tidegate.values import msgspec

MAX_WORD_CHARS: Final = 2000
MAX_NAMES: Final = 1000
"""Names in one list of a predicate of our own."""

Word: TypeAlias = Annotated[str, msgspec.Meta(max_length=MAX_WORD_CHARS)]
Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_WORD_CHARS)]
Names: TypeAlias = Annotated[tuple[Name, ...], msgspec.Meta(max_length=MAX_NAMES)]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
Commit: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^(?:[0-9a-f]{40}|[0-9a-f]{64})$")]
"""Name of a git object: SHA-1 or SHA-256."""
