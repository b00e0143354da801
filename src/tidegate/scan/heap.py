# SPDX-License-Identifier: Apache-2.0
"""Has the C library keep less of what is freed: large buffers go back (docs/decisions/0008), threads share heaps."""

from contextlib import suppress
from functools import cache
from typing import Final

from tidegate.bounds import MIB

_M_TRIM_THRESHOLD: Final = -1  # <malloc.h>
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
_MAPPED_FROM_BYTES: Final = 2 * MIB
_KEPT_BYTES: Final = 8 * MIB
_ARENAS: Final = 2


@cache
def give_large_buffers_back() -> None:
    """Sets mallopt(3) for the process, once; does nothing where the C library has no such call."""
    _set({_M_MMAP_THRESHOLD: _MAPPED_FROM_BYTES, _M_TRIM_THRESHOLD: _KEPT_BYTES})


@cache
def share_heaps() -> None:
    """Has all threads use two heaps, not eight for each processor: what one freed serves another. Before they start."""
    _set({_M_ARENA_MAX: _ARENAS})


def _set(options: dict[int, int]) -> None:
    import ctypes  # only who reads layers, or serves, waits for it

    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        for option, value in options.items():
            libc.mallopt(option, value)
