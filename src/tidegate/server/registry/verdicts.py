# SPDX-License-Identifier: Apache-2.0
"""Pulls of what was pushed a moment ago wait for the verdict: clients that push and pull at once go through.

helm and oras read back what they pushed by its digest before they tag it; pipelines deploy what they have just built.
All who ask for one manifest share one look at it; nobody holds a thread meanwhile.
"""

import asyncio
import time
from typing import Final

from tidegate.artifact import Digest, Repository, Tag
from tidegate.curation.lifecycle import UNDECIDED
from tidegate.curation.shelf import ManifestUnknownError, Shelf
from tidegate.server.offload import Offload

_FIRST_LOOK_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 1.0
_MAX_MANIFESTS: Final = 200
"""Waited for at once; a pull of one more is answered at once."""


class Verdicts:
    """Waits for verdicts on their way.

    Args:
        shelf: where they appear.
        offload: where it is asked.
        seconds: how long a pull waits at most; 0 for not at all.
    """

    def __init__(self, shelf: Shelf, offload: Offload, *, seconds: float) -> None:
        self._shelf = shelf
        self._run = offload.run
        self._seconds = seconds
        self._looks: dict[tuple[Repository, Tag | Digest], asyncio.Task[None]] = {}

    @property
    def are_awaited(self) -> bool:
        """False when every pull is answered at once."""
        return self._seconds > 0 and len(self._looks) < _MAX_MANIFESTS

    async def wait(self, name: Repository, locator: Tag | Digest) -> None:
        """Returns when there is a verdict, or none will come in time."""
        key = (name, locator)
        look = self._looks.get(key)
        if look is None:
            look = asyncio.ensure_future(self._look(name, locator))
            self._looks[key] = look
            look.add_done_callback(lambda _: self._looks.pop(key, None))
        # A client that leaves takes nobody's waiting with it.
        await asyncio.shield(look)

    async def _look(self, name: Repository, locator: Tag | Digest) -> None:
        ends, pause = time.monotonic() + self._seconds, _FIRST_LOOK_SECONDS
        while (left := ends - time.monotonic()) > 0:
            await asyncio.sleep(min(pause, left))
            pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)
            try:
                found = await self._run(self._shelf.head_manifest, name, locator)
            except ManifestUnknownError:
                return
            if found.state not in UNDECIDED:
                return
