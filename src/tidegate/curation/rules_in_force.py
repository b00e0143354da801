# SPDX-License-Identifier: Apache-2.0
"""The rules in force: those of files with those of the database laid over them, the same on all replicas.

What is in force lies in memory, so that nobody who asks waits. A thread looks once a second whether the number of
changes grew; whoever made one looks at once.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from threading import Event as Flag
from threading import Lock, Thread
from typing import Any, Final, Generic, TypeVar

from tidegate.curation.rule_sets import RuleKind, list_sets, revision
from tidegate.storage.carry_on import carrying_on
from tidegate.storage.database import Database

T = TypeVar("T")
LOOK_EVERY_SECONDS: Final = 1.0
_log = logging.getLogger(__name__)


class RulesInForce(Generic[T]):
    """The rules of one kind. Safe for threads.

    Args:
        database: has the sets.
        kind: of the sets.
        combine: reads all documents by the name of their set, over those of files.

    Raises:
        InvalidInputError: what the database has cannot be read.
        OutsideError: the database failed.
    """

    def __init__(self, database: Database, kind: RuleKind, combine: Callable[[Mapping[str, str]], T]) -> None:
        self.kind = kind
        self.combine = combine
        self._database = database
        self._lock = Lock()
        self._revision = -1
        self.look()

    @property
    def now(self) -> T:
        """What is in force, as of the last look; the same object until something changes."""
        return self._now

    def look(self) -> None:
        """Reads what changed since the last look; what cannot be read leaves in force what was.

        Raises:
            InvalidInputError, OutsideError: as at the beginning.
        """
        with self._lock, self._database.read() as connection:
            found = revision(connection)
            if found != self._revision:
                self._now = self.combine({one.name: one.document for one in list_sets(connection, self.kind)})
                self._revision = found


class RuleWatch:
    """Looks after rules while a server runs."""

    def __init__(self, rules: Sequence[RulesInForce[Any]]) -> None:
        self._rules = rules
        self._stopping = Flag()
        self._thread = Thread(target=self._run, name="rules", daemon=True)

    def start(self) -> None:
        """Begins to look."""
        self._thread.start()

    def stop(self) -> None:
        """Looks no more."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_SECONDS):
            for rules in self._rules:
                with carrying_on(_log, f"rules of {rules.kind}"):
                    rules.look()
