# SPDX-License-Identifier: Apache-2.0
"""Records on their way to the server: in lots on disk, so that neither a kill nor a server that is away loses them.

Ordinary records are written a moment behind their answers, grave ones before. The folder is bounded: the oldest lots of
ordinary records go first, and it is told how many.
"""

import logging
import os
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event as Flag
from threading import Lock, Thread
from typing import Final

from tidegate.bounds import MIB
from tidegate.errors import InvalidInputError, TidegateError
from tidegate.execution.reviews.record import Record
from tidegate.wire import from_json, to_json

_log = logging.getLogger(__name__)
LOT: Final = 100
MAX_LOTS: Final = 2000
MAX_WAITING: Final = 20_000
_MAX_LOT_BYTES: Final = 16 * MIB
_EVERY_SECONDS: Final = 0.5
_RETRY_SECONDS: Final = 5.0


class RecordsFolder:
    """Keeps records and hands them over, in a thread of its own. Safe for threads.

    Args:
        path: of the folder; made where it is not there.
        send: hands a lot over; raising TidegateError means later. None keeps them.
    """

    def __init__(self, path: Path, send: Callable[[Sequence[Record]], None] | None) -> None:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = path
        self._send = send
        self._waiting: deque[Record] = deque(maxlen=MAX_WAITING)
        self._lock = Lock()
        self._number = max((int(one.stem) for one in self._lots()), default=0)
        self._stopping = Flag()
        self._wanted = Flag()
        self._thread = Thread(target=self._run, name="records", daemon=True)

    def start(self) -> None:
        """Begins to write and to hand over."""
        self._thread.start()

    def stop(self) -> None:
        """Writes what waits, and ends."""
        self._stopping.set()
        self._wanted.set()
        self._thread.join(timeout=10)
        self._write_waiting()

    def keep(self, record: Record) -> None:
        """Keeps a record; a grave one is on disk when this returns, or OSError is raised."""
        if record.act.is_grave:
            self._write([record])
            self._wanted.set()
        else:
            self._waiting.append(record)

    def _run(self) -> None:
        while not self._stopping.is_set():
            pause = _EVERY_SECONDS
            try:
                self._write_waiting()
                self._hand_over()
            except TidegateError:
                pause = _RETRY_SECONDS  # the server is away: they stay here
            except OSError as error:
                _log.error("records cannot be kept: %s", error)
                pause = _RETRY_SECONDS
            self._wanted.clear()
            self._wanted.wait(pause) if pause == _EVERY_SECONDS else self._stopping.wait(pause)

    def _write_waiting(self) -> None:
        while self._waiting:
            lot: list[Record] = []
            while self._waiting and len(lot) < LOT:
                lot.append(self._waiting.popleft())
            self._write(lot)

    def _write(self, lot: Sequence[Record]) -> None:
        with self._lock:
            self._number += 1
            path = self._path / f"{self._number:012}.jsonl"
            draft = path.with_suffix(".draft")
            with draft.open("wb") as file:
                file.write(b"".join(to_json(one) + b"\n" for one in lot))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)

    def _hand_over(self) -> None:
        lots = self._lots()
        for path in lots[: max(0, len(lots) - MAX_LOTS)]:
            _log.error("records: the server was away for long, and the lot %s is lost", path.name)
            path.unlink()
        if self._send is None:
            return
        for path in lots[max(0, len(lots) - MAX_LOTS) :]:
            if self._stopping.is_set():
                return
            records = _read(path)
            try:
                if records:
                    self._send(records)
            except InvalidInputError as error:  # it will never be taken
                _log.error("records: the server cannot read the lot %s: %s", path.name, error)
            path.unlink()

    def _lots(self) -> list[Path]:
        return sorted(self._path.glob("*.jsonl"))


def _read(path: Path) -> list[Record]:
    found = []
    for line in path.read_bytes().splitlines():
        try:
            found.append(from_json(line, Record, what=str(path), max_bytes=_MAX_LOT_BYTES))
        except InvalidInputError as error:
            _log.error("a record cannot be read back: %s", error)
    return found
