# SPDX-License-Identifier: Apache-2.0
"""The watcher's process: it hears the cluster, brings what it heard to the server, and takes its orders.

Each does so in a thread of its own, so that none waits for another's network. When one ends by a defect the process
does, and is started again by the cluster.
"""

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from threading import Event as Flag
from threading import Thread
from typing import Final

from tidegate.assembly.kubernetes import api_server
from tidegate.assembly.remote import open_remote
from tidegate.cluster.known import Known
from tidegate.cluster.steps import ClusterSteps
from tidegate.cluster.telling import Telling
from tidegate.cluster.watching import Watching
from tidegate.errors import UsageError
from tidegate.execution.report import check_node
from tidegate.kubernetes.client import open_http
from tidegate.kubernetes.objects import Objects
from tidegate.reporting.courier import Courier
from tidegate.reporting.orders import Orders
from tidegate.reporting.spool import Spool
from tidegate.settings import Settings
from tidegate.signing.keys import TrustedKeys

_log = logging.getLogger(__name__)
_LOOK_SECONDS: Final = 0.5
_TRIM_SECONDS: Final = 60.0


def watch_until_told(settings: Settings, stop: Flag) -> None:
    """Watches until `stop` is set.

    Raises:
        TidegateError: a setting is wrong, or a file cannot be opened.
    """
    if not settings.cluster.name or not settings.client.server:
        raise UsageError("a cluster's watcher has a name and a server", remedy="set cluster.name and client.server")
    with ExitStack() as stack:
        _Process(settings, check_node(settings.cluster.name), stack).run(stop)


class _Process:
    def __init__(self, settings: Settings, name: str, stack: ExitStack) -> None:
        said = settings.cluster
        self._stop, news = Flag(), Flag()
        self._news = news
        self._failed: list[BaseException] = []
        self._known = stack.enter_context(Known(said.folder / "known.db"))
        self._spool = stack.enter_context(Spool(said.folder / "spool.db"))
        found = api_server(settings)
        watching = Watching(stack.enter_context(open_http(found)), self._known, news=news, tell=self._spool.put)
        remote = stack.enter_context(open_remote(settings))
        courier = Courier(self._spool, remote, name, Telling(self._known, lambda: watching.heard_at))
        self._threads = [
            self._thread("courier", lambda: courier.run(self._stop, news)),
            self._thread("watching", lambda: watching.run(self._stop)),
        ]
        if not said.server_keys:
            _log.warning("no orders are taken: cluster.server_keys names no key of the server")
            return
        steps = ClusterSteps(
            Objects(stack.enter_context(open_http(found))),
            self._spool,
            own_namespace=said.own_namespace,
            most_per_hour=said.max_steps_per_hour,
            limit="cluster.max_steps_per_hour",
        )
        waiting = stack.enter_context(open_remote(settings))  # a connection of its own: it waits most of the time
        orders = Orders(waiting, name, TrustedKeys.load(said.server_keys), steps)
        self._threads.append(self._thread("orders", lambda: orders.run(self._stop)))

    def run(self, stop: Flag) -> None:
        for thread in self._threads:
            thread.start()
        trimmed = time.monotonic()
        while not self._failed and not stop.wait(_LOOK_SECONDS):
            if time.monotonic() - trimmed > _TRIM_SECONDS:
                trimmed = time.monotonic()
                if dropped := self._known.drop_oldest():
                    _log.error("%d runs that ended were forgotten: the server is away for too long", dropped)
        self._stop.set()
        self._news.set()
        self._threads[0].join()  # it says goodbye; who waits for others is not waited for
        if self._failed:
            raise self._failed[0]

    def _thread(self, name: str, run: Callable[[], None]) -> Thread:
        def carried() -> None:
            try:
                run()
            except BaseException as error:  # noqa: BLE001 - raised again where the process ends
                self._failed.append(error)

        return Thread(target=carried, name=name, daemon=True)
