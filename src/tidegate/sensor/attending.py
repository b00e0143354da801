# SPDX-License-Identifier: Apache-2.0
"""The sensor's third process: it brings what was seen to the server, takes its orders, and looks around.

It answers for nothing in the kernel, so that nothing on the node waits for the network. When a part of it ends by a
defect the whole process does, and is started again.
"""

import logging
import os
import platform
import select
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from threading import Event as Flag
from threading import Lock, Thread
from typing import TYPE_CHECKING, Final

from tidegate.assembly.sensor import confinement_rules, drift_rules, expectations, order_keys, response_policy
from tidegate.errors import OutsideError
from tidegate.execution.observation import Container, Observation
from tidegate.execution.report import check_node
from tidegate.sensor.connector import Connector
from tidegate.sensor.containers import Containers, Found
from tidegate.sensor.counting import Counting
from tidegate.sensor.folding import Folding
from tidegate.sensor.looking import Looking
from tidegate.settings import Settings

if TYPE_CHECKING:
    from tidegate.reporting.courier import Courier
    from tidegate.sensor.alone import Alone

_log = logging.getLogger(__name__)
LOOK_SECONDS: Final = 1.0


def attend_until_told(settings: Settings, tell: Callable[[Observation], None], *, beat: int) -> None:
    """Attends until standard input ends.

    Args:
        settings: the node's name, the server and its keys, the policy of response.
        tell: is told what is seen.
        beat: a descriptor that takes a byte for each sign of life.

    Raises:
        TidegateError: a setting is wrong, or the spool cannot be opened.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # they are for the supervisor, which then closes standard input
        signal.signal(number, signal.SIG_IGN)
    with ExitStack() as stack:
        _Attendant(settings, tell, stack).run(beat)


def node_name(settings: Settings) -> str:
    """What this node is called.

    Raises:
        InvalidInputError: it is no name.
    """
    return check_node(settings.sensor.node or platform.node())


class _Attendant:
    def __init__(self, settings: Settings, tell: Callable[[Observation], None], stack: ExitStack) -> None:
        self._stop, self._news = Flag(), Flag()
        self._failed: list[BaseException] = []
        self._running = _Running(self._news)
        self._running.look()
        self._folding = Folding(tell)
        self._counting = Counting() if settings.sensor.flows and settings.client.server else None
        self._looking = Looking(
            drift_rules(settings),
            expectations(settings),
            self._folding,
            self._running.containers_of.of_process,
            confinement=confinement_rules(settings),
            counting=self._counting,
        )
        self._connector = _connector(stack)
        self._threads: list[Thread] = []
        self._courier: Courier | None = None
        self._alone: Alone | None = None
        if settings.client.server:
            self._report(settings, stack)

    def _report(self, settings: Settings, stack: ExitStack) -> None:
        from tidegate.assembly.remote import open_remote
        from tidegate.reporting.courier import Courier, Whole
        from tidegate.reporting.orders import Orders
        from tidegate.reporting.spool import Spool
        from tidegate.sensor.alone import Alone
        from tidegate.sensor.containing import Containing
        from tidegate.sensor.forensics.sending import CapturesToSend

        spool = stack.enter_context(Spool(settings.sensor.spool_file))
        node = node_name(settings)
        sending = stack.enter_context(open_remote(settings))  # a connection of its own: a capture may be long
        captures = CapturesToSend(settings.sensor.spool_file.with_name("captures"), sending, node)
        carry = Containing(
            spool,
            self._running.find,
            most_per_hour=settings.sensor.max_responses_per_hour,
            capture=captures.take,
        )
        policy = response_policy(settings)
        self._alone = Alone(policy, spool, self._running.all, carry, node=node)
        remote = stack.enter_context(open_remote(settings))
        courier = self._courier = Courier(spool, remote, node, Whole(self._running.containers, self._counting))
        self._threads.append(self._thread("courier", lambda: courier.run(self._stop, self._news)))
        self._threads.append(self._thread("captures", lambda: captures.run(self._stop)))
        if settings.sensor.server_keys:
            waiting = stack.enter_context(open_remote(settings))  # a connection of its own: it waits most of the time
            orders = Orders(waiting, node, order_keys(settings), carry)
            self._threads.append(self._thread("orders", lambda: orders.run(self._stop)))
        else:
            _log.warning("no orders are taken: sensor.server_keys names no key of the server")

    def run(self, beat: int) -> None:
        for thread in self._threads:
            thread.start()
        try:
            self._look_around(beat)
        finally:
            self._folding.flush(all_of_it=True)
            self._stop.set()
            self._news.set()
            if self._threads:
                self._threads[0].join()  # it says goodbye; who waits for orders is not waited for
        if self._failed:
            raise self._failed[0]

    def _look_around(self, beat: int) -> None:
        looked = float("-inf")
        told, heard = sys.stdin.fileno(), [self._connector] if self._connector is not None else []
        while not self._failed:
            left = max(0.0, looked + LOOK_SECONDS - time.monotonic())
            ready = select.select([told, *heard], [], [], left)[0]
            if told in ready:
                return
            if self._connector is not None:
                self._looking.hear(self._connector)
            if time.monotonic() - looked < LOOK_SECONDS:
                continue
            looked = time.monotonic()
            self._running.look()
            self._looking.look(self._running.all())
            self._folding.flush()
            if self._courier is not None and self._alone is not None:
                self._alone.look(is_away=self._courier.is_away)
            with suppress(BrokenPipeError):
                os.write(beat, b".")

    def _thread(self, name: str, run: Callable[[], None]) -> Thread:
        def carried() -> None:
            try:
                run()
            except BaseException as error:  # noqa: BLE001 - raised again where the process ends
                self._failed.append(error)

        return Thread(target=carried, name=name, daemon=True)


def _connector(stack: ExitStack) -> Connector | None:
    try:
        return stack.enter_context(Connector())
    except OutsideError as error:
        _log.warning("%s: programs without a file, shells and rights are not seen", error)
        return None


class _Running:
    """What runs, as it was seen last. Safe for threads."""

    def __init__(self, changed: Flag) -> None:
        self.containers_of = Containers()
        self._changed = changed
        self._lock = Lock()
        self._found: dict[str, tuple[Container, list[int]]] = {}

    def look(self) -> None:
        found = self.containers_of.running()
        with self._lock:
            before = [one for one, _ in self._found.values()]
            self._found = found
        if before != [one for one, _ in found.values()]:
            self._changed.set()

    def all(self) -> Mapping[str, Found]:
        with self._lock:
            return dict(self._found)

    def containers(self) -> tuple[Container, ...]:
        with self._lock:
            return tuple(sorted((one for one, _ in self._found.values()), key=lambda one: one.id))

    def find(self, number: str) -> Found | None:
        self.look()  # its processes now, not a second ago
        return self.all().get(number)
