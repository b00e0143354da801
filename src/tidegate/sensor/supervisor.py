# SPDX-License-Identifier: Apache-2.0
"""Keeps the guard alive: one that ended is started again, one that hangs is killed, so that nothing waits for it.

The kernel lets everything through that waits for a guard that ends, and makes everything wait for one that hangs. So
the guard is a process of its own that gives a sign of life each second, and its death is told like what it sees.
"""

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from tidegate.errors import OutsideError

SILENT_SECONDS: Final = 5.0
START_SECONDS: Final = 30.0
_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 30.0
_CALM_SECONDS: Final = 60.0
"""One that lived for so long is started again at once."""


class Supervisor:
    """Runs a guard until it is told to stop.

    Args:
        command: of the guard; it ends when its standard input does, and writes to the descriptor that is its last
            argument when it watches, and then each second.
        alarm: is told, in one line, of each guard that ended by itself or was killed because it hung.
        watched: called when a guard watches for the first time.
        name: what the process is called in alarms, and `cost` what it means that it is gone.
    """

    def __init__(
        self,
        command: Sequence[str],
        alarm: Callable[[str], None],
        watched: Callable[[], None] = lambda: None,
        *,
        name: str = "guard",
        cost: str = "until it is back nothing is refused",
    ) -> None:
        self._command = list(command)
        self._name = name
        self._cost = cost
        self._alarm = alarm
        self._watched = watched
        self._never_watched = True

    def run(self, stop: int) -> None:
        """Runs guards until there is something to read from the descriptor `stop`.

        Raises:
            OutsideError: no guard ever watched: the first ended before it did. It has said why.
        """
        pause = _FIRST_PAUSE_SECONDS
        while True:
            began = time.monotonic()
            why = self._run_one(stop)
            if why is None:
                return
            if self._never_watched:
                raise OutsideError(f"the {self._name} did not start", remedy="its own error stands above")
            self._alarm(why)
            pause = _FIRST_PAUSE_SECONDS if time.monotonic() - began > _CALM_SECONDS else pause
            if select.select([stop], [], [], pause)[0]:
                return
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _run_one(self, stop: int) -> str | None:
        """Why a guard ended; None when it was told to."""
        heart, beat = os.pipe()
        try:
            guard = subprocess.Popen([*self._command, str(beat)], stdin=subprocess.PIPE, pass_fds=[beat])
        finally:
            os.close(beat)
        try:
            return self._watch(guard, heart, stop)
        finally:
            os.close(heart)
            _end(guard)

    def _watch(self, guard: "subprocess.Popen[bytes]", heart: int, stop: int) -> str | None:
        within = START_SECONDS
        while True:
            readable, _, _ = select.select([heart, stop], [], [], within)
            if stop in readable:
                return None
            if heart not in readable:
                guard.kill()
                return (
                    f"the {self._name} gave no sign of life for {within:g} s and was killed; "
                    "what waited for it went through"
                )
            if not os.read(heart, 4096):
                return f"the {self._name} ended with status {guard.wait()}; {self._cost}"
            within = SILENT_SECONDS
            if self._never_watched:
                self._never_watched = False
                self._watched()


def _end(guard: "subprocess.Popen[bytes]") -> None:
    if guard.stdin is not None:
        with suppress(OSError):
            guard.stdin.close()
    try:
        guard.wait(SILENT_SECONDS)
    except subprocess.TimeoutExpired:
        guard.send_signal(signal.SIGKILL)
        guard.wait()
