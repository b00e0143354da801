# SPDX-License-Identifier: Apache-2.0
"""The sensor's two processes: one that answers the kernel, and one that keeps it alive."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from tidegate.execution.drift_rules import DriftRules
from tidegate.sensor.folding import Folding
from tidegate.sensor.guard import Guard
from tidegate.sensor.observation import Observation
from tidegate.sensor.supervisor import Supervisor


def guard_until_told(rules: DriftRules, tell: Callable[[Observation], None], *, beat: int) -> None:
    """Answers the kernel until standard input ends.

    Args:
        rules: what holds for which workload.
        tell: is told what was seen.
        beat: a descriptor that takes a byte for each sign of life.

    Raises:
        OutsideError: the kernel or the node's mounts are not to be had.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # they are for the supervisor, which then closes standard input
        signal.signal(number, signal.SIG_IGN)
    folding = Folding(tell)

    def alive() -> None:
        folding.flush()
        with suppress(BrokenPipeError):
            os.write(beat, b".")

    try:
        Guard(rules, folding).run(sys.stdin.fileno(), alive=alive)
    finally:
        folding.flush(all_of_it=True)


def supervise(command: Sequence[str], *, alarm: Callable[[str], None], watched: Callable[[], None]) -> None:
    """Keeps a guard alive until SIGTERM or SIGINT.

    Args:
        command: of the guard.
        alarm: as `Supervisor` has it.
        watched: as `Supervisor` has it.

    Raises:
        OutsideError: no guard could watch.
    """
    with _told_to_stop() as stop:
        Supervisor(command, alarm, watched).run(stop)


@contextmanager
def _told_to_stop() -> Iterator[int]:
    """A descriptor that can be read once this process was told to stop."""
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    before = signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    handlers = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield told
    finally:
        signal.set_wakeup_fd(before)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        os.close(told)
        os.close(tell)
