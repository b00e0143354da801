# SPDX-License-Identifier: Apache-2.0
"""Bytes of processes' memory, by /proc/PID/mem: what may hold code that is in no file of the image, or all of it."""

import mmap
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from tidegate.bounds import MIB
from tidegate.execution.capture import CapturedProcess, MappedRegion

MAX_MEMORY_BYTES: Final = 1024 * MIB
_CHUNK: Final = 4 * MIB
_PAGE: Final = mmap.PAGESIZE
_SPECIAL: Final = frozenset({"[vvar]", "[vdso]", "[vsyscall]", "[vvar_vclock]"})


class MemoryChoice(StrEnum):
    """What is kept of memory."""

    NONE = "none"
    CODE = "code"
    """Regions that can be run and belong to no file of the image: what was written there at run time."""
    ALL = "all"
    """Everything that can be read: secrets of the workload are in it."""


def chosen(process: CapturedProcess, choice: MemoryChoice) -> Sequence[MappedRegion]:
    """The regions of a process that are kept."""
    readable = [one for one in process.maps if one.rights.startswith("r") and one.path not in _SPECIAL]
    if choice is MemoryChoice.ALL:
        return readable
    if choice is MemoryChoice.NONE:
        return ()
    return [one for one in readable if "x" in one.rights and _is_of_no_file(one, process)]


def _is_of_no_file(region: MappedRegion, process: CapturedProcess) -> bool:
    if not region.path.startswith("/") or region.path.endswith(" (deleted)") or region.path.startswith("/memfd:"):
        return True
    return "w" in region.rights or (region.path == process.program and process.origin != "image")


def copy_region(pid: int, region: MappedRegion, sink: Any) -> bool:
    """Writes a region's bytes, zeros where a page cannot be read; False when nothing of it could be."""
    start, end = int(region.start, 16), int(region.end, 16)
    found = False
    try:
        with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
            at = start
            while at < end:
                data = _page(memory, at, min(_CHUNK, end - at))
                found = found or bool(data)
                # What cannot be read costs its own page alone.
                sink.write(data or b"\0" * min(_PAGE, end - at))
                at += len(data) or min(_PAGE, end - at)
    except OSError:  # the process is gone
        return found
    return found


def _page(memory: Any, at: int, wanted: int) -> bytes:
    try:
        memory.seek(at)
        data: bytes = memory.read(wanted)
    except (OSError, OverflowError, ValueError):
        return b""
    return data or b""
