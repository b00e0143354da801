# SPDX-License-Identifier: Apache-2.0
"""Looks around on the node: at what processes do, which ports are open, who can log in, and what was written.

What is expected of a workload comes from its profile; where there is none, a shell or a new port is only observed,
connections and writes are not told, and programs without a file, more rights and changed logins are told in any case.
"""

import logging
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from tidegate.clock import Clock, rfc3339, system_clock
from tidegate.errors import InvalidInputError
from tidegate.execution.confinement import PRIVILEGED, ConfinementClass, ConfinementRules
from tidegate.execution.drift_rules import DriftRule, DriftRules, Mode
from tidegate.execution.expectation import Expectation, Expectations
from tidegate.execution.observation import Act, Container, Observation, Origin
from tidegate.execution.response_policy import workload_of
from tidegate.sensor.accounts import Accounts
from tidegate.sensor.connector import Connector
from tidegate.sensor.containers import Found
from tidegate.sensor.counting import Counting
from tidegate.sensor.mounts import mounts_of
from tidegate.sensor.overlay import Overlay, overlay_of
from tidegate.sensor.processes import Noticed, Processes
from tidegate.sensor.sockets import Networks, Sockets, network_of, node_network
from tidegate.sensor.watching import node_process
from tidegate.sensor.written import Written
from tidegate.values import Struct

_log = logging.getLogger(__name__)
SOCKETS_SECONDS: Final = 2.0
FILES_SECONDS: Final = 10.0
_BEGUN_LOOKS: Final = 2
"""From this look on a container's first process is its own: on the first its runtime may still be confining it."""
_MADE_LOOKS: Final = 10
"""From this look on a container whose first process lives in the node's root is one that was made so."""
_JUST_BEGUN_SECONDS: Final = 10.0
"""A container that began no longer ago was never looked at before: what it did meanwhile is told."""
_MAX_WEAK: Final = 50
"""Weaknesses told of one container."""


class _Container(Struct, kw_only=True):
    container: Container
    rule: DriftRule
    expected: Expectation | None
    accounts: Accounts
    written: Written
    sockets: Sockets | None = None
    seen_twice: bool = False
    looks: int = 0
    weak: set[str]


