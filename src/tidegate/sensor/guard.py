# SPDX-License-Identifier: Apache-2.0
"""Lets programs of containers run, or refuses them before they do: by where the kernel says that their file comes from.

Not seen, and so not refused: programs that have no file (memfd), what a program maps that was opened before, and
scripts that an interpreter reads from somewhere else than a file it is told to run.
"""

import logging
import os
import re
import select
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from tidegate.clock import Clock, rfc3339, system_clock
from tidegate.execution.drift_rules import DriftRule, DriftRules, Mode, Workload
from tidegate.execution.expectation import NOTHING_EXPECTED, Expectation, Expectations
from tidegate.execution.observation import Act, Container, Observation, Origin, clean
from tidegate.execution.response_policy import workload_of
from tidegate.sensor.cleared import Asked, Cleared
from tidegate.sensor.containers import Containers
from tidegate.sensor.fanotify import Event, Fanotify
from tidegate.sensor.mounts import Mount
from tidegate.sensor.overlay import Overlay
from tidegate.sensor.watching import Watching, mount_number

_log = logging.getLogger(__name__)
LOOK_AGAIN_SECONDS: Final = 5.0
"""After so long mounts are looked at again, whether the kernel told of a change or not."""
ALIVE_SECONDS: Final = 1.0
_ELF: Final = b"\x7fELF"
_INTERPRETER: Final = re.compile(
    r"(?:python|pypy|perl|ruby|node|nodejs|php|lua|luajit|tclsh|java|gawk|awk|bash|dash|ash|zsh|ksh|fish|sh)"
    r"[0-9.]*(?:-[0-9.]+)?"
)
_MANY_IN_ONE: Final = frozenset({"busybox", "toybox", "coreutils"})
"""Programs that do what the name they are called by says."""
_MAX_REMEMBERED: Final = 10_000
_MAX_WORDS: Final = 64
_MAX_WORDS_BYTES: Final = 64 * 1024


