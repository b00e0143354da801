# SPDX-License-Identifier: Apache-2.0
"""The tide: the knowledge file changed, so what the change touches is judged again, and nothing else.

A file is replaced, never written in place. The one that was joined last is kept by a hard link, so that the difference
can be told after a restart too; without it everything on the shelf is judged again.

What it moved is put on record with the event that tells it; whoever hears that has it judged (`loops.tide_rising`), so
a kill between the two loses nothing.
"""

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Flag
from threading import Lock, Thread
from typing import Final

from sqlalchemy import select

from tidegate.artifact import Digest
from tidegate.clock import Clock, rfc3339
from tidegate.curation.components.affected import images_in
from tidegate.curation.lifecycle import SHUT, VENDED, State
from tidegate.errors import NotFoundError, TidegateError
from tidegate.events import Event, EventKind
from tidegate.evidence import KnowledgeStamp
from tidegate.knowledge.database import Knowledge
from tidegate.knowledge.delta import changed_ranges
from tidegate.storage import outbox, schema
from tidegate.storage.carry_on import carrying_on
from tidegate.storage.database import Database
from tidegate.storage.insert import insert_or_update
from tidegate.storage.lock_order import Rank, taking
from tidegate.storage.tides import Cause, begin_tide, tide_named

_log = logging.getLogger(__name__)
LOOK_EVERY_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tide:
    """What one change of knowledge moved: how many ranges changed, and which images are judged again."""

    id: str
    stamp: KnowledgeStamp
    changed_ranges: int
    images: tuple[Digest, ...]
    whole: bool


class NewKnowledge:
    """Holds the knowledge in force and takes up a new file.

    Args:
        path: the knowledge file; it may not be there yet.
    """

    def __init__(self, path: Path, database: Database, clock: Clock) -> None:
        self._path = path
        self._joined = path.with_name(f".{path.name}.joined")
        self._database = database
        self._clock = clock
        self._lock = Lock()
        self._current: Knowledge | None = None
        self._opened: tuple[int, int] | None = None
        self._identity: tuple[int, int] | None = None
        self._stopping = Flag()
        self._thread = Thread(target=self._watch, name="new knowledge", daemon=True)

    def current(self) -> Knowledge | None:
        """The knowledge in force; None while there is none."""
        return self._current

    def open(self) -> None:
        """Has what is there in force, before anything is examined; what it moved is looked at by `start`.

        Raises:
            InvalidInputError: the file is no knowledge file.
        """
        with self._lock:
            identity = _identity(self._path)
            if identity is not None:
                self._in_force(identity)

    def start(self) -> None:
        """Takes up what is there, and from then on every new file within a second or so."""
        self.look()
        self._thread.start()

    def stop(self) -> None:
        """Stops looking."""
        self._stopping.set()
        self._thread.join()

    def look(self) -> Tide | None:
        """Takes up the file if it is another than the one in force.

        Returns:
            What it moved; None when nothing is new.

        Raises:
            InvalidInputError: the file is no knowledge file; the one in force stays.
        """
        with self._lock:
            identity = _identity(self._path)
            if identity is None or identity == self._identity:
                return None
            # In force before the difference is drawn: an image examined meanwhile sees the new one or is found below.
            new = self._in_force(identity)
            self._identity = identity
            tide = self._join(new)
            self._keep()
            return tide

    def _in_force(self, identity: tuple[int, int]) -> Knowledge:
        if self._current is None or identity != self._opened:
            self._current, self._opened = Knowledge.open(self._path), identity
        return self._current

    def _join(self, new: Knowledge) -> Tide | None:
        seen = schema.knowledge_seen
        with self._database.read() as connection:
            last = connection.execute(select(seen)).mappings().first()
        if last is not None and last["digest"] == new.stamp.digest:
            return None
        before = (str(last["digest"]), str(last["joined_at"])) if last is not None else ("", "")
        tide = self._difference(new, tide_named(Cause.KNOWLEDGE, *before, new.stamp.digest), before[0])
        at = self._clock()
        event = f"knowledge:{new.stamp.digest}:{rfc3339(at)}"
        with self._database.begin() as connection:
            taking(connection, Rank.WORK, ["knowledge"])
            began = begin_tide(
                connection,
                tide.id,
                Cause.KNOWLEDGE,
                subject=new.stamp.digest,
                event=event,
                why=f"knowledge {new.stamp.sequence}",
                at=at,
                digests=tide.images,
            )
            if not began:  # another replica was quicker
                return None
            insert_or_update(
                connection,
                seen,
                id=1,
                sequence=new.stamp.sequence,
                digest=new.stamp.digest,
                joined_at=rfc3339(at),
            )
            outbox.publish(
                connection,
                Event(
                    id=event,
                    kind=EventKind.KNOWLEDGE_UPDATED,
                    subject=new.stamp.digest,
                    time=at,
                    data={
                        "sequence": new.stamp.sequence,
                        "made_at": rfc3339(new.stamp.made_at),
                        "changed_ranges": tide.changed_ranges,
                        "images": len(tide.images),
                    },
                    tide=tide.id,
                ),
            )
        return tide

    def _difference(self, new: Knowledge, name: str, last: str) -> Tide:
        try:
            with Knowledge.open(self._joined) as old:
                if old.stamp.digest == last:
                    ranges = list(changed_ranges(old, new))
                    with self._database.read() as connection:
                        images = images_in(connection, ranges)
                    return Tide(id=name, stamp=new.stamp, changed_ranges=len(ranges), images=images, whole=False)
        except TidegateError as error:
            if not isinstance(error, NotFoundError):
                _log.warning("the knowledge joined last cannot be read (%s); judging all images again", error)
        with self._database.read() as connection:
            state = schema.state
            query = select(state.c.digest).where(
                state.c.state.in_([member.value for member in VENDED | SHUT | {State.ANALYSING}])
            )
            everything = tuple(Digest(text) for text in connection.scalars(query.order_by(state.c.digest)))
        return Tide(id=name, stamp=new.stamp, changed_ranges=0, images=everything, whole=True)

    def _keep(self) -> None:
        """Links the file in force beside its name, so that a later one can be compared with it."""
        draft = self._joined.with_suffix(".new")
        try:
            draft.unlink(missing_ok=True)
            os.link(self._path, draft)
            draft.replace(self._joined)
        except OSError as error:
            _log.warning("cannot keep the joined knowledge (%s); the next update judges all images again", error)

    def _watch(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_SECONDS):
            with carrying_on(_log, "taking up new knowledge"):
                self.look()


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells one file of this name from the next."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns
