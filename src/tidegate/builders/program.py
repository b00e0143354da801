# SPDX-License-Identifier: Apache-2.0
"""Runs a builder's program: its words into a log, its process group ended whatever happens."""

import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from tidegate.builders.order import Step, Tell
from tidegate.errors import OutsideError

MARK: Final = "TIDEGATE_BUILD"
"""Variable that names the workspace in every process of a build, so that one left behind is found."""
MAX_LINE_BYTES: Final = 64 << 10
_GRACE_SECONDS: Final = 2
_TAIL_LINES: Final = 12
_NO_SPACE: Final = "no space left on device"
_STEP: Final = re.compile(r"(?:\[(\d+)/\d+\] )?STEP (\d+)(?:/\d+)?: ")


class BuildFailedError(OutsideError):
    """An instruction failed.

    Args:
        step: which; None when the builder did not tell.
    """

    def __init__(self, what: str, *, step: Step | None, where: str = "") -> None:
        super().__init__(what, where=where)
        self.step = step


class Program:
    """Runs programs of one build.

    Args:
        mark: the workspace's name.
        log: file that gets all they say.
        deadline: seconds left for all of them together, asked before each.
        withheld: words that must not stand in the log.
    """

    def __init__(self, *, mark: str, log: Path, deadline: Callable[[], float], withheld: Sequence[bytes] = ()) -> None:
        self._mark = mark
        self._log = log
        self._deadline = deadline
        self._withheld = tuple(sorted(withheld, key=len, reverse=True))

    def run(self, command: Sequence[str], *, tell: Tell | None = None) -> list[str]:
        """Runs a program to its end; its last lines.

        Raises:
            BuildFailedError: it ended with an error.
            OutsideError: it cannot be run, was not done in time, or the disk is full.
        """
        step: Step | None = None
        tail: list[str] = []
        with self._log.open("ab") as log, self._started(command) as process:
            late = threading.Event()
            timer = threading.Timer(max(0.0, self._deadline()), _end_late, (process, late))
            timer.daemon = True
            timer.start()
            try:
                if process.stdout is None:  # never: it is asked for
                    raise OutsideError("has no output", where=command[0])
                while raw := process.stdout.readline(MAX_LINE_BYTES):
                    line = self._shown(raw)
                    log.write(line)
                    text = line.decode("utf-8", "replace").rstrip()
                    step = _step(text) or step
                    tail = [*tail[-_TAIL_LINES:], text]
                    if tell is not None:
                        tell(text)
                status = process.wait()
            finally:
                timer.cancel()
                end_group(process)
        if late.is_set():
            raise OutsideError("was not done in time", where=command[0], remedy="give it longer with --timeout")
        if status:
            self._raise(command, status, step, tail)
        return tail

    def _started(self, command: Sequence[str]) -> "subprocess.Popen[bytes]":
        try:
            return subprocess.Popen(
                ["env", f"{MARK}={self._mark}", *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise OutsideError(f"cannot be run: {error.strerror}", where=command[0]) from error

    def _shown(self, raw: bytes) -> bytes:
        for word in self._withheld:
            raw = raw.replace(word, b"***")
        return raw

    def _raise(self, command: Sequence[str], status: int, step: Step | None, tail: Sequence[str]) -> None:
        told = [line for line in tail if line]
        if any(_NO_SPACE in line.lower() for line in told):
            raise OutsideError(
                "the disk is full", where=str(self._log.parent), remedy="make room there, or name another with --home"
            )
        plain = [line for line in told if _STEP.match(line) is None]
        said = " · ".join(line.strip()[:300] for line in plain[-3:]) or "it said nothing"
        raise BuildFailedError(f"ended with {status}: {said}", step=step, where=command[0])


def end_group(process: "subprocess.Popen[bytes]") -> None:
    """Ends a program and all of its process group: asked first, soon killed."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _end_late(process: "subprocess.Popen[bytes]", late: threading.Event) -> None:
    late.set()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _step(line: str) -> Step | None:
    found = _STEP.match(line)
    return Step(stage=int(found[1] or 1) - 1, number=int(found[2]) - 1) if found else None
