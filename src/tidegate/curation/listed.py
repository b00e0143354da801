# SPDX-License-Identifier: Apache-2.0
"""Part of a list of names, as somebody may see it."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from tidegate.values import Struct

T = TypeVar("T", bound=str)


class Listed(Struct, Generic[T], frozen=True, kw_only=True):
    """Some names, in the order of their bytes.

    Attributes:
        goes_on: the name after which the list goes on, which may be one they may not see; None at its end.
    """

    names: Sequence[T]
    goes_on: str | None = None
