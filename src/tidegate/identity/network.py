# SPDX-License-Identifier: Apache-2.0
"""Whom an address stands for, where people are counted by it: an IPv4 address, or what one customer has of IPv6."""

import ipaddress
from typing import Final

_IPV6_BITS: Final = 64


def network_of(address: str) -> str:
    """The address, or its /64; text that is no address as it is."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _IPV6_BITS), strict=False))