class Looking:
    """What is known of the containers that run.

    Args:
        rules: the mode of each workload.
        expectations: what is expected of which.
        tell: is told of what was not.
        container_of: the container of a process.
        confinement: how processes are to be confined.
        counting: counts connections of pods; None counts none.
        clock: the moment told.
    """

    def __init__(
        self,
        rules: DriftRules,
        expectations: Expectations,
        tell: Callable[[Observation], None],
        container_of: Callable[[int], Container | None],
        *,
        confinement: ConfinementRules | None = None,
        counting: Counting | None = None,
        clock: Clock = system_clock,
    ) -> None:
        self._rules = rules
        self._counting = counting
        self._confinement = confinement or ConfinementRules()
        self._expectations = expectations
        self._tell = tell
        self._clock = clock
        self._processes = Processes(container_of, self._demanded_of)
        self._node_root = f"/proc/{node_process()}/root"
        self._node_network = node_network()
        self._networks = Networks()
        self._known: dict[str, _Container] = {}
        self._sockets_at = self._files_at = float("-inf")

    def hear(self, connector: Connector) -> None:
        """Takes what the kernel has to tell."""
        lost = connector.lost
        for event in connector.events():
            judged = self._processes.judge(event)
            if judged is None:
                continue
            container, noticed = judged
            known = self._of(container)
            for one in noticed:
                if one.act is Act.WEAK:
                    self._say_weak(known, one)
                    continue
                mode = self._mode(known, one.act)
                if mode is not None:
                    self._say(known, one.act, one.path, mode=mode, program=one.program, pid=one.pid, what=one.what)
        if connector.lost > lost:
            _log.warning("the kernel had more to tell of processes than was read in time")

    def look(self, running: Mapping[str, Found]) -> None:
        """Looks at what is due of these containers; those that are not among them are forgotten."""
        now = time.monotonic()
        self._known = {number: known for number, known in self._known.items() if number in running}
        sockets, files = now - self._sockets_at >= SOCKETS_SECONDS, now - self._files_at >= FILES_SECONDS
        self._sockets_at, self._files_at = now if sockets else self._sockets_at, now if files else self._files_at
        looked: dict[str, Sockets] = {}
        for container, pids in running.values():
            known = self._of(container)
            known.looks += 1
            if known.looks < _MADE_LOOKS and self._processes.is_of_the_runtime(pids[0]):
                continue  # it is being made: what is seen there is the node's
            self._processes.begin_with(container, pids[0])
            if known.looks == _BEGUN_LOOKS:
                for one in self._processes.weak(container, pids[0]):
                    self._say_weak(known, one)
            if sockets:
                self._look_at_sockets(known, pids[0], looked)
            if files or not known.seen_twice:
                self._look_at_files(known, pids[0])
        if sockets:
            self._networks.keep(looked)

    def _demanded_of(self, container: Container) -> ConfinementClass | None:
        demanded = self._confinement.rule_for(workload_of(container)).demanded
        return None if demanded == PRIVILEGED else demanded

    def _say_weak(self, known: _Container, one: Noticed) -> None:
        """Tells of a weakness once for each container: its processes mostly share it."""
        if one.what in known.weak or len(known.weak) >= _MAX_WEAK:
            return
        known.weak.add(one.what)
        places = self._confinement.rule_for(workload_of(known.container)).places
        rule, mode = places.name, places.mode
        self._say(known, one.act, one.path, mode=mode, program=one.program, pid=one.pid, what=one.what, rule=rule)

    def _look_at_sockets(self, known: _Container, pid: int, looked: dict[str, Sockets]) -> None:
        network = network_of(pid)
        if not network or network in self._node_network:  # the node's own ports are not this container's alone
            return
        is_first = network not in looked  # of those that share it, so that a connection counts once
        now = looked.get(network) or looked.setdefault(network, self._networks.sockets_of(network, pid))
        before, known.sockets = known.sockets, now
        if self._counting is not None and is_first:
            self._counting.look(known.container, before, now)
        expected = known.expected
        for protocol, port in sorted(now.listens - (before.listens if before else frozenset())):
            is_unexpected = expected is None or expected.listens is None or not expected.lets_listen(protocol, port)
            if is_unexpected and (mode := self._mode(known, Act.LISTENING)) is not None:
                self._say(known, Act.LISTENING, f"{protocol}/{port}", mode=mode)
        for address, port in sorted(now.connects - (before.connects if before else frozenset())):
            if expected is not None and not expected.lets_connect(address, port):
                self._say(known, Act.CONNECTED, f"{address}:{port}", mode=known.rule.mode)

    def _look_at_files(self, known: _Container, pid: int) -> None:
        has_just_begun = not known.seen_twice and _age(pid) < _JUST_BEGUN_SECONDS
        image = self._overlay_of(pid) if has_just_begun else None
        for changed in known.accounts.look(pid, image=image):
            self._say(known, Act.ACCOUNTS, changed.path, mode=known.rule.mode, what=changed.what)
        known.seen_twice = True
        if known.expected is None or known.expected.writes is None:
            return
        with suppress(OSError):
            overlay = self._overlay_of(pid)
            for path, origin in known.written.look(overlay) if overlay is not None else ():
                if not known.expected.lets_write(path):
                    self._say(known, Act.WRITTEN, path, mode=known.rule.mode, origin=origin)

    def _overlay_of(self, pid: int) -> Overlay | None:
        with suppress(OSError, InvalidInputError):
            root = next((one for one in mounts_of(Path(f"/proc/{pid}/mountinfo")) if one.point == "/"), None)
            return overlay_of(root, seen_from=self._node_root) if root is not None else None
        return None

    def _mode(self, known: _Container, act: Act) -> Mode | None:
        """How far it is to be told; None for not at all."""
        expected = known.expected
        if act is Act.SHELL:
            said = None if expected is None else expected.shells
            return None if said else Mode.OBSERVE if said is None else known.rule.mode
        if act is Act.LISTENING and (expected is None or expected.listens is None):
            return Mode.OBSERVE
        return known.rule.mode

    def _of(self, container: Container) -> _Container:
        known = self._known.get(container.id)
        if known is None or known.container != container:
            workload = workload_of(container)
            known = self._known[container.id] = _Container(
                container=container,
                rule=self._rules.rule_for(workload),
                expected=self._expectations.of(workload, container.digest, container.config),
                accounts=known.accounts if known else Accounts(),
                written=known.written if known else Written(),
                weak=known.weak if known else set(),
            )
        return known

    def _say(
        self,
        known: _Container,
        act: Act,
        path: str,
        *,
        mode: Mode,
        program: str = "",
        pid: int = 0,
        what: str = "",
        origin: Origin | None = None,
        rule: str = "",
    ) -> None:
        seen = Observation(
            at=rfc3339(self._clock()),
            act=act,
            path=path,
            origin=origin,
            mode=mode,
            rule=rule or (known.expected.name if known.expected is not None else known.rule.name),
            program=program,
            pid=pid,
            container=known.container,
            what=what,
        )
        self._tell(seen)


def _age(pid: int) -> float:
    """Seconds since a process was started: proc_pid_stat(5), field 22; without end for one that is gone."""
    try:
        words = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        up = float(Path("/proc/uptime").read_bytes().split()[0])
    except (OSError, ValueError, IndexError):
        return float("inf")
    return up - int(words[19]) / os.sysconf("SC_CLK_TCK")
