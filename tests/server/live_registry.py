# SPDX-License-Identifier: Apache-2.0
"""A registry served for real: on a free port of loopback, in a thread of the test's own process."""

import asyncio
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from prometheus_client import CollectorRegistry

from backing import Backing
from plain_http import NO_AUTHORITIES
from tidegate.artifact import Digest
from tidegate.clock import system_clock
from tidegate.curation.shelf import Shelf
from tidegate.curation.shelf_blobs import ShelfBlobs
from tidegate.curation.states import State, advance
from tidegate.identity import Access, AccessToken
from tidegate.identity.audit_writer import AuditWriter
from tidegate.identity.directory import Directory
from tidegate.identity.recon import ReconOptions, ReconWatch
from tidegate.identity.throttle import Throttle, ThrottleOptions
from tidegate.identity.token import TokenKey, Tokens
from tidegate.server.application import Services, create_application
from tidegate.server.client_address import ClientAddresses
from tidegate.server.recon import ReconDoor
from tidegate.server.run import ServeOptions, serve
from tidegate.storage.blobs import BlobBounds


@dataclass(kw_only=True)
class LiveRegistry:
    """A running registry and what it stands on."""

    folder: Path
    token: str = ""
    proxies: tuple[str, ...] = ()
    recon: ReconOptions = field(default_factory=ReconOptions)
    throttle: ThrottleOptions = field(default_factory=ThrottleOptions)
    observes: bool = False
    verdict_wait_seconds: float = 0.0
    bounds: BlobBounds = field(default_factory=BlobBounds)
    backing: Backing = field(default_factory=Backing)
    link_seconds: float = 0
    port: int = 0

    def __enter__(self) -> Self:
        self.database = self.backing.database(self.folder)
        self.store = self.backing.store(self.folder, self.database, self.bounds, link_seconds=self.link_seconds)
        self.blobs = ShelfBlobs(self.database, self.store, system_clock)
        self.shelf = Shelf(self.database, self.blobs, system_clock, observes=self.observes)
        self.directory = Directory(self.database)
        self.tokens = Tokens(TokenKey.generate(), service="tidegate", clock=system_clock)
        self.access = Access(
            AccessToken(self.token) if self.token else None,
            directory=self.directory,
            tokens=self.tokens,
            throttle=Throttle(self.database, system_clock, self.throttle),
        )
        self.audit = AuditWriter(self.database, system_clock)
        self.watch = ReconWatch(system_clock, self.recon, self.audit.tell)
        self.figures = CollectorRegistry()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        self._ready.wait()  # it answers, or it has ended
        if not self.port:
            self._end()
            raise AssertionError("the server did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._end()

    def _end(self) -> None:
        self._thread.join(120)
        self.audit.stop()
        self.database.close()
        assert not self._thread.is_alive()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, verify=NO_AUTHORITIES, trust_env=False, timeout=60, **options)

    def settle(self, digest: str, *states: State, why: str = "test", expires_at: str = "") -> None:
        with self.database.begin() as connection:
            for state in states:
                advance(
                    connection,
                    Digest(digest),
                    state,
                    who="test",
                    why=why,
                    at=system_clock(),
                    expires_at=expires_at,
                )

    def admit(self, digest: str) -> None:
        self.settle(digest, State.ANALYSING, State.ADMITTED)

    def _serve(self) -> None:
        services = Services(
            shelf=self.shelf,
            blobs=self.blobs,
            access=self.access,
            clients=ClientAddresses(self.proxies),
            audit=self.audit,
            watch=ReconDoor(self.watch, ClientAddresses(self.proxies)),
            figures=self.figures,
            verdict_wait_seconds=self.verdict_wait_seconds,
        )
        app = create_application(services)

        def ready(port: int) -> None:
            self.port = port
            self._ready.set()

        async def run() -> None:
            self._stop = asyncio.Event()
            await serve(app, ServeOptions(port=self.port), ready=ready, stop=self._stop)

        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(run())
        finally:
            self._ready.set()
            self._loop.close()
