# SPDX-License-Identifier: Apache-2.0
"""An early look, before an upload begins, whether there is any room for it.

What counts is counted when the upload ends. So that nobody owns a repository is remembered for a moment: most have no
quota, and asking the database costs more than all else that begins an upload.
"""

import time
from typing import Final

from tidegate.artifact import Repository
from tidegate.identity import quota
from tidegate.storage.database import Database

REMEMBERED_SECONDS: Final = 1.0
_MOST_REMEMBERED: Final = 10_000


class RoomLook:
    """Looks. Safe for threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._unowned: dict[Repository, float] = {}

    def refuse_when_full(self, repository: Repository) -> None:
        """Lets an upload begin, if there is any room for it.

        Raises:
            QuotaExceededError: the repository's tenant has no room at all.
        """
        now = time.monotonic()
        if now < self._unowned.get(repository, 0.0):
            return
        with self._database.read() as connection:
            is_owned = quota.refuse_when_full(connection, repository)
        if not is_owned:
            if len(self._unowned) >= _MOST_REMEMBERED:
                self._unowned.clear()
            self._unowned[repository] = now + REMEMBERED_SECONDS
