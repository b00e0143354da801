# SPDX-License-Identifier: Apache-2.0
"""`tidegate serve --mode webhook`: the process, from its settings to its end."""

import asyncio
import gc
import signal
import sys
from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Gauge
from starlette.applications import Starlette

from tidegate.assembly.home import Home
from tidegate.assembly.webhook import Webhook, certificate_files, leave_alone, open_webhook
from tidegate.clock import Clock, system_clock
from tidegate.identity.own_certificate import CertificateFiles, own_certificate
from tidegate.server.early_answers import EarlyAnswers
from tidegate.server.health import health_routes
from tidegate.server.offload import Offload
from tidegate.server.run import ServeOptions
from tidegate.server.webhook.application import WebhookApplication
from tidegate.server.webhook.serving import serve_reloading
from tidegate.settings import Settings

_SWITCH_SECONDS: Final = 0.0005
"""So long whoever answers waits for the thread that hears the server, beside its longest single call (1.2 ms)."""


def run_webhook(settings: Settings, *, ready: Callable[[str, int], None], clock: Clock = system_clock) -> None:
    """Runs a webhook until SIGTERM or SIGINT.

    Args:
        settings: where it listens, and what it answers from.
        ready: called with its address, and of how many images it knows, once it answers.
        clock: when verdicts end.

    Raises:
        TidegateError: it cannot be built, or the address is taken.
    """
    files = certificate_files(settings, clock)
    with Home(folder=settings.webhook.folder).taken(), open_webhook(settings, clock=clock) as webhook:
        gc.collect()
        leave_alone()
        # What takes verdicts in works for 5 ms at a time, which is also how long Python lets a thread go on by itself.
        sys.setswitchinterval(_SWITCH_SECONDS)
        webhook.start()
        try:
            asyncio.run(_serve(webhook, files, ready))
        finally:
            webhook.stop()


async def _serve(webhook: Webhook, files: CertificateFiles, ready: Callable[[str, int], None]) -> None:
    said = webhook.settings.webhook
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    figures = CollectorRegistry()
    _register(figures, webhook)
    rest = EarlyAnswers(Starlette(routes=health_routes({}, figures, Offload(threads=2))))
    options = ServeOptions(
        host=said.host,
        port=said.port,
        certificate=files.certificate,
        key=files.key,
        client_authority=said.client_ca_file,
    )
    await serve_reloading(
        WebhookApplication(webhook.desk, webhook.configuration, figures, rest),
        options,
        ready=lambda port: ready(f"https://{said.host}:{port}", len(webhook.store)),
        stop=stop,
        renew=lambda: _renew(webhook, files),
    )


def _renew(webhook: Webhook, files: CertificateFiles) -> None:
    said = webhook.settings.webhook
    if said.tls_certificate_file is None:
        own_certificate(files.authority.parent, said.tls_names, webhook.clock)


def _register(figures: CollectorRegistry, webhook: Webhook) -> None:
    known = Gauge("tidegate_webhook_verdicts", "Images something is known of.", registry=figures)
    known.set_function(lambda: len(webhook.store))
    heard = Gauge(
        "tidegate_webhook_server_heard_seconds", "When the server was last heard, in seconds of Unix.", registry=figures
    )
    heard.set_function(lambda: webhook.heard_at.timestamp() if webhook.heard_at else 0)
