# SPDX-License-Identifier: Apache-2.0
"""Serves over TLS, and goes over to a new certificate when its files change, without closing the door in between.

A second server takes the same port with the new certificate; when it answers, the first ends what it has in hand.
"""

import asyncio
import hashlib
import logging
import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from tidegate.errors import OutsideError, UsageError
from tidegate.server.run import ServeOptions, serve

_log = logging.getLogger(__name__)
_LOOK_SECONDS: Final = 1.0
_KNOCK_SECONDS: Final = 0.02


async def serve_reloading(
    app: Any,
    options: ServeOptions,
    *,
    ready: Callable[[int], None],
    stop: asyncio.Event,
    renew: Callable[[], None] = lambda: None,
) -> None:
    """Serves until `stop` is set.

    Args:
        app: the ASGI application.
        options: with certificate and key.
        ready: called once, with the port.
        stop: ends it.
        renew: called before each look at the files; makes them anew where that is its to do.

    Raises:
        OutsideError: as `tidegate.server.run.serve`.
        UsageError: certificate and key do not go together at the start.
    """
    seen = _read(options)
    _check(options)
    running = _Run(app, options)
    port = await running.answering()
    ready(port)
    try:
        while not stop.is_set():
            await _either(running.task, stop, _LOOK_SECONDS)
            if running.task.done():
                await running.task
            now = await asyncio.to_thread(_look, options, renew)
            if now is None or now == seen:
                continue
            seen = now
            following = _Run(app, replace(options, port=port, beside=True))
            try:
                await following.answering()
                await _shows(options, port, _certificate(options))
            except (OutsideError, TimeoutError) as error:
                _log.error("the new certificate is not served: %s", error)
                await following.end()
                continue
            await running.end()
            running = following
            _log.warning("the new certificate is served")
    finally:
        await running.end()


class _Run:
    """One server of the application."""

    def __init__(self, app: Any, options: ServeOptions) -> None:
        self._stop = asyncio.Event()
        self._port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.task = asyncio.ensure_future(serve(app, options, ready=self._port.set_result, stop=self._stop))

    async def answering(self) -> int:
        await asyncio.wait((self.task, self._port), return_when=asyncio.FIRST_COMPLETED)
        if self.task.done():
            await self.task
        return self._port.result()

    async def end(self) -> None:
        self._stop.set()
        await self.task


async def _either(task: "asyncio.Future[None]", stop: asyncio.Event, seconds: float) -> None:
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait((task, stopping), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()


def _look(options: ServeOptions, renew: Callable[[], None]) -> tuple[bytes, bytes] | None:
    """What the files hold now; None while they do not go together, such as between the writing of one and the other."""
    try:
        renew()
        found = _read(options)
        _check(options)
    except (OSError, OutsideError, UsageError) as error:
        _log.debug("certificate: %s", error)
        return None
    return found


def _read(options: ServeOptions) -> tuple[bytes, bytes]:
    return tuple(_file(path).read_bytes() for path in (options.certificate, options.key))  # type: ignore[return-value]


def _check(options: ServeOptions) -> None:
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
            _file(options.certificate), _file(options.key)
        )
    except (ssl.SSLError, OSError) as error:
        raise UsageError(
            f"certificate and key do not go together: {error}",
            where=str(options.certificate),
            remedy="give a PEM chain and its key",
        ) from error


def _file(path: Path | None) -> Path:
    if path is None:
        raise UsageError("the webhook needs a certificate and its key")
    return path


def _certificate(options: ServeOptions) -> bytes:
    pem = _file(options.certificate).read_text().partition("-----END CERTIFICATE-----")
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem[0] + pem[1])).digest()


async def _shows(options: ServeOptions, port: int, wanted: bytes) -> None:
    """Waits until the new certificate is seen from outside: connections go to either server until the first ends."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(options.host, options.host)  # noqa: S104 - where to knock
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    async with asyncio.timeout(60):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, port, ssl=context)
            except OSError:
                await asyncio.sleep(_KNOCK_SECONDS)
                continue
            shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            writer.close()
            if hashlib.sha256(shown).digest() == wanted:
                return
            await asyncio.sleep(_KNOCK_SECONDS)
