# SPDX-License-Identifier: Apache-2.0
"""For clients of servers without TLS: to read the system's authorities takes longer than most tests."""

import ssl
from typing import Final

NO_AUTHORITIES: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody."""
