# SPDX-License-Identifier: Apache-2.0
"""One input given to one reader under watch: what came out, and the least input that does the same."""

import signal
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from fuzz_parser import NAMED, Parser

HANG_SECONDS = 8.0
"""CPU seconds after which a reader counts as hanging; the longest lawful input takes a tenth of it."""


class HangError(BaseException):
    """The reader was still at it; no reader's `except Exception` may swallow this."""


def failure_of(parser: Parser, data: bytes, *, seconds: float = HANG_SECONDS) -> str:
    """What is wrong with how the reader took the input, in a few words without its data; "" when nothing is."""
    try:
        with _watched(seconds):
            parser.read(data)
    except NAMED:
        return ""
    except (Exception, HangError) as error:  # noqa: BLE001 - whatever comes out is what is looked for
        return f"{type(error).__name__} in {_place(error)}"
    return ""


def least(parser: Parser, data: bytes, failure: str, *, seconds: float = 5.0) -> bytes:
    """A shorter input that fails in the same way, as short as can be found in the time."""
    until = time.monotonic() + seconds
    size = max(1, len(data) // 2)
    while size and time.monotonic() < until:
        at = 0
        while at < len(data) and time.monotonic() < until:
            shorter = data[:at] + data[at + size :]
            if failure_of(parser, shorter, seconds=seconds) == failure:
                data = shorter
            else:
                at += size
        size //= 2
    return data


@contextmanager
def _watched(seconds: float) -> Iterator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        raise HangError

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _place(error: BaseException) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/tidegate/" in frame.filename]
    if not frames:
        return "the test's own code"
    last = frames[-1]
    return f"{last.filename.rpartition('/tidegate/')[2]} {last.name}"
