# SPDX-License-Identifier: Apache-2.0
"""Layers read by processes of their own, where that is safe: the interpreter's lock then stands in nobody's way.

A process is forked for each worker. They take layers from one pipe, by number, and write the facts of each to a pipe of
their own. A process that fails over a layer says no more than that; who asked reads that layer itself, so that errors
are raised where they belong and as they are.
"""

import gc
import os
import selectors
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from struct import Struct
from types import TracebackType
from typing import Final, NoReturn

from tidegate.bounds import MIB
from tidegate.errors import OutsideError
from tidegate.inventory import LayerFacts
from tidegate.oci.image import Layer
from tidegate.scan.analyser import Analyser
from tidegate.scan.analysis import analyse_layer
from tidegate.scan.locality import is_local
from tidegate.wire import from_msgpack, to_msgpack

_WORTH_BYTES: Final = 4 * MIB
_NUMBER: Final = Struct("<H")
_HEAD: Final = Struct("<HQ")
_FAILED: Final = (1 << 64) - 1
_MAX_LAYERS: Final = 4096  # their numbers fit into a pipe that nobody reads yet
_READ_BYTES: Final = MIB


def can_fork(layers: Sequence[Layer]) -> bool:
    """True when these layers may be read by forked processes, and are large enough to be worth it.

    A process of several threads is not forked: what its other threads hold would be held for ever in the copy.
    """
    return (
        sys.platform == "linux"
        and threading.active_count() == 1
        and len(layers) <= _MAX_LAYERS
        and sum(layer.descriptor.size for layer in layers) >= _WORTH_BYTES
        and all(map(is_local, layers))
    )


def read_in_processes(layers: Sequence[Layer], analyser: Analyser) -> Iterator[tuple[int, LayerFacts | None]]:
    """Reads layers; yields the number of each with its facts as they come, None for facts where reading failed.

    Args:
        layers: the largest first.
        analyser: `workers` is the number of processes at most.

    Raises:
        OutsideError: a process was killed.
    """
    analyser.dispatch  # noqa: B018 - made once, before it is copied
    with _Pipe() as numbers, _Pipe() as token:
        for number in range(len(layers)):
            os.write(numbers.into, _NUMBER.pack(number))
        os.write(token.into, b"\0")
        numbers.close_into()
        job = _Job(layers, replace(analyser, huge=_SharedLock(token)), numbers.out)
        workers: list[_Worker] = []
        gc.freeze()  # the collector of a copy need not touch what it shares
        try:
            workers.extend(_Worker(job) for _ in range(min(analyser.workers, len(layers))))
            yield from _gathered(workers)
        finally:
            for worker in workers:
                worker.end()
            gc.unfreeze()


class _Pipe:
    """A pipe; both ends are closed with it."""

    def __init__(self) -> None:
        self.out, self.into = os.pipe()

    def __enter__(self) -> "_Pipe":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close_into()
        os.close(self.out)

    def close_into(self) -> None:
        if self.into >= 0:
            os.close(self.into)
            self.into = -1


class _SharedLock:
    """A lock between processes: who has read the one byte of a pipe holds it."""

    def __init__(self, token: _Pipe) -> None:
        self._token = token

    def __enter__(self) -> None:
        os.read(self._token.out, 1)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.write(self._token.into, b"\0")


@dataclass(frozen=True)
class _Job:
    """What the processes share.

    Attributes:
        numbers: a pipe of the numbers of layers nobody has taken yet.
    """

    layers: Sequence[Layer]
    analyser: Analyser
    numbers: int

    def run(self, results: int) -> None:
        """Reads layers until none is left, and writes what is in them."""
        share = sum(layer.descriptor.size for layer in self.layers) // self.analyser.workers
        while taken := os.read(self.numbers, _NUMBER.size):
            (number,) = _NUMBER.unpack(taken)
            layer = self.layers[number]
            try:
                with layer.open() as stream:
                    # A layer larger than one worker's share is waited for in the end: a second core helps with it.
                    ahead = layer.descriptor.size > share
                    facts = analyse_layer(stream, layer.descriptor, layer.diff_id, self.analyser, ahead=ahead)
                packed = to_msgpack(facts)
            except Exception:  # noqa: BLE001 - who asked reads the layer itself, and raises what is to be raised
                _write(results, _HEAD.pack(number, _FAILED))
                continue
            _write(results, _HEAD.pack(number, len(packed)))
            _write(results, packed)


class _Worker:
    """One forked process, and what it has written so far."""

    def __init__(self, job: _Job) -> None:
        results = _Pipe()
        self.results = results.out
        self._waiting = bytearray()
        self._pid = os.fork()
        if not self._pid:
            os.close(results.out)  # so that it is told when nobody reads any more
            _be(job, results.into)
        results.close_into()

    def take(self) -> Iterator[tuple[int, LayerFacts | None]]:
        """Reads once what is there; yields what is whole."""
        data = os.read(self.results, _READ_BYTES)
        if not data:
            raise EOFError
        self._waiting += data
        while len(self._waiting) >= _HEAD.size:
            number, size = _HEAD.unpack_from(self._waiting)
            if size == _FAILED:
                del self._waiting[: _HEAD.size]
                yield number, None
                continue
            end = _HEAD.size + size
            if len(self._waiting) < end:
                return
            packed = bytes(memoryview(self._waiting)[_HEAD.size : end])
            del self._waiting[:end]
            yield number, from_msgpack(packed, LayerFacts, what="facts of a layer")

    def finish(self) -> None:
        """Takes note of its end, once all that it wrote was read.

        Raises:
            OutsideError: it was killed.
        """
        _, status = os.waitpid(self._pid, 0)
        self._pid = 0
        if os.waitstatus_to_exitcode(status):
            raise OutsideError(
                f"a process that read layers ended with {os.waitstatus_to_exitcode(status)}",
                remedy="is there enough memory? --workers 1 reads one layer after the other",
            )

    def end(self) -> None:
        """Ends it, whatever it does."""
        os.close(self.results)
        if self._pid:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)


def _gathered(workers: Sequence[_Worker]) -> Iterator[tuple[int, LayerFacts | None]]:
    with selectors.DefaultSelector() as selector:
        for worker in workers:
            selector.register(worker.results, selectors.EVENT_READ, worker)
        while selector.get_map():
            for key, _ in selector.select():
                worker = key.data
                try:
                    yield from worker.take()
                except EOFError:
                    selector.unregister(worker.results)
                    worker.finish()


def _be(job: _Job, results: int) -> NoReturn:
    """What the copy does; nothing of what its parent had in hand is finished here."""
    status = 1
    try:
        job.run(results)
        status = 0
    finally:
        os._exit(status)


def _write(results: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(results, view) :]
