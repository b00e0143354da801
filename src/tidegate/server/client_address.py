# SPDX-License-Identifier: Apache-2.0
"""Where a request comes from: the connection's peer, or what a proxy that is named in the settings says."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.types import Scope

from tidegate.errors import UsageError

_MAX_HOPS: Final = 32
_SIGNS: Final = ("x-forwarded-for", "forwarded", "x-real-ip")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Where a request comes from.

    Attributes:
        address: "" when it is not known.
        forwarded: somebody passed it on, so that a peer on this machine is not who asks.
        by_proxy: it was a proxy we trust, so that what it says of the request counts.
    """

    address: str
    forwarded: bool = False
    by_proxy: bool = False


class ClientAddresses:
    """Reads addresses; `X-Forwarded-For` counts only from the proxies named, from the right, up to the first other.

    Args:
        proxies: addresses or networks (`10.0.0.0/8`) of proxies that are trusted.

    Raises:
        UsageError: one is neither.
    """

    def __init__(self, proxies: Iterable[str] = ()) -> None:
        try:
            self._proxies = tuple(ipaddress.ip_network(text, strict=False) for text in proxies)
        except ValueError as error:
            raise UsageError(
                f"not an address or network: {error}", where="identity.trusted_proxies", remedy="write 10.0.0.0/8"
            ) from error

    def of(self, scope: Scope) -> Client:
        """Where a request comes from."""
        peer = _peer(scope.get("client"))
        headers = Headers(scope=scope)
        parsed = _parse(peer) if self._proxies else None
        if parsed is None or not self._trusts(parsed):
            return Client(address=peer, forwarded=any(name in headers for name in _SIGNS))
        hops = ",".join(headers.getlist("x-forwarded-for")).split(",")[-_MAX_HOPS:]
        address = peer
        for hop in reversed(hops):
            found = _parse(hop.strip())
            if found is None:
                break
            address = str(found)
            if not self._trusts(found):
                break
        return Client(address=address, forwarded=True, by_proxy=True)

    def _trusts(self, address: _Address) -> bool:
        return any(address.version == network.version and address in network for network in self._proxies)


def _parse(text: str) -> _Address | None:
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _peer(client: Any) -> str:
    return str(client[0]) if client else ""
