# SPDX-License-Identifier: Apache-2.0
"""Forensic captures for a command: of the record here, or of a server elsewhere."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final, Protocol

from tidegate.admission.gate import Gate
from tidegate.artifact import Digest
from tidegate.assembly.keeping import local_user
from tidegate.assembly.local import open_local
from tidegate.assembly.remote import here_or_there
from tidegate.assembly.rule_text import rule_text
from tidegate.assembly.stores import open_capture_blobs
from tidegate.clock import Clock
from tidegate.curation.keeping.upkeep import Task
from tidegate.errors import OutsideError
from tidegate.execution.capture_schedule_file import load_capture_schedules
from tidegate.execution.captures import MAX_CAPTURE_BYTES, Captures, demand_archive
from tidegate.execution.kept_capture import KeptCapture
from tidegate.execution.scheduled_captures import TURN, ScheduledCaptures, ScheduledContainer
from tidegate.remote import RemoteServer
from tidegate.remote.server import quoted
from tidegate.settings import Settings
from tidegate.storage.database import Database

_EXPIRE_EVERY: Final = timedelta(hours=1)
_ORDER_EVERY: Final = timedelta(seconds=10)


class CaptureBook(Protocol):
    """What a command asks of captures; raises as `tidegate.execution.captures.Captures` does."""

    def keep(self, file: Path, *, days: int | None) -> KeptCapture:
        """Keeps an archive that lies here."""
        ...

    def find(self, *, incident: str, container: str, image: str, node: str, limit: int) -> Sequence[KeptCapture]:
        """Those with these values, the newest first."""
        ...

    def show(self, digest: Digest) -> KeptCapture:
        """One."""
        ...

    def export(self, digest: Digest, to: Path) -> KeptCapture:
        """Writes a capture's archive to a file."""
        ...

    def let_go(self, digest: Digest, *, why: str) -> KeptCapture:
        """Deletes a capture's archive; the record and the seal stay."""
        ...

    def scheduled(self) -> Sequence[ScheduledContainer]:
        """What is captured by time, the next due first."""
        ...


def build_captures(settings: Settings, database: Database, gate: Gate, clock: Clock) -> Captures:
    """Captures from settings.

    Raises:
        TidegateError: the store's URL or credentials are wrong.
    """
    keep = timedelta(days=settings.execution.capture_keep_days)
    return Captures(database, open_capture_blobs(settings, database), gate, keep, clock)


def build_scheduled(settings: Settings, database: Database, gate: Gate, clock: Clock) -> ScheduledCaptures:
    """Captures by time, from settings.

    Raises:
        TidegateError: a file of schedules is missing or wrong; names file, line and column.
    """
    files = {str(path): rule_text(path) for path in settings.execution.capture_schedule_files}
    return ScheduledCaptures(database, gate, load_capture_schedules(files), clock)


def order_task(scheduled: ScheduledCaptures) -> Task:
    """What a server does by itself about captures that are due."""

    def order() -> object | None:
        given = scheduled.order_due()
        return {"ordered": given} if given else None

    return Task(kind=TURN, every=_ORDER_EVERY, run=order)


def capture_tasks(captures: Captures) -> tuple[Task, ...]:
    """What a server does by itself about captures: those whose time is over go."""

    def expire() -> object | None:
        gone = captures.expire()
        captures.delete_leftovers()
        return {"gone": gone} if gone else None

    return (Task(kind="captures", every=_EXPIRE_EVERY, run=expire),)


def open_capture_book(settings: Settings) -> AbstractContextManager[CaptureBook]:
    """The captures of the server that `client.server` names; without one, of the record here.

    Raises:
        TidegateError: the record cannot be used, or the server's address is none.
    """
    return here_or_there(settings, opens=_open_captures, here=_Recorded, there=_Remote)


@contextmanager
def _open_captures(settings: Settings) -> Iterator[tuple[Captures, ScheduledCaptures]]:
    with open_local(settings) as local:
        parts = local.database, local.gate, local.clock
        yield build_captures(settings, *parts), build_scheduled(settings, *parts)


class _Recorded:
    def __init__(self, opened: tuple[Captures, ScheduledCaptures]) -> None:
        self._captures, self._scheduled = opened
        self._who = local_user()

    def keep(self, file: Path, *, days: int | None) -> KeptCapture:
        return self._captures.take_in(file, who=self._who, keep=None if days is None else timedelta(days=days))

    def find(self, *, incident: str, container: str, image: str, node: str, limit: int) -> Sequence[KeptCapture]:
        return self._captures.find(incident=incident, container=container, image=image, node=node, limit=limit)

    def show(self, digest: Digest) -> KeptCapture:
        return self._captures.show(digest)

    def export(self, digest: Digest, to: Path) -> KeptCapture:
        found, source = self._captures.open(digest)
        try:
            with source, to.open("wb") as file:
                to.chmod(0o600)
                shutil.copyfileobj(source, file, 1 << 20)
        except OSError as error:
            raise OutsideError(f"cannot be written: {error.strerror or error}", where=str(to)) from error
        return found

    def let_go(self, digest: Digest, *, why: str) -> KeptCapture:
        return self._captures.let_go(digest, who=self._who, why=why)

    def scheduled(self) -> Sequence[ScheduledContainer]:
        return self._scheduled.told()


class _Remote:
    def __init__(self, server: RemoteServer) -> None:
        self._server = server

    def keep(self, file: Path, *, days: int | None) -> KeptCapture:
        return self._server.ask("POST", "/captures", KeptCapture, query={"days": days}, body=file)

    def find(self, *, incident: str, container: str, image: str, node: str, limit: int) -> Sequence[KeptCapture]:
        query = {"incident": incident, "container": container, "image": image, "node": node, "limit": limit}
        return self._server.ask("GET", "/captures", tuple[KeptCapture, ...], query=query)

    def show(self, digest: Digest) -> KeptCapture:
        return self._server.ask("GET", f"/captures/{quoted(digest)}", KeptCapture)

    def export(self, digest: Digest, to: Path) -> KeptCapture:
        found = self.show(digest)
        demand_archive(found)
        self._server.fetch(f"/captures/{quoted(digest)}/archive", to, found.archive, max_bytes=MAX_CAPTURE_BYTES)
        return found

    def let_go(self, digest: Digest, *, why: str) -> KeptCapture:
        return self._server.ask("DELETE", f"/captures/{quoted(digest)}", KeptCapture, query={"why": why})

    def scheduled(self) -> Sequence[ScheduledContainer]:
        return self._server.ask("GET", "/captures/schedule", tuple[ScheduledContainer, ...])
