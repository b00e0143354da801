# SPDX-License-Identifier: Apache-2.0
"""What a person sees of the demo: one line a step, its outcome, and what it was for."""

import sys
import time

_COLOURS = {"ok": "\033[32m", "no": "\033[31m", "at": "\033[1m", "off": "\033[0m", "dim": "\033[2m"}


class UnexpectedError(Exception):
    """The demo saw something else than it promises."""


class Timeline:
    """Prints steps with the seconds since the start; colours on a terminal only."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._colour = sys.stdout.isatty()

    def title(self, text: str) -> None:
        """A new chapter."""
        print(f"\n{self._paint('at', text)}", flush=True)

    def step(self, text: str, *, good: bool | None = None) -> None:
        """One thing that happened: good, refused, or neither."""
        mark = {True: self._paint("ok", "✔"), False: self._paint("no", "✘"), None: "·"}[good]
        print(f"{self._paint('dim', f'{self.seconds:6.1f}s')}  {mark} {text}", flush=True)

    def detail(self, text: str) -> None:
        """A line that belongs to the step above."""
        print(f"           {text}", flush=True)

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._began

    def _paint(self, name: str, text: str) -> str:
        return f"{_COLOURS[name]}{text}{_COLOURS['off']}" if self._colour else text


def expect(truth: object, what: str) -> None:
    """Ends the demo when what it promises is not so.

    Raises:
        UnexpectedError: it is not so.
    """
    if not truth:
        raise UnexpectedError(what)
