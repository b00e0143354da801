# SPDX-License-Identifier: Apache-2.0
"""Keeps freed memory from piling up beside what is asked for at once.

glibc keeps freed buffers of some megabytes for each thread, in the hope that they are asked for again. Beside a buffer
of hundreds of megabytes that hope is worth less than the memory: 60 MB of it were measured.
"""

from contextlib import suppress
from typing import Final

_M_MMAP_THRESHOLD: Final = -3  # <malloc.h>
_KEPT_BELOW_BYTES: Final = 1 << 20


def give_back() -> None:
    """Returns what can be returned (malloc_trim(3)), and from now on each large buffer when it is freed (mallopt(3)).

    Does nothing where the C library has no such calls.
    """
    import ctypes  # few layers hold a file so large that this is called

    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, _KEPT_BELOW_BYTES)
        libc.malloc_trim(0)
