# SPDX-License-Identifier: Apache-2.0
"""Restrictions in force, remembered until somebody changes one: for those who ask of few artifacts again and again."""

from threading import Lock
from typing import Final

from tidegate.admission.restrictions import Imposed, restrictions_over, restrictions_revision
from tidegate.artifact import Digest
from tidegate.storage.database import Database

MAX_REMEMBERED: Final = 4096
"""Artifacts; over that all are forgotten and read again."""


class RememberedRestrictions:
    """What stands on artifacts, as of the last look. Safe for threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._found: dict[Digest, tuple[Imposed, ...]] = {}
        self._revision = -1
        self._lock = Lock()

    def look(self) -> None:
        """Looks whether anything changed; what did not is still known.

        Raises:
            OutsideError: the database failed.
        """
        with self._database.read() as connection:
            revision = restrictions_revision(connection)
        with self._lock:
            if revision != self._revision:
                self._found, self._revision = {}, revision

    def over(self, digest: Digest) -> tuple[Imposed, ...]:
        """What stands on an artifact, by one name or another; as old as the last look at most.

        Raises:
            OutsideError: the database failed.
        """
        with self._lock:
            found, known = self._found.get(digest), self._found
        if found is not None:
            return found
        with self._database.read() as connection:
            found = restrictions_over(connection, digest)
        with self._lock:
            if known is self._found:  # else somebody looked meanwhile, and this may be older than what they saw
                if len(known) >= MAX_REMEMBERED:
                    known.clear()
                known[digest] = found
        return found
