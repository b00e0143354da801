# SPDX-License-Identifier: Apache-2.0
"""A container's processes as /proc tells them: proc(5). What is gone meanwhile is left out, and said."""

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tidegate.bounds import KIB, MIB, printable
from tidegate.clock import rfc3339
from tidegate.execution.capture import CapturedProcess, MappedRegion, OpenFile
from tidegate.sensor.forensics.redaction import Redaction
from tidegate.values import replace
from tidegate.wire import to_json

MAX_PROCESSES: Final = 5000
MAX_FILES: Final = 4096
"""Open files that are listed of one process."""
MAX_REGIONS: Final = 4096
MAX_PROGRAM_BYTES: Final = 512 * MIB
MAX_HASHED_BYTES: Final = 4096 * MIB
"""Programs hashed of one container, each once however many processes run it."""
MAX_TOLD_BYTES: Final = 64 * MIB
"""What is told of all processes together; after that, of each only what it is."""
_MAX_WORD_BYTES: Final = 64 * KIB
"""Of a command line, and of an environment."""
_MAX_PROC_BYTES: Final = MIB
_REGION: Final = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \S+ *(.*)")
_STARTED: Final = 19
"""Where the start stands among the words after a process's name in proc_pid_stat(5)."""
_TICKS: Final = os.sysconf("SC_CLK_TCK")


def captured_processes(
    pids: Sequence[int], redaction: Redaction, origin_of: Callable[[int], str], left_out: list[str]
) -> list[CapturedProcess]:
    """What each process is, in their order.

    Args:
        pids: as the node numbers them.
        redaction: of this capture.
        origin_of: where the program of a process comes from.
        left_out: is told of what was not kept.
    """
    if len(pids) > MAX_PROCESSES:
        left_out.append(f"{len(pids) - MAX_PROCESSES} processes over the bound of {MAX_PROCESSES}")
    found: list[CapturedProcess] = []
    programs = _Programs(left_out)
    room = MAX_TOLD_BYTES
    for pid in pids[:MAX_PROCESSES]:
        try:
            one = _process(pid, redaction, origin_of, programs, left_out)
        except OSError as error:
            left_out.append(f"process {pid}: {(error.strerror or 'cannot be read').lower()}")
            continue
        except (LookupError, ValueError):  # it went while it was read
            left_out.append(f"process {pid}: cannot be read")
            continue
        size = len(to_json(one))
        if size > room:
            left_out.append(f"process {pid}: its words, environment, files and maps, over {MAX_TOLD_BYTES} bytes")
            one = replace(one, command=(), environment={}, files=(), maps=())
        else:
            room -= size
        found.append(one)
    return found


def _process(
    pid: int,
    redaction: Redaction,
    origin_of: Callable[[int], str],
    programs: "_Programs",
    left_out: list[str],
) -> CapturedProcess:
    folder = Path(f"/proc/{pid}")
    # By line feeds alone: a process may have what else ends a line in its name.
    lines = (line.partition(":") for line in _text(folder / "status").split("\n"))
    status = {name: value.strip() for name, _, value in lines}
    words = _words(folder / "cmdline", left_out)
    pairs = (word.partition("=") for word in _words(folder / "environ", left_out))
    return CapturedProcess(
        pid=pid,
        parent=int(status["PPid"]),
        inner=int(status.get("NSpid", str(pid)).split()[-1]),
        name=printable(status["Name"]),
        started_at=_started(folder),
        command=tuple(printable(word) for word in redaction.command(words)),
        program=printable(os.readlink(folder / "exe")),  # noqa: PTH115 - no path but what the kernel says
        origin=origin_of(pid),
        program_digest=programs.digest(folder / "exe"),
        folder=printable(_link(folder / "cwd")),
        users=tuple(int(number) for number in status["Uid"].split()),
        groups=tuple(int(number) for number in status.get("Groups", "").split()),
        capabilities=status.get("CapEff", ""),
        seccomp=int(status.get("Seccomp", "0")),
        threads=int(status.get("Threads", "1")),
        environment={
            printable(name): printable(value)
            for name, value in redaction.environment((name, value) for name, _, value in pairs).items()
        },
        files=tuple(_files(folder, left_out)),
        maps=tuple(_regions(folder, left_out)),
    )


def _started(folder: Path) -> str:
    """In ticks since the machine began, after a name that may hold anything."""
    words = _text(folder / "stat").rpartition(")")[2].split()
    began = next(line for line in _text(Path("/proc/stat")).splitlines() if line.startswith("btime "))
    seconds = int(began.split()[1]) + int(words[_STARTED]) / _TICKS
    return rfc3339(datetime.fromtimestamp(seconds, UTC))


def _files(folder: Path, left_out: list[str]) -> Iterator[OpenFile]:
    names = sorted((name for name in os.listdir(folder / "fd")), key=int)  # noqa: PTH208 - names only
    if len(names) > MAX_FILES:
        left_out.append(f"process {folder.name}: {len(names) - MAX_FILES} open files over the bound of {MAX_FILES}")
    for name in names[:MAX_FILES]:
        if target := _link(folder / "fd" / name):
            yield OpenFile(descriptor=int(name), target=printable(target))


def _regions(folder: Path, left_out: list[str]) -> Iterator[MappedRegion]:
    lines = _text(folder / "maps").split("\n")
    if len(lines) > MAX_REGIONS:
        left_out.append(f"process {folder.name}: {len(lines) - MAX_REGIONS} regions over the bound of {MAX_REGIONS}")
    for line in lines[:MAX_REGIONS]:
        if found := _REGION.fullmatch(line):
            yield MappedRegion(start=found[1], end=found[2], rights=found[3], path=printable(found[4]))


class _Programs:
    """Digests of what runs: a link leads to it also when it has no name any more. Each file is read once."""

    def __init__(self, left_out: list[str]) -> None:
        self._left_out = left_out
        self._known: dict[tuple[int, int, int, int], str] = {}
        self._left = MAX_HASHED_BYTES

    def digest(self, program: Path) -> str:
        """Its sha256; "" for one that cannot be read, or is over a bound."""
        try:
            with program.open("rb") as file:
                state = os.fstat(file.fileno())
                key = state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns
                if key in self._known:
                    return self._known[key]
                if state.st_size > min(MAX_PROGRAM_BYTES, self._left):
                    bounds = f"{MAX_PROGRAM_BYTES}, or {MAX_HASHED_BYTES} bytes in all"
                    self._left_out.append(f"{program}: longer than {bounds}: not hashed")
                    return ""
                self._left -= state.st_size
                found = self._known[key] = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
                return found
        except OSError:
            return ""


def _link(path: Path) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115 - no path but what the kernel says
    except OSError:
        return ""


def _words(path: Path, left_out: list[str]) -> list[str]:
    text = _text(path)
    if len(text) > _MAX_WORD_BYTES:
        left_out.append(f"{path}: over {_MAX_WORD_BYTES} bytes")
    return [word for word in text[:_MAX_WORD_BYTES].split("\0") if word]


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_MAX_PROC_BYTES).decode("utf-8", "surrogateescape")