class Guard:
    """Answers for programs of containers.

    Args:
        rules: what holds for which workload.
        tell: is told of each program that was not in its image; must be quick.
        expectations: which programs of their image workloads may run.
        host: as `Watching` has it.
        clock: the moment told.

    Raises:
        OutsideError: the kernel has no such events, or this process may not have them.
    """

    def __init__(
        self,
        rules: DriftRules,
        tell: Callable[[Observation], None],
        *,
        expectations: Expectations = NOTHING_EXPECTED,
        host: int | None = None,
        clock: Clock = system_clock,
    ) -> None:
        self._rules = rules
        self._expectations = expectations
        self._tell = tell
        self._clock = clock
        self._containers = Containers()
        self._rule_of: dict[Workload, DriftRule] = {}
        self._expected_of: dict[Container, Expectation | None] = {}
        self._own = os.getpid()
        self._cleared = Cleared()
        self._fanotify = Fanotify()
        self._watching = Watching(self._fanotify, host)

    def run(self, stop: int, *, alive: Callable[[], None] = lambda: None) -> None:
        """Answers until there is something to read from the descriptor `stop`; then everything is let through.

        Args:
            stop: a descriptor.
            alive: called when all that runs is watched, and then about once a second.

        Raises:
            OutsideError: the node's mounts cannot be known, or the kernel speaks another version.
        """
        with closing(self._cleared), self._fanotify, self._watching.mounts_file() as mounts:
            poll = select.poll()
            poll.register(stop, select.POLLIN)
            # Mounts come before events: what waits may run from one of them.
            poll.register(mounts.fileno(), select.POLLPRI | select.POLLERR)
            poll.register(self._fanotify.fileno(), select.POLLIN)
            look_at = alive_at = float("-inf")
            while True:
                now = time.monotonic()
                if now >= look_at:
                    self._watching.look_at_mounts()
                    self._watching.look_at_processes()
                    look_at = time.monotonic() + LOOK_AGAIN_SECONDS
                if now >= alive_at:
                    alive()
                    alive_at = now + ALIVE_SECONDS
                for happened, _ in poll.poll(ALIVE_SECONDS * 1000):
                    if happened == stop:
                        return
                    if happened == mounts.fileno():
                        self._watching.look_at_mounts()
                    else:
                        for event in self._fanotify.events():
                            self._answer(event)

    def _answer(self, event: Event) -> None:
        allow = False
        try:
            allow = self._judge(event)
        except Exception:  # noqa: BLE001 - it says why below
            # What cannot be judged does not run where rules are enforced; elsewhere nothing stops for a defect of ours.
            _log.exception("a program of process %d could not be judged", event.pid)
            allow = self._rule(self._containers.of_process(event.pid)).mode is not Mode.ENFORCE
        finally:
            self._fanotify.answer(event, allow=allow)

    def _judge(self, event: Event) -> bool:
        if event.is_lost:
            _log.error("the kernel lost events")
            return True
        if event.pid == self._own:
            return True
        file = os.fstat(event.file)
        asked = self._cleared.asked(event, file)
        return self._cleared.knows(asked, self._watching.turn) or self._judge_anew(event, file, asked)

    def _judge_anew(self, event: Event, file: os.stat_result, asked: Asked) -> bool:
        container = self._containers.of_cgroups(event.pid, asked.whose.cgroups)
        rule = self._rule(container)
        mounts = self._watching.mounts_seen_by(event.pid, asked.whose.namespace)
        if rule.opened and event.executes:
            self._watching.watch_opening(event.pid, asked.whose.namespace)
        # A container could give its own folders the runtime's names.
        path = self._watching.inside(asked.path) if container is None else asked.path
        overlay = self._overlay(event, file, mounts)
        origin = Origin.OUTSIDE if overlay is None else overlay.origin(path, file)
        foreign = origin is not Origin.IMAGE
        expected = None if foreign or container is None else self._expected(container)
        if not foreign and (expected is None or not event.executes or expected.lets_run(path)):
            if overlay is not None and file.st_dev == overlay.device and container is not None:
                self._remember(asked, container, overlay)
            return True
        if (origin is Origin.OUTSIDE and container is None) or (foreign and rule.allows(path)):
            return True  # what the node itself runs is no matter of the sensor, whatever was marked
        act = Act.EXECUTED if event.executes else _act_of_opening(event, file)
        if act is None:
            return True
        refused = rule.mode is Mode.ENFORCE
        seen = Observation(
            at=rfc3339(self._clock()),
            act=act,
            path=clean(path),
            origin=origin,
            refused=refused,
            mode=rule.mode,
            rule=rule.name if expected is None else expected.name,
            program=clean(_text(f"/proc/{event.pid}/comm").strip()),
            pid=event.pid,
            container=container,
        )
        self._tell(seen)
        return not refused

    def _remember(self, asked: Asked, container: Container, overlay: Overlay) -> None:
        """Remembers what was let run, once nothing of what it was judged by can change unseen."""
        if (
            asked.whose.namespace
            and self._watching.knows(asked.whose.namespace)
            and self._containers.is_settled(container, asked.whose.cgroups)
        ):
            above = f"{overlay.upper}/{asked.path.lstrip('/')}" if overlay.upper else ""
            self._cleared.remember(asked, above)

    def _overlay(self, event: Event, file: os.stat_result, mounts: Mapping[int, Mount]) -> Overlay | None:
        """The overlay that a file lies on; None when it lies elsewhere."""
        overlay = self._watching.overlay(file, event.pid)
        if overlay is not None and file.st_dev != overlay.device:
            # Layers on other file systems: only the mount tells that it is the overlay.
            mount = mounts.get(mount_number(event.file))
            if mount is None or mount.device != overlay.device:
                return None
        return overlay

    def _expected(self, container: Container) -> Expectation | None:
        if container not in self._expected_of:
            if len(self._expected_of) >= _MAX_REMEMBERED:
                self._expected_of.clear()
            found = self._expectations.of(workload_of(container), container.digest, container.config)
            self._expected_of[container] = found
        return self._expected_of[container]

    def _rule(self, container: Container | None) -> DriftRule:
        if container is None:
            return self._rules.rule_for(Workload())
        workload = workload_of(container)
        rule = self._rule_of.get(workload)
        if rule is None:
            if len(self._rule_of) >= _MAX_REMEMBERED:
                self._rule_of.clear()
            rule = self._rule_of[workload] = self._rules.rule_for(workload)
        return rule


def _act_of_opening(event: Event, file: os.stat_result) -> Act | None:
    """What a process does with a file that it opens; None for what is no matter of programs."""
    if os.pread(event.file, len(_ELF), 0) == _ELF:
        return Act.LOADED
    if not file.st_size:
        return None
    try:
        program = Path(f"/proc/{event.pid}/exe").readlink().name
    except OSError:
        return None
    if program in _MANY_IN_ONE:
        program = _text(f"/proc/{event.pid}/comm").strip()
    return Act.INTERPRETED if _INTERPRETER.fullmatch(program) and _is_named(event.pid, file) else None


def _is_named(pid: int, file: os.stat_result) -> bool:
    """True when the process was told this file by a word of its command."""
    words = _text(f"/proc/{pid}/cmdline").split("\0")
    for word in words[1:_MAX_WORDS]:
        where = f"/proc/{pid}/root{word}" if word.startswith("/") else f"/proc/{pid}/cwd/{word}"
        try:
            found = os.stat(where)  # noqa: PTH116 - 10x faster
        except (OSError, ValueError):
            continue
        if (found.st_dev, found.st_ino) == (file.st_dev, file.st_ino):
            return True
    return False


def _text(path: str) -> str:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - 10x faster
            return file.read(_MAX_WORDS_BYTES).decode("utf-8", "surrogateescape")
    except OSError:
        return ""
