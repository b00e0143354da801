# SPDX-License-Identifier: Apache-2.0
"""The one crossing from the event loop to the rooms, which block."""

from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

import anyio
import anyio.to_thread

P = ParamSpec("P")
T = TypeVar("T")


class Offload:
    """Runs blocking calls in threads, at most so many at once; more wait in the order they came.

    Args:
        threads: at once.
    """

    def __init__(self, threads: int = 16) -> None:
        self._limiter = anyio.CapacityLimiter(threads)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Calls a function in a thread and returns or raises what it does.

        A caller that is cancelled still waits for the end of the call: nothing goes on behind its back.
        """
        return await anyio.to_thread.run_sync(partial(function, *args, **kwargs), limiter=self._limiter)
