# SPDX-License-Identifier: Apache-2.0
"""The tide that work is done in: set where work is taken up, and stamped on whatever it publishes.

A cause is context, as a trace is: no act is told which tide it is part of, and none can forget to pass it on. It does
not leave its thread; work that waits (a queue, an order to a node) carries the id along, or finds it by the digest.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_TIDE: Final[ContextVar[str]] = ContextVar("tide", default="")
_APART: Final = " "


def carried() -> str:
    """The id of the tide that the caller works in; "" for none."""
    return _TIDE.get()


@contextmanager
def carrying(tide: str) -> Iterator[None]:
    """Has the block work in a tide; "" for none."""
    token = _TIDE.set(tide)
    try:
        yield
    finally:
        _TIDE.reset(token)


def with_carried(argument: str) -> str:
    """An argument of durable work, with the tide it is asked for in."""
    return f"{argument}{_APART}{tide}" if (tide := carried()) else argument


def parted(argument: str) -> tuple[str, str]:
    """An argument of durable work, and the tide it was asked for in: "" for none."""
    own, _, tide = argument.partition(_APART)
    return own, tide
