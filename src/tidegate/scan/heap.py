# SPDX-License-Identifier: Apache-2.0
"""Hands freed memory back to the system before much is asked for at once.

glibc keeps freed buffers of some megabytes for each thread, in the hope that they are asked for again. Before a buffer
of hundreds of megabytes that hope is worth less than the memory.
"""

from contextlib import suppress


def give_back() -> None:
    """Returns what can be returned (malloc_trim(3)); does nothing where the C library has no such call."""
    import ctypes  # few layers hold a file so large that this is called

    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
