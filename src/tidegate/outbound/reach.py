# SPDX-License-Identifier: Apache-2.0
"""Which addresses outward calls may reach: public ones, and what was opened by name.

A server that names another address (a redirect, a token server, a DNS answer) must not turn us against our own network.
The name is looked up once, its addresses are checked, and the connection goes to a checked address: an answer that
changes between check and use changes nothing.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from tidegate.errors import InvalidInputError, OutsideError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052
_MAX_PORT: Final = 65535


class ForbiddenAddressError(OutsideError):
    """A name leads to an address that may not be called.

    Args:
        host: the name or address.
        found: the addresses it has.
    """

    def __init__(self, host: str, found: Sequence[str]) -> None:
        super().__init__(
            f"leads to {', '.join(found[:4]) or 'nowhere'}, which is not public and was not opened",
            where=host,
            remedy="open the address for this upstream, if that is meant",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Addresses that may be called although they are not public; on one port, or on all (None)."""

    network: _Network
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `10.1.0.0/16`, `127.0.0.1:5000`, `fd00::/8` or `[::1]:5000`.

        Raises:
            InvalidInputError: it is none of these.
        """
        address, port = text, ""
        if text.startswith("["):
            address, _, port = text[1:].rpartition("]:")
        elif text.count(":") == 1:
            address, _, port = text.partition(":")
        try:
            network = ipaddress.ip_network(address)
            number = int(port) if port else None
        except ValueError as error:
            raise InvalidInputError(
                f"no network: {text[:80]!r}", remedy="write 10.1.0.0/16, 127.0.0.1:5000 or [::1]:5000"
            ) from error
        if number is not None and not 0 < number <= _MAX_PORT:
            raise InvalidInputError(f"no port: {text[:80]!r}")
        return cls(network=network, port=number)

    def holds(self, address: Address, port: int) -> bool:
        """True when the opening is for this address and port."""
        return self.port in {None, port} and address.version == self.network.version and address in self.network


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Public addresses, and what is opened besides."""

    openings: tuple[Opening, ...] = ()

    def permits(self, text: str, port: int) -> bool:
        """True when a numeric address may be called. IPv4 addresses inside IPv6 ones count as what they are."""
        try:
            outer = ipaddress.ip_address(text)
        except ValueError:
            return False
        address = _inner(outer)
        if any(opening.holds(address, port) for opening in self.openings):
            return True
        return address.is_global and not address.is_multicast


def _inner(address: Address) -> Address:
    """The IPv4 address that a packet to this IPv6 address ends at, where there is one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None) or address
