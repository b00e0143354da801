# SPDX-License-Identifier: Apache-2.0
"""Pulls of names that come from an upstream: hundreds that wait for the same image wait in one thread."""

import asyncio
from typing import Final

from tidegate.artifact import Digest, Repository, Tag
from tidegate.curation.intake.pull_through import PullThrough, Ready
from tidegate.server.offload import Offload

UPSTREAM_HEADER: Final = "Tidegate-Upstream"
_WAITING_THREADS: Final = 32


class UpstreamPulls:
    """Asks, and waits without holding up other requests.

    Args:
        pull_through: answers.
        offload: threads for what does not wait.
    """

    def __init__(self, pull_through: PullThrough, offload: Offload) -> None:
        self.pull_through = pull_through
        self._run = offload.run
        self._waiters = Offload(_WAITING_THREADS)
        self._waiting: dict[tuple[Repository, Tag | Digest], asyncio.Task[None]] = {}

    async def ready(self, name: Repository, locator: Tag | Digest, *, who: str) -> Ready:
        """What to hand out; raises what `PullThrough.look` raises."""
        found = await self._run(self.pull_through.begin, name, locator, who=who)
        if found is not None:
            return found
        await self._wait(name, locator)
        return await self._run(self.pull_through.look, name, locator, who=who)

    async def _wait(self, name: Repository, locator: Tag | Digest) -> None:
        key = (name, locator)
        task = self._waiting.get(key)
        if task is None:
            task = asyncio.ensure_future(self._waiters.run(self.pull_through.wait, name, locator))
            self._waiting[key] = task
            task.add_done_callback(lambda _: self._waiting.pop(key, None))
        # A client that leaves takes nobody's waiting with it.
        await asyncio.shield(task)
