# SPDX-License-Identifier: Apache-2.0
"""Captures that a response asks for: made at once, kept here until the server has them, sent one after another."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from pathlib import Path
from shutil import disk_usage
from threading import Event as Flag
from threading import Thread
from typing import Final

from tidegate.artifact import Digest
from tidegate.bounds import GIB
from tidegate.clock import Clock, system_clock
from tidegate.errors import BoundExceededError, InvalidInputError, OutsideError, TidegateError
from tidegate.execution.capture import Capture
from tidegate.execution.kept_capture import KeptCapture
from tidegate.execution.observation import Container
from tidegate.execution.order import Order
from tidegate.remote import RemoteServer
from tidegate.sensor.containers import is_in_container
from tidegate.sensor.forensics.capturing import Wanted, capture, captured_container
from tidegate.sensor.forensics.memory import MemoryChoice

_log = logging.getLogger(__name__)
MAX_WAITING_BYTES: Final = 16 * GIB
"""Captures that wait on one node; over it none is made."""
MAX_SECONDS: Final = 240.0
"""For one capture; an order is good for five minutes."""
MIN_FREE_BYTES: Final = 2 * GIB
"""Of the node's disk: a capture that could fill it is not made."""
_PAUSE_SECONDS: Final = 10.0
_ENDING: Final = ".tar"


class CapturesToSend:
    """Makes captures and sends them.

    Args:
        folder: where they wait; made when missing. A kill leaves nothing half in it.
        server: takes them.
        node: this one's name.
        clock: now.
    """

    def __init__(self, folder: Path, server: RemoteServer, node: str, *, clock: Clock = system_clock) -> None:
        self._folder = folder
        self._server = server
        self._node = node
        self._clock = clock
        self._news = Flag()
        self._stuck: Future[tuple[Digest, Capture]] | None = None

    def take(self, order: Order, found: tuple[Container, Sequence[int]]) -> str:
        """Captures a container; returns what came of it, in words.

        Raises:
            BoundExceededError: too much waits already.
            NotFoundError: it does not run any more.
            OutsideError: the disk failed.
        """
        self._make()
        if sum(file.stat().st_size for file in self._waiting()) > MAX_WAITING_BYTES:
            raise BoundExceededError("MAX_WAITING_BYTES", MAX_WAITING_BYTES, where=str(self._folder))
        if disk_usage(self._folder).free < MIN_FREE_BYTES:
            raise OutsideError(f"less than {MIN_FREE_BYTES} bytes are free", where=str(self._folder))
        container, pids = found
        wanted = Wanted(
            node=self._node,
            container=captured_container(container),
            pids=tuple(pids),
            reason=order.why,
            incident=order.incident,
            order=order.id,
            memory=MemoryChoice.CODE,
        )
        to = self._folder / f"{order.id}{_ENDING}"
        digest, overview = self._within_time(
            lambda: capture(wanted, to, self._clock, is_of=lambda pid: is_in_container(pid, container.id))
        )
        self._news.set()
        strange = f", {len(overview.strange)} programs not of its image" if overview.strange else ""
        return f"captured as {digest}: {overview.processes} processes, {overview.changed} changes{strange}"

    def _within_time(self, make: Callable[[], tuple[Digest, Capture]]) -> tuple[Digest, Capture]:
        """Makes a capture in a thread of its own: what a process has a reader wait for holds up no later order.

        Raises:
            OutsideError: it takes too long, or one before still does.
        """
        if self._stuck is not None and not self._stuck.done():
            raise OutsideError("a capture before is not done yet", where=str(self._folder))
        self._stuck = made = Future[tuple[Digest, Capture]]()

        def run() -> None:
            try:
                made.set_result(make())
            except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
                made.set_exception(error)

        Thread(target=run, name="capture", daemon=True).start()
        try:
            return made.result(MAX_SECONDS)
        except FutureTimeoutError:
            message = f"not done after {MAX_SECONDS} seconds: a process may have its readers wait"
            raise OutsideError(message, where=str(self._folder)) from None

    def run(self, stop: Flag) -> None:
        """Sends what waits, also from before a start, until it is stopped."""
        while not stop.is_set():
            self._news.clear()
            try:
                self.send()
            except TidegateError as error:
                _log.warning("a capture waits: %s", error)
            self._news.wait(_PAUSE_SECONDS)

    def send(self) -> int:
        """Sends what waits; returns how many the server took.

        Raises:
            TidegateError: the server is away, or refuses; what waits stays.
        """
        sent = 0
        for file in self._waiting():
            try:
                kept = self._server.ask("POST", "/captures", KeptCapture, body=file)
            except InvalidInputError as error:
                _log.error("the server does not take a capture, it stays in %s: %s", file, error)
                file.replace(file.with_suffix(".refused"))
                continue
            file.unlink(missing_ok=True)
            sent += 1
            _log.info("the server keeps %s until %s", kept.digest, kept.keep_until)
        return sent

    def _waiting(self) -> list[Path]:
        """The oldest first."""
        found = [file for file in self._folder.glob(f"*{_ENDING}") if file.is_file()]
        return sorted(found, key=lambda file: file.stat().st_mtime_ns)

    def _make(self) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise OutsideError(f"cannot be made: {error.strerror}", where=str(self._folder)) from error
