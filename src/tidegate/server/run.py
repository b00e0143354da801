# SPDX-License-Identifier: Apache-2.0
"""Serves an ASGI application from this process until it is told to stop."""

import asyncio
import gc
import os
import resource
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from granian.constants import Interfaces
from granian.http import HTTP1Settings, HTTP2Settings
from granian.log import LogLevels
from granian.server.embed import Server

from tidegate.bounds import KIB, MIB
from tidegate.errors import OutsideError

_LOGGING: Final[dict[str, Any]] = {
    # The server's own default writes to stdout, which is for data.
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"tidegate.stderr": {"class": "logging.StreamHandler", "stream": "ext://sys.stderr"}},
    "loggers": {"_granian": {"handlers": ["tidegate.stderr"], "propagate": False}},
}
_KNOCK_SECONDS: Final = 0.01
_GONE_SECONDS: Final = 2.0
_OTHER_FILES: Final = 256
"""Open files that are no connections: database, uploads, layers."""
_MANY_FILES: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """How the application is served.

    Attributes:
        host: address to listen on.
        port: 0 for any free one.
        max_header_bytes: longest request head; also what is read ahead of a body, so large uploads come in few pieces.
        backlog: connections that wait to be accepted.
        max_connections: open at once, idle ones included; fewer where the system allows fewer files.
        head_seconds: how long a connection may take to say what it wants.
        stop_seconds: how long requests in flight may take to end once it stops.
        certificate: TLS certificate chain, PEM; None for plain HTTP. `key` belongs to it.
        client_authority: PEM of the authority that clients' certificates must be of; None asks for none.
        beside: another server of this process has the port, and shares it.
    """

    host: str = "127.0.0.1"
    port: int = 0
    max_header_bytes: int = 128 * KIB
    backlog: int = 1024
    max_connections: int = 16_384
    head_seconds: int = 10
    stop_seconds: int = 10
    certificate: Path | None = None
    key: Path | None = None
    client_authority: Path | None = None
    beside: bool = False


async def serve(app: Any, options: ServeOptions, *, ready: Callable[[int], None], stop: asyncio.Event) -> None:
    """Serves until `stop` is set, then lets requests in flight end.

    Args:
        app: the ASGI application.
        options: where and how.
        ready: called with the port once connections are answered.
        stop: ends it; set it from a signal handler of the loop.

    Raises:
        OutsideError: the address is taken, not this machine's, or the server ended by itself.
    """
    family, reserved = _reserve(options.host, options.port, beside=options.beside)
    port = reserved.getsockname()[1]
    server = _server(app, options, port)
    others = _native_threads()
    own: set[int] = set()
    serving = asyncio.ensure_future(server.serve())
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await _answering(options.host, port, family, serving)
        own = _native_threads() - others
        reserved.close()
        ready(port)
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            raise OutsideError("the server ended by itself", where=f"{options.host}:{port}") from serving.exception()
    finally:
        reserved.close()
        stopping.cancel()
        if not serving.done():
            end: Callable[[], None] = server.stop
            end()
            # Requests that have not ended by then, such as a stream of events that somebody follows, are cut off.
            with suppress(TimeoutError):
                await serving
            await _gone(own)


async def _gone(own: set[int]) -> None:
    """Waits for the server's own threads, which end once nobody can hand them work.

    One that still lets go of its Python objects while the interpreter shuts down aborts the process.
    """
    gc.collect()  # objects of requests refer to each other in circles, and to the thread that runs for them
    deadline = time.monotonic() + _GONE_SECONDS
    while _native_threads() & own and time.monotonic() < deadline:  # noqa: ASYNC110 - nobody else tells it
        await asyncio.sleep(_KNOCK_SECONDS)


def _native_threads() -> set[int]:
    """Threads of this process that Python did not start."""
    try:
        every = {int(name) for name in os.listdir("/proc/self/task")}  # noqa: PTH208 - names only
    except OSError:  # not Linux
        return set()
    return every - {thread.native_id for thread in threading.enumerate()}


def _server(app: Any, options: ServeOptions, port: int) -> Server:
    server = Server(
        app,
        address=options.host,
        port=port,
        interface=Interfaces.ASGI,
        websockets=False,
        backlog=options.backlog,
        # It counts connections, not requests: so few that idle ones could fill it would shut everybody else out.
        backpressure=min(options.max_connections, _most_files() - _OTHER_FILES),
        http1_settings=HTTP1Settings(
            max_buffer_size=max(options.max_header_bytes, 8 * KIB), header_read_timeout=options.head_seconds * 1000
        ),
        http2_settings=HTTP2Settings(
            max_headers_size=options.max_header_bytes,
            # Large enough that one stream of an upload is not held up by its window.
            initial_connection_window_size=8 * MIB,
            initial_stream_window_size=4 * MIB,
        ),
        log_level=LogLevels.error,
        log_dictconfig=_LOGGING,
        ssl_cert=options.certificate,
        ssl_key=options.key,
        ssl_ca=options.client_authority,
        ssl_client_verify=options.client_authority is not None,
    )
    server.workers_kill_timeout = options.stop_seconds
    return server


def _most_files() -> int:
    """Raises how many files this process may have open to what the system allows, and tells how many that are."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MANY_FILES if soft == resource.RLIM_INFINITY else max(soft, 2 * _OTHER_FILES)


def _reserve(host: str, port: int, *, beside: bool) -> tuple[socket.AddressFamily, socket.socket]:
    """Takes the port until the server has it.

    The server shares its port with whoever asks for sharing too; so first look, without sharing, that nobody has it.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        if port and not beside:
            with socket.socket(family, kind, protocol) as look:
                look.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                look.bind(address)
        reserved = socket.socket(family, kind, protocol)
        try:
            reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            reserved.bind(address)
        except OSError:
            reserved.close()
            raise
    except OSError as error:
        raise OutsideError(
            f"cannot listen: {error.strerror or error}", where=f"{host}:{port}", remedy="choose another port"
        ) from error
    return family, reserved


async def _answering(host: str, port: int, family: socket.AddressFamily, serving: asyncio.Future[Any]) -> None:
    wildcard = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to knock, not where to listen
    while not serving.done():
        try:
            _, writer = await asyncio.open_connection(wildcard.get(host, host), port, family=family)
        except OSError:
            await asyncio.sleep(_KNOCK_SECONDS)
            continue
        writer.close()
        return
    raise OutsideError("the server did not start", where=f"{host}:{port}") from serving.exception()
