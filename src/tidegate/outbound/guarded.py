# SPDX-License-Identifier: Apache-2.0
"""Connections that go only where `Reach` permits: looked up, checked and connected in one place, below HTTP and TLS."""

import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterable
from typing import Any

import httpcore
import httpx

from tidegate.outbound.reach import ForbiddenAddressError, Reach

Resolve = Callable[[str, int], list[str]]
"""The numeric addresses of a host, in the order to try them."""


def resolve(host: str, port: int) -> list[str]:
    """Asks the system's resolver.

    Raises:
        httpcore.ConnectError: it knows no such name.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class GuardedBackend(httpcore.NetworkBackend):
    """Connects to addresses that were checked, never to a name.

    Args:
        reach: what is permitted.
        look_up: finds addresses; handed in for tests.
    """

    def __init__(self, reach: Reach, look_up: Resolve = resolve) -> None:
        self._reach = reach
        self._look_up = look_up
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connects to the first checked address that answers.

        Raises:
            ForbiddenAddressError: none of the host's addresses may be called.
        """
        found = [host] if _is_numeric(host) else self._look_up(host, port)
        permitted = [address for address in found if self._reach.permits(address, port)]
        if not permitted:
            raise ForbiddenAddressError(host, found)
        failure: Exception | None = None
        for address in permitted:
            try:
                return self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError(host)


class GuardedTransport(httpx.HTTPTransport):
    """httpx's own transport over guarded connections."""

    def __init__(self, reach: Reach, *, verify: ssl.SSLContext, limits: httpx.Limits) -> None:
        super().__init__(verify=verify, trust_env=False, limits=limits)
        self._pool = httpcore.ConnectionPool(
            ssl_context=verify,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=GuardedBackend(reach),
        )


def _is_numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
