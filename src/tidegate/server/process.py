# SPDX-License-Identifier: Apache-2.0
"""One server process: everything built from settings, started, served until a signal, stopped."""

import asyncio
import gc
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta

from prometheus_client import CollectorRegistry
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from tidegate.assembly.home import Home
from tidegate.assembly.server import Server, build_server
from tidegate.assembly.stores import database_urls
from tidegate.errors import UsageError
from tidegate.identity.recon import ReconOptions, ReconWatch
from tidegate.identity.recon_exchange import ReconExchange
from tidegate.scan.heap import share_heaps
from tidegate.server.api.application import create_api
from tidegate.server.api.permission import Permitted, page_verb_needed
from tidegate.server.application import Services, create_application
from tidegate.server.authentication import Authenticated
from tidegate.server.client_address import ClientAddresses
from tidegate.server.figures import register_figures
from tidegate.server.ledger_files import ledger_files
from tidegate.server.ledger_files import verb_needed as ledger_verb_needed
from tidegate.server.pages.catalogue import catalogue_routes
from tidegate.server.pages.passport import passport_routes
from tidegate.server.recon import ReconDoor
from tidegate.server.registry.errors import refusal
from tidegate.server.registry.open_uploads import OpenUploads
from tidegate.server.run import ServeOptions, serve
from tidegate.server.same_site import SameSite
from tidegate.settings import ServerSettings, Settings
from tidegate.storage.limit_shares import LimitShares


def run_server(settings: Settings, *, ready: Callable[[str], None]) -> None:
    """Runs a server until SIGTERM or SIGINT, then lets requests in flight end.

    Args:
        settings: where it listens, and where everything lies.
        ready: called with the server's address once it answers.

    Raises:
        TidegateError: it cannot be built, or the address is taken.
    """
    share_heaps()
    _check_tls(settings.server)
    home = Home(folder=settings.home)
    with nullcontext() if database_urls(settings).is_shared else home.taken():
        server = build_server(settings)
        server.start()
        try:
            # Modules and statements stay for as long as the process: no collection has to walk them again.
            gc.collect()
            gc.freeze()
            with _shared_limits(server) as (uploads, watch):
                asyncio.run(_serve(server, uploads, watch, ready))
        finally:
            server.stop()


@contextmanager
def _shared_limits(server: Server) -> Iterator[tuple[OpenUploads, ReconWatch]]:
    """What one server limits by itself, and replicas limit together."""
    watch = _recon(server)
    if server.database.is_sqlite:
        yield OpenUploads(), watch
        return
    shares = LimitShares(server.database, server.leases.holder)
    uploads = OpenUploads(share=shares)
    shares.before_renewing(uploads.give_back)
    window = timedelta(minutes=server.settings.identity.recon_window_minutes)
    exchange = ReconExchange(server.database, watch, server.leases.holder, window=window)
    shares.start()
    exchange.start()
    try:
        yield uploads, watch
    finally:
        exchange.stop()
        shares.stop()


async def _serve(server: Server, uploads: OpenUploads, watch: ReconWatch, ready: Callable[[str], None]) -> None:
    options = server.settings.server
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def end() -> None:
        server.end_waits()  # or those who wait for news would hold the end up
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    figures = CollectorRegistry()
    register_figures(figures, server)
    clients = ClientAddresses(server.settings.identity.trusted_proxies)
    services = Services(
        shelf=server.shelf,
        blobs=server.blobs,
        access=server.access,
        figures=figures,
        clients=clients,
        audit=server.audit,
        watch=ReconDoor(watch, clients),
        open_uploads=uploads,
        clock=server.clock,
        certificate_header=server.settings.identity.certificate_header,
        token_realm=server.settings.identity.token_realm,
        pull_through=server.taking_in.pull_through,
        # Observing, nothing is withheld, and nothing to be waited for.
        verdict_wait_seconds=0.0
        if server.settings.curation.mode == "observe"
        else server.settings.curation.verdict_wait_s,
        checks={"database": lambda: _ask_database(server), "knowledge": lambda: _ask_knowledge(server)},
    )
    permitted = Permitted(create_api(server), services.entrance)
    api = SameSite(Authenticated(permitted, services.entrance, refusal))
    pages = Starlette(routes=catalogue_routes(server, services.offload))
    shown = Permitted(pages, services.entrance, page_verb_needed)
    catalogue = SameSite(Authenticated(shown, services.entrance, refusal))
    passport_pages = Permitted(
        Starlette(routes=passport_routes(server, services.offload)), services.entrance, page_verb_needed
    )
    passports = SameSite(Authenticated(passport_pages, services.entrance, refusal))
    files: ASGIApp = ledger_files(server, services.offload)
    if not server.settings.ledger.public:
        shown = Permitted(files, services.entrance, ledger_verb_needed)
        files = SameSite(Authenticated(shown, services.entrance, refusal))
    routes = [
        Mount("/api/v1", app=api),
        Mount("/catalogue", app=catalogue),
        Mount("/passports", app=passports),
        Mount("/ledger", app=files),
        Route("/", _to_catalogue),
    ]
    app = create_application(services, extra_routes=routes)
    scheme = "https" if options.tls_certificate_file else "http"
    await serve(
        app,
        ServeOptions(
            host=options.host, port=options.port, certificate=options.tls_certificate_file, key=options.tls_key_file
        ),
        ready=lambda port: ready(f"{scheme}://{options.host}:{port}"),
        stop=stop,
    )


async def _to_catalogue(_request: Request) -> Response:
    return RedirectResponse("/catalogue/")


def _check_tls(options: ServerSettings) -> None:
    if (options.tls_certificate_file is None) != (options.tls_key_file is None):
        raise UsageError("TLS needs both a certificate and its key", remedy="give both files, or neither")


def _recon(server: Server) -> ReconWatch:
    said = server.settings.identity
    options = ReconOptions(
        window=timedelta(minutes=said.recon_window_minutes),
        score=said.recon_score,
        attempts=said.recon_attempts,
        block=timedelta(minutes=said.recon_block_minutes),
    )
    return ReconWatch(server.clock, options, server.audit.tell)


def _ask_database(server: Server) -> None:
    with server.database.read() as connection:
        connection.execute(select(1))


def _ask_knowledge(server: Server) -> None:
    if server.knowledge.current() is None:
        raise UsageError("there is no knowledge yet", remedy="run tidegate db update")
