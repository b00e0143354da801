# SPDX-License-Identifier: Apache-2.0
"""Brings what waits to the server, again and again until it has it, and tells it that the sensor lives."""

import logging
import uuid
from collections.abc import Callable, Sequence
from threading import Event as Flag
from typing import Final, Protocol

from tidegate import __version__
from tidegate.errors import InvalidInputError, NotFoundError, TidegateError, UsageError
from tidegate.execution.network.flow_report import FlowReport
from tidegate.execution.observation import Container
from tidegate.execution.report import BEAT_SECONDS, MAX_CONTAINERS, MAX_OBSERVATIONS, Report, Sent, Taken
from tidegate.remote import RemoteServer
from tidegate.remote.server import quoted
from tidegate.reporting.spool import Spool
from tidegate.values import replace

_log = logging.getLogger(__name__)
LOOK_SECONDS: Final = 0.5
"""How soon what was seen is on its way."""
_PAUSES: Final = (1.0, 2.0, 5.0, 10.0, 30.0)


class Inventory(Protocol):
    """What runs, as it is told with each report."""

    def add_to(self, report: Report) -> Report:
        """The report with what is to be told of it."""
        ...

    def taken(self, report: Report, taken: Taken) -> bool:
        """The server has a report; True when there is more to tell at once."""
        ...


class Flows(Protocol):
    """Counts of connections that wait."""

    def waiting(self) -> FlowReport | None:
        """What the server is to have next, the same until it has it; None for nothing."""
        ...

    def settle(self, report: FlowReport) -> None:
        """The server has it, or will never take it."""
        ...


class Whole:
    """All that runs on a node, whenever that changes, and who talks to whom.

    Args:
        running: the containers that run now.
        flows: what is counted of connections; None counts none.
    """

    def __init__(self, running: Callable[[], tuple[Container, ...]], flows: Flows | None = None) -> None:
        self._running = running
        self._flows = flows
        self._now: tuple[Container, ...] = ()
        self._told: tuple[Container, ...] | None = None

    def add_to(self, report: Report) -> Report:
        """The report with what runs, when that is another than was told last."""
        self._now = self._running()[:MAX_CONTAINERS]
        flows = None if self._flows is None else self._flows.waiting()
        return replace(report, containers=None if self._now == self._told else self._now, flows=flows)

    def taken(self, report: Report, taken: Taken) -> bool:
        """True when the server does not know what runs."""
        if self._flows is not None and report.flows is not None:
            self._flows.settle(report.flows)
        self._told = None if taken.unknown_containers else self._now
        return taken.unknown_containers


class Courier:
    """Sends reports until it is stopped.

    Args:
        spool: what waits.
        server: where it goes.
        node: the name of the node or cluster.
        inventory: what runs there.
    """

    def __init__(self, spool: Spool, server: RemoteServer, node: str, inventory: Inventory) -> None:
        self._spool = spool
        self._server = server
        self._node = node
        self._inventory = inventory
        self._run = uuid.uuid4().hex
        self.is_away = False

    def run(self, stop: Flag, news: Flag) -> None:
        """Sends what there is, and a sign of life every ten seconds, until `stop` is set; then says that it ends.

        Args:
            stop: set to end it.
            news: set by whoever has a report go at once.
        """
        failures, since = 0, BEAT_SECONDS
        while not stop.is_set():
            try:
                if since >= BEAT_SECONDS or news.is_set() or self._spool.waiting:
                    news.clear()
                    self.send()
                    since = 0.0
            except TidegateError as error:
                if not self.is_away:
                    _log.warning("the server cannot be told: %s; it is tried again, and what is seen waits", error)
                self.is_away = True
                stop.wait(_PAUSES[min(failures, len(_PAUSES) - 1)])
                failures += 1
                since = BEAT_SECONDS
                continue
            if self.is_away:
                _log.warning("the server has what waited")
            failures, self.is_away = 0, False
            news.wait(LOOK_SECONDS)
            since += LOOK_SECONDS
        self._say_goodbye()

    def send(self) -> None:
        """Sends one report after another until nothing waits.

        Raises:
            TidegateError: the server cannot be reached, or does not take it; nothing is lost.
        """
        while True:
            batch = self._spool.first(MAX_OBSERVATIONS)
            report = self._inventory.add_to(
                Report(
                    run=self._run,
                    version=__version__,
                    lost=self._spool.lost,
                    observations=tuple(sent for _, sent in batch),
                )
            )
            try:
                taken = self._send(report)
            except (InvalidInputError, UsageError, NotFoundError) as error:
                if report.flows is not None:  # nothing else waits for them
                    taken = self._send(replace(report, observations=(), flows=None))
                    _log.error("the server does not take what was counted of connections, it is dropped: %s", error)
                    self._inventory.taken(report, taken)
                    continue
                if not batch:
                    raise
                self._send_one_by_one(batch, report)
                continue
            more = self._inventory.taken(report, taken)
            if batch:
                self._spool.forget(batch[-1][0])
            if len(batch) < MAX_OBSERVATIONS and not more:
                return

    def _send_one_by_one(self, batch: Sequence[tuple[int, Sent]], report: Report) -> None:
        """Finds what the server does not take, and lets go of it; raises when it takes nothing at all."""
        self._send(replace(report, observations=()))
        for number, sent in batch:
            try:
                self._send(replace(report, observations=(sent,)))
            except (InvalidInputError, UsageError) as error:
                _log.error("the server does not take an observation, it is dropped: %s", error)
                self._spool.drop(number)
            else:
                self._spool.forget(number)

    def _send(self, report: Report) -> Taken:
        return self._server.ask("POST", f"/nodes/{quoted(self._node)}/observations", Taken, body=report)

    def _say_goodbye(self) -> None:
        try:
            batch = self._spool.first(MAX_OBSERVATIONS)
            last = self._inventory.add_to(
                Report(run=self._run, version=__version__, ends=True, observations=tuple(sent for _, sent in batch))
            )
            self._inventory.taken(last, self._send(last))
            if batch:
                self._spool.forget(batch[-1][0])
        except TidegateError as error:
            _log.warning("the server was not told that the sensor ends: %s", error)
