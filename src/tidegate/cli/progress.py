# SPDX-License-Identifier: Apache-2.0
"""One line on standard error that tells how far it is, while a person watches; gone when it is done."""

import os
import sys
from types import TracebackType
from typing import Final, Self

from tidegate.bounds import printable

_WIPE: Final = "\r\x1b[K"


class ProgressLine:
    """Shows a line that is written over; use it in a `with`.

    Args:
        shown: False does nothing at all.
    """

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write(_WIPE)

    def tell(self, text: str) -> None:
        """Shows a few words."""
        if self._shown:
            self._write(_WIPE + printable(text)[: _columns() - 1])

    def layers(self, done: int, total: int) -> None:
        """Shows how many layers have been read."""
        self.tell(f"reading layers: {done} of {total}")

    def _write(self, text: str) -> None:
        if not self._shown:
            return
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:
            self._shown = False


def _columns() -> int:
    try:
        return max(20, os.get_terminal_size(sys.stderr.fileno()).columns)
    except (OSError, ValueError):
        return 80
