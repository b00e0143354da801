# SPDX-License-Identifier: Apache-2.0
"""Addresses and ports as /proc/PID/net writes them: proc_pid_net(5)."""

import socket
import struct
from ipaddress import IPv6Address
from typing import Final

_BYTES_OF_IPV4: Final = 4


def parse_place(field: bytes) -> tuple[str, int]:
    """Address and port of a field like `0100007F:0050`: four-byte words in the machine's own order.

    An IPv4 address within an IPv6 one is told as IPv4.

    Raises:
        ValueError, struct.error: it is no such field.
    """
    address, _, port = field.partition(b":")
    raw = bytes.fromhex(address.decode("ascii"))
    words = struct.pack(f">{len(raw) // 4}I", *struct.unpack(f"={len(raw) // 4}I", raw))
    family = socket.AF_INET if len(words) == _BYTES_OF_IPV4 else socket.AF_INET6
    text = socket.inet_ntop(family, words)
    mapped = IPv6Address(text).ipv4_mapped if family == socket.AF_INET6 else None
    return str(mapped or text), int(port, 16)
