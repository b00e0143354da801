# SPDX-License-Identifier: Apache-2.0
"""Captures that were brought here: proved, sealed into the ledger, kept for their time, and let go of.

They lie in a blob store of their own: no registry's pull reaches it, and no collection of unneeded blobs looks there.
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, Final

from sqlalchemy import Connection, RowMapping, select, update

from tidegate.admission.gate import Gate
from tidegate.artifact import Digest
from tidegate.bounds import GIB, MIB
from tidegate.clock import Clock, rfc3339
from tidegate.errors import InvalidInputError, NotFoundError, UsageError
from tidegate.events import Event, EventKind
from tidegate.evidence import FORENSIC_CAPTURE, Statement, Subject
from tidegate.execution.capture import Capture
from tidegate.execution.capture_archive import open_capture
from tidegate.execution.kept_capture import KeptCapture
from tidegate.execution.scheduled_captures import arrived_before, keep_of, note_arrived
from tidegate.storage.blobs import BlobStore
from tidegate.storage.capture_schema import capture as table
from tidegate.storage.database import Database
from tidegate.storage.insert import insert_once
from tidegate.storage.outbox import publish
from tidegate.wire import from_json, to_builtins, to_json

MAX_CAPTURE_BYTES: Final = 8 * GIB
MAX_KEEP: Final = timedelta(days=3650)
_MAX_OVERVIEW_BYTES: Final = MIB
_PIECE: Final = MIB
_MAX_PATHS_TOLD: Final = 20
_EXPIRED: Final = "its time was over"


class Captures:
    """Keeps captures. Safe for threads.

    Args:
        database: the record.
        blobs: where the archives lie; nothing else does.
        gate: seals them.
        keep: how long, when nobody says.
        clock: now.
    """

    def __init__(self, database: Database, blobs: BlobStore, gate: Gate, keep: timedelta, clock: Clock) -> None:
        self._database = database
        self._blobs = blobs
        self._gate = gate
        self._keep = keep
        self._clock = clock

    def take_in(self, file: Path, *, who: str, keep: timedelta | None = None) -> KeptCapture:
        """Proves an archive, keeps it and seals it; the same again finds what is kept.

        So does another one for an order by time that was answered already: a node that is killed makes it twice.

        Args:
            file: the archive, on this machine.
            who: brought it.
            keep: how long; None for as long as the schedule it was ordered by, or this server's settings, say.

        Raises:
            InvalidInputError: it is no capture, or something in it was changed.
            UsageError: it would be kept for longer than `MAX_KEEP`, or for no time.
            OutsideError: the disk, the store or the database failed.
        """
        if keep is not None and not timedelta(0) < keep <= MAX_KEEP:
            raise UsageError("not a time to keep a capture for", remedy=f"between a day and {MAX_KEEP.days} days")
        with open_capture(file) as archive:
            digest, overview = archive.digest, archive.overview()
        with self._database.read() as connection:
            lasts = keep or keep_of(connection, overview, who=who) or self._keep
            if (known := _found(connection, digest)) is not None and not known["gone_at"]:
                return _kept(known)
            if known is None and (before := arrived_before(connection, overview, who=who)):
                return _kept(_one(connection, Digest(before)))
        stored, size = self._store(file)
        at = self._clock()
        with self._database.begin() as connection:
            sealed = self._gate.add(connection, _statement(digest, stored, size, overview), at=at)
            row = {
                "digest": digest,
                "archive": stored,
                "size": size,
                "node": overview.node,
                "container": overview.container.id,
                "name": overview.container.name,
                "image": overview.container.image,
                "image_digest": overview.container.image_digest,
                "incident": overview.incident,
                "taken_at": overview.began_at,
                "kept_at": rfc3339(at),
                "kept_by": who,
                "keep_until": rfc3339(at + lasts),
                "statement": sealed.digest,
                "overview": to_json(overview).decode(),
                "differs": int(overview.differs),
            }
            if insert_once(connection, table, **row):
                schedule = note_arrived(connection, overview, digest, who=who)
                told = {"archive": stored, "size": size, "by": who, "schedule": schedule}
                _tell(connection, EventKind.CAPTURE_KEPT, digest, at, told)
                if overview.differs:
                    _tell(connection, EventKind.CAPTURE_DIFFERS, digest, at, _difference(overview, schedule))
            else:
                again = {**row, "gone_at": "", "gone_why": ""}
                connection.execute(update(table).where(table.c.digest == digest, table.c.gone_at != "").values(again))
            kept = _kept(_one(connection, digest))
        self._demand_archive(kept, file)
        return kept

    def _demand_archive(self, kept: KeptCapture, file: Path) -> None:
        """Puts the archive back where somebody who saw no record of it yet took it for a leftover."""
        try:
            self._blobs.size(kept.archive)
        except NotFoundError:
            self._store(file)

    def find(
        self, *, incident: str = "", container: str = "", image: str = "", node: str = "", limit: int = 100
    ) -> Sequence[KeptCapture]:
        """Those with these values, the newest first; "" takes any.

        Raises:
            OutsideError: the database failed.
        """
        query = select(table).order_by(table.c.kept_at.desc(), table.c.digest).limit(limit)
        if container:
            query = query.where((table.c.container == container) | (table.c.name == container))
        if image:
            query = query.where((table.c.image == image) | (table.c.image_digest == image))
        for column, value in ((table.c.incident, incident), (table.c.node, node)):
            query = query.where(column == value) if value else query
        with self._database.read() as connection:
            return [_kept(row) for row in connection.execute(query).mappings()]

    def show(self, digest: Digest) -> KeptCapture:
        """One.

        Raises:
            NotFoundError: it was never here.
            OutsideError: the database failed.
        """
        with self._database.read() as connection:
            return _kept(_one(connection, digest))

    def open(self, digest: Digest) -> tuple[KeptCapture, BinaryIO]:
        """One with its archive, which the caller closes.

        Raises:
            NotFoundError: it was never here, or it was let go of.
            OutsideError: the store or the database failed.
        """
        found = self.show(digest)
        demand_archive(found)
        return found, self._blobs.open(found.archive)

    def let_go(self, digest: Digest, *, who: str, why: str) -> KeptCapture:
        """Deletes a capture's archive before its time; the record says who and why.

        Raises:
            NotFoundError: it was never here.
            UsageError: no reason.
            OutsideError: the store or the database failed.
        """
        if not why.strip():
            raise UsageError("no reason", where=digest, remedy="say why it is let go of")
        self._end(self.show(digest), f"by {who}: {why.strip()[:1000]}")
        return self.show(digest)

    def expire(self) -> Sequence[Digest]:
        """Lets go of those whose time is over; returns them.

        Raises:
            OutsideError: the store or the database failed.
        """
        due = (table.c.gone_at == "") & (table.c.keep_until <= rfc3339(self._clock()))
        with self._database.read() as connection:
            found = [_kept(row) for row in connection.execute(select(table).where(due).limit(1000)).mappings()]
        for one in found:
            self._end(one, _EXPIRED)
        return [one.digest for one in found]

    def _end(self, one: KeptCapture, why: str) -> None:
        """On record first: a kill between leaves an archive nobody is shown, and the next turn deletes it."""
        at = self._clock()
        with self._database.begin() as connection:
            ended = update(table).where(table.c.digest == one.digest, table.c.gone_at == "")
            if connection.execute(ended.values(gone_at=rfc3339(at), gone_why=why)).rowcount:
                _tell(connection, EventKind.CAPTURE_GONE, one.digest, at, {"why": why})
        self._delete_unless_kept(one.archive)

    def delete_leftovers(self) -> int:
        """Deletes archives no record keeps: of a kill between the two. Returns how many.

        Raises:
            OutsideError: the store or the database failed.
        """
        kept = select(table.c.archive).where(table.c.gone_at == "")
        with self._database.read() as connection:
            known = frozenset(connection.scalars(kept))
        # Asked once more of each: it may be on record since.
        return sum(self._delete_unless_kept(digest) for digest in self._blobs.digests() if digest not in known)

    def _delete_unless_kept(self, archive: Digest) -> bool:
        here = select(table.c.digest).where(table.c.archive == archive, table.c.gone_at == "").limit(1)
        with self._database.read() as connection:
            if connection.scalar(here) is not None:
                return False
        with suppress(NotFoundError):
            self._blobs.delete(archive)
        return True

    def _store(self, file: Path) -> tuple[Digest, int]:
        upload = self._blobs.begin()
        try:
            hashed = hashlib.sha256()
            with file.open("rb") as source:
                while piece := source.read(_PIECE):
                    hashed.update(piece)
                    self._blobs.append(upload, [piece])
            self._blobs.flush(upload)
            digest = Digest("sha256:" + hashed.hexdigest())
            size = self._blobs.seal(upload, digest)
            self._blobs.place(upload, digest)
            self._blobs.release(upload)
        except BaseException:
            self._blobs.cancel(upload)
            raise
        return digest, size


def demand_archive(kept: KeptCapture) -> None:
    """Lets pass a capture whose archive is still here.

    Raises:
        NotFoundError: it was let go of.
    """
    if kept.gone_at:
        why = f"was let go of at {kept.gone_at}: {kept.gone_why}"
        raise NotFoundError(why, where=kept.digest, remedy="the record and its seal in the ledger stay")


def _difference(overview: Capture, schedule: str) -> dict[str, Any]:
    """How a container differs from the image it was started from."""
    return {
        "node": overview.node,
        "container": overview.container.id,
        "name": overview.container.name,
        "image": overview.container.image,
        "image_digest": overview.container.image_digest,
        "schedule": schedule,
        "incident": overview.incident,
        "runs": overview.strange[:_MAX_PATHS_TOLD],
        "written": overview.altered[:_MAX_PATHS_TOLD],
        "changed": overview.changed,
    }


def _statement(digest: Digest, archive: Digest, size: int, overview: Capture) -> Statement:
    """Files the capture with the image it is of, where that is known: it then stands in the image's passport."""
    own = Subject(name="capture", digest=digest)
    image = overview.container.image_digest
    subjects: tuple[Subject, ...] = (own,)
    with suppress(InvalidInputError):
        subjects = (Subject(name=overview.container.image or "image", digest=Digest(image)), own) if image else (own,)
    predicate: dict[str, Any] = {
        "capture": digest,
        "archive": {"digest": archive, "size": size},
        "overview": to_builtins(overview),
    }
    return Statement(subjects=subjects, predicate_type=FORENSIC_CAPTURE, predicate=predicate)


def _tell(connection: Connection, kind: EventKind, digest: Digest, at: datetime, data: dict[str, Any]) -> None:
    publish(connection, Event(id=f"{kind}:{digest}:{rfc3339(at)}", kind=kind, subject=digest, time=at, data=data))


def _found(connection: Connection, digest: Digest) -> RowMapping | None:
    return connection.execute(select(table).where(table.c.digest == digest)).mappings().first()


def _one(connection: Connection, digest: Digest) -> RowMapping:
    row = _found(connection, digest)
    if row is None:
        raise NotFoundError("no such capture", where=digest, remedy="tidegate forensics list tells which there are")
    return row


def _kept(row: RowMapping) -> KeptCapture:
    overview = from_json(row["overview"].encode(), Capture, what="capture", max_bytes=_MAX_OVERVIEW_BYTES)
    return KeptCapture(
        digest=Digest(row["digest"]),
        archive=Digest(row["archive"]),
        size=row["size"],
        kept_at=row["kept_at"],
        kept_by=row["kept_by"],
        keep_until=row["keep_until"],
        statement=Digest(row["statement"]),
        overview=overview,
        gone_at=row["gone_at"],
        gone_why=row["gone_why"],
    )
