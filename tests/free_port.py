# SPDX-License-Identifier: Apache-2.0
"""A port of loopback for a program that has to be told one."""

import random
import socket
from typing import Final

# Below what systems give to outgoing connections, so that none of those takes it before the program listens.
_LOWEST: Final = 20_000
_HIGHEST: Final = 32_000
_chance: Final = random.SystemRandom()  # two processes never draw the same ports one after the other


def free_port() -> int:
    """One that nobody listens on."""
    while True:
        port = _chance.randrange(_LOWEST, _HIGHEST)
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
