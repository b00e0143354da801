# SPDX-License-Identifier: Apache-2.0
"""A connection to NATS JetStream for threads that wait: made when it is needed, and anew after anything failed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urlsplit

from tidegate.errors import InvalidInputError, OutsideError, UsageError

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.js import JetStreamContext

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_CONNECT_SECONDS: Final = 5
_CLOSE_SECONDS: Final = 2.0
_MAX_PASSWORD_BYTES: Final = 4096
_SCHEMES: Final = frozenset({"nats", "tls"})


@dataclass(frozen=True, slots=True, kw_only=True)
class NatsOptions:
    """Where to connect, and as whom.

    Raises:
        UsageError: an address is none, or holds a password.
    """

    servers: tuple[str, ...]
    credentials_file: Path | None = None
    user: str = ""
    password_file: Path | None = None
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        for server in self.servers:
            parts = urlsplit(server)
            if parts.scheme not in _SCHEMES or not parts.hostname:
                raise UsageError("not the address of a NATS server", where="nats.servers", remedy=_FORM)
            if "@" in parts.netloc:
                raise UsageError(
                    "an address may not hold who asks",
                    where=parts.hostname,
                    remedy="set nats.credentials_file, or nats.user and nats.password_file",
                )


_FORM: Final = "write nats://HOST:PORT or tls://HOST:PORT"


@dataclass(frozen=True, slots=True)
class Connected:
    """An open connection.

    Attributes:
        client: of NATS.
        streams: its JetStream.
        fresh: what was made sure of on this connection, by whoever uses it.
        lost: set when it is no more.
    """

    client: "Client"
    streams: "JetStreamContext"
    fresh: set[str]
    lost: asyncio.Event


class NatsLink:
    """Runs what it is given on a connection, one after the other. Safe for threads.

    Args:
        options: where, and as whom.
        name: shown by the server.
    """

    def __init__(self, options: NatsOptions, *, name: str) -> None:
        self._options = options
        self._name = name
        self._lock = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._connected: Connected | None = None

    def run(self, act: Callable[[Connected], Awaitable[_T]], *, seconds: float) -> _T:
        """What `act` gives.

        Raises:
            OutsideError: no server answered, it refused, or it took longer than `seconds`; the next act connects anew.
            InvalidInputError: a file of credentials is none.
        """
        import nats.errors

        with self._lock:
            loop = self._running()
            try:
                return asyncio.run_coroutine_threadsafe(self._within(act, seconds), loop).result()
            except (nats.errors.Error, OSError, TimeoutError, EOFError) as error:
                asyncio.run_coroutine_threadsafe(self._drop(), loop).result()
                raise OutsideError(
                    f"NATS did not do it: {str(error) or type(error).__name__}",
                    where=", ".join(self._options.servers)[:200],
                    remedy="see that the server runs with JetStream, and what this user may do there",
                ) from error

    def close(self) -> None:
        """Ends the connection, if there is one."""
        with self._lock:
            if self._loop is None or self._thread is None:
                return
            asyncio.run_coroutine_threadsafe(self._drop(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._loop = self._thread = None

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = Thread(target=self._loop.run_forever, name=self._name, daemon=True)
            self._thread.start()
        return self._loop

    async def _within(self, act: Callable[[Connected], Awaitable[_T]], seconds: float) -> _T:
        if self._connected is None or not self._connected.client.is_connected:
            await self._drop()
            self._connected = await self._connect()
        doing = asyncio.ensure_future(act(self._connected))
        losing = asyncio.ensure_future(self._connected.lost.wait())
        try:  # the client lets who waits for an answer wait on when there will be none
            await asyncio.wait({doing, losing}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if not doing.done():
                raise TimeoutError("the connection was lost" if losing.done() else f"no answer within {seconds} s")
            return doing.result()
        finally:
            doing.cancel()
            losing.cancel()

    async def _connect(self) -> Connected:
        import ssl

        from nats.aio.client import Client

        said = self._options
        tls = any(server.startswith("tls:") for server in said.servers) or said.ca_file is not None
        client, lost = Client(), asyncio.Event()

        async def lose() -> None:
            lost.set()

        try:
            await client.connect(
                list(said.servers),
                name=self._name,
                allow_reconnect=False,  # whoever asks comes again, and knows what was not told
                connect_timeout=_CONNECT_SECONDS,
                error_cb=_note,
                disconnected_cb=lose,
                tls=ssl.create_default_context(cafile=said.ca_file) if tls else None,
                user_credentials=str(said.credentials_file) if said.credentials_file else None,
                user=said.user or None,
                password=_password(said.password_file) if said.password_file else None,
            )
        except BaseException:
            await client.close()
            raise
        return Connected(client, client.jetstream(), set(), lost)

    async def _drop(self) -> None:
        connected, self._connected = self._connected, None
        if connected is not None:
            try:
                await asyncio.wait_for(connected.client.close(), _CLOSE_SECONDS)
            except Exception as error:  # noqa: BLE001 - it is given up anyway
                _log.debug("a connection to NATS did not end well: %s", error)


async def _note(error: Exception) -> None:
    _log.debug("NATS: %s", error)


def _password(file: Path) -> str:
    with file.open("rb") as opened:
        content = opened.read(_MAX_PASSWORD_BYTES + 1)
    if len(content) > _MAX_PASSWORD_BYTES:
        raise InvalidInputError("not a password: too long", where=str(file))
    return content.decode("utf-8", "strict").strip()
