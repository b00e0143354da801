# SPDX-License-Identifier: Apache-2.0
"""Has the C library give large buffers back when they are freed: docs/decisions/0008."""

from contextlib import suppress
from functools import cache
from typing import Final

from tidegate.bounds import MIB

_M_TRIM_THRESHOLD: Final = -1  # <malloc.h>
_M_MMAP_THRESHOLD: Final = -3
_MAPPED_FROM_BYTES: Final = 2 * MIB
_KEPT_BYTES: Final = 8 * MIB


@cache
def give_large_buffers_back() -> None:
    """Sets mallopt(3) for the process, once; does nothing where the C library has no such call."""
    import ctypes  # only who reads layers waits for it

    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, _MAPPED_FROM_BYTES)
        libc.mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
