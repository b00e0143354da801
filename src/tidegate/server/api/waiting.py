# SPDX-License-Identifier: Apache-2.0
"""Waiting for a change instead of asking again and again: woken by commits, bounded in time."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from tidegate.assembly.server import Server

T = TypeVar("T")
_LOOK_AGAIN_SECONDS: Final = 2.0  # for commits of another process, which wake nobody here


def wait_for(server: Server, look: Callable[[], T | None], *, seconds: float) -> T | None:
    """Looks after every commit that told something, until there is something to see, the time is up, or it stops.

    Args:
        server: whose commits wake.
        look: returns what was waited for, or None; called at least once.
        seconds: how long at most.
    """
    ends = time.monotonic() + seconds
    while True:
        seen = server.database.commits.count
        if (found := look()) is not None:
            return found
        left = ends - time.monotonic()
        if left <= 0 or server.is_stopping:
            return None
        server.database.commits.wait(seen, timeout=min(left, _LOOK_AGAIN_SECONDS))
