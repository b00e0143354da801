# SPDX-License-Identifier: Apache-2.0
"""What outward calls may cost, and whom they trust."""

from dataclasses import dataclass
from pathlib import Path

from tidegate.outbound.reach import Reach


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundOptions:
    """Limits and trust of outward HTTP calls.

    Attributes:
        connect_timeout_s: until a connection stands, TLS included.
        read_timeout_s: between two pieces of an answer.
        total_timeout_s: for one answer from its first byte to its last, resumed or not.
        max_attempts: tries of one request, and of resuming one body.
        max_wait_s: the longest pause between two tries; a server asking for more is given up.
        max_redirects: hops before an answer must come.
        ca_file: PEM certificates trusted besides the system's.
        insecure: plain HTTP to any host and no check of certificates. Loopback hosts may use plain HTTP anyway.
        proxy: URL of an HTTP proxy for everything but loopback; "" for none.
        user_agent: how we introduce ourselves.
        reach: addresses that may be called; None for all. Behind a proxy only addresses written as numbers are
            checked: names are looked up by the proxy.
        max_connections: open at once; more requests wait.
    """

    connect_timeout_s: float = 10.0
    read_timeout_s: float = 60.0
    total_timeout_s: float = 3600.0
    max_attempts: int = 4
    max_wait_s: float = 30.0
    max_redirects: int = 5
    ca_file: Path | None = None
    insecure: bool = False
    proxy: str = ""
    user_agent: str = "tidegate"
    reach: Reach | None = None
    max_connections: int = 100
