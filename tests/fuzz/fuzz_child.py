# SPDX-License-Identifier: Apache-2.0
"""Runs work in a child with bounded memory, so that an input that ends the process or eats the machine is only told."""

import mmap
import os
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

MEMORY_BYTES = 2 << 30
"""Address space a child may take beyond what it starts with."""


class Slate:
    """What the child is at, readable after its end: one input in shared memory."""

    def __init__(self, size: int) -> None:
        self._memory = mmap.mmap(-1, size + 8)

    def write(self, data: bytes) -> None:
        """Notes an input before it is tried."""
        self._memory[:8] = len(data).to_bytes(8, "little")
        self._memory[8 : 8 + len(data)] = data

    def read(self) -> bytes:
        """The input that was noted last."""
        return self._memory[8 : 8 + int.from_bytes(self._memory[:8], "little")]


def run_child(work: Callable[[], None], *, seconds: float) -> str:
    """Runs work in a child process.

    Args:
        work: ends by itself; what it raises ends the child with status 1.
        seconds: after these the child is killed.

    Returns:
        "" when it ended well, else how it ended: `SIGSEGV`, `killed after 60 s`, `status 1`.
    """
    read_end, write_end = os.pipe()
    process = os.fork()
    if process == 0:
        _be_child(work, write_end)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as said:
        return _watched(process, seconds, said)


def _watched(process: int, seconds: float, said: BinaryIO) -> str:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            return " ".join((_ended(status), said.read().decode())).strip()
        time.sleep(0.02)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return f"killed after {seconds:.0f} s"


def _be_child(work: Callable[[], None], told: int) -> None:
    status = 1
    try:
        limit = _taken() + MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        work()
        status = 0
    except BaseException as error:  # noqa: BLE001 - the parent is told of everything
        os.write(told, repr(error)[:2_000].encode("utf-8", "replace"))
    finally:
        os._exit(status)


def _taken() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()


def _ended(status: int) -> str:
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    code = os.waitstatus_to_exitcode(status)
    return f"status {code}" if code else ""
