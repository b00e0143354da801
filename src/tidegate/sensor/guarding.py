# SPDX-License-Identifier: Apache-2.0
"""The sensor's two processes: one that answers the kernel, and one that keeps it alive."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from threading import Event as Flag
from threading import Thread
from typing import Final

from tidegate.errors import OutsideError
from tidegate.execution.drift_rules import DriftRules
from tidegate.execution.expectation import Expectations
from tidegate.execution.observation import Observation
from tidegate.sensor.folding import Folding
from tidegate.sensor.guard import Guard
from tidegate.sensor.supervisor import Supervisor

_FIRST: Final = -20


def guard_until_told(
    rules: DriftRules, expected: Expectations, tell: Callable[[Observation], None], *, beat: int
) -> None:
    """Answers the kernel until standard input ends.

    Args:
        rules: what holds for which workload.
        expected: which programs of their image they may run.
        tell: is told what was seen.
        beat: a descriptor that takes a byte for each sign of life.

    Raises:
        OutsideError: the kernel or the node's mounts are not to be had.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # they are for the supervisor, which then closes standard input
        signal.signal(number, signal.SIG_IGN)
    with suppress(OSError):  # what waits for an answer waits for the processor as well
        os.setpriority(os.PRIO_PROCESS, 0, _FIRST)
    folding = Folding(tell)

    def alive() -> None:
        folding.flush()
        with suppress(BrokenPipeError):
            os.write(beat, b".")

    try:
        Guard(rules, folding, expectations=expected).run(sys.stdin.fileno(), alive=alive)
    finally:
        folding.flush(all_of_it=True)


def supervise(
    guard: Sequence[str], attendant: Sequence[str], *, alarm: Callable[[str], None], watched: Callable[[], None]
) -> None:
    """Keeps the guard, and the attendant beside it, alive until SIGTERM or SIGINT.

    Args:
        guard: its command.
        attendant: its command.
        alarm: as `Supervisor` has it.
        watched: called when both are there.

    Raises:
        OutsideError: no guard could watch, or no attendant could attend.
    """
    failed: list[OutsideError] = []
    with _told_to_stop() as stop, ExitStack() as stack:
        beside, going = os.pipe()  # readable once the attendant is to end
        stack.callback(os.close, beside)
        here, cost = Flag(), "until it is back the server is told nothing"
        keeper = Supervisor(attendant, alarm, here.set, name="attendant", cost=cost)

        def keep() -> None:
            try:
                keeper.run(beside)
            except OutsideError as error:
                failed.append(error)
                here.set()
                os.kill(os.getpid(), signal.SIGTERM)

        def both() -> None:
            here.wait()
            if not failed:
                watched()

        thread = Thread(target=keep, name="attendant")
        thread.start()
        stack.callback(thread.join)
        stack.callback(os.close, going)
        Supervisor(guard, alarm, both).run(stop)
    if failed:
        raise failed[0]


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
