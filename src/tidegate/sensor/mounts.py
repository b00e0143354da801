# SPDX-License-Identifier: Apache-2.0
"""What is mounted where, from /proc/PID/mountinfo: proc_pid_mountinfo(5)."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tidegate.bounds import MIB, read_bounded
from tidegate.errors import InvalidInputError
from tidegate.values import Struct

MAX_MOUNTINFO_BYTES: Final = 16 * MIB
_OCTAL: Final = re.compile(rb"\\([0-7]{3})")
_FIELDS_BEFORE: Final = 6
_FIELDS_AFTER: Final = 3


class Mount(Struct, frozen=True, kw_only=True):
    """One mount.

    Attributes:
        number: of the mount, unique while it is there.
        device: of the file system, as `st_dev` has it.
        root: which folder of the file system is mounted.
        point: where, as the process sees it.
        kind: `overlay`, `tmpfs`, `ext4` …
        options: of the file system; "" for those without a value.
        forbids_programs: no program runs from it (`noexec`).
    """

    number: int
    device: int
    root: str
    point: str
    kind: str
    options: Mapping[str, str]
    forbids_programs: bool = False


def mounts_of(path: Path) -> list[Mount]:
    """The mounts that a mountinfo file tells of, in its order.

    Raises:
        OSError: the process is gone.
        InvalidInputError: this is not a mountinfo file.
        BoundExceededError: it is longer than 16 MiB.
    """
    with path.open("rb") as file:
        return list(parse_mounts(read_bounded(file, max_bytes=MAX_MOUNTINFO_BYTES, what=str(path))))


def parse_mounts(data: bytes) -> Iterator[Mount]:
    """The mounts a mountinfo file tells of.

    Raises:
        InvalidInputError: this is not one.
    """
    for number, line in enumerate(data.splitlines(), start=1):
        before, separator, after = line.partition(b" - ")
        first, last = before.split(b" "), after.split(b" ")
        if not separator or len(first) < _FIELDS_BEFORE or len(last) < _FIELDS_AFTER:
            raise InvalidInputError("not a line of a mountinfo file", where=f"line {number}")
        try:
            major, _, minor = first[2].partition(b":")
            device = os.makedev(int(major), int(minor))
            yield Mount(
                number=int(first[0]),
                device=device,
                root=_text(first[3]),
                point=_text(first[4]),
                kind=_text(last[0]),
                options=_options(last[2]),
                forbids_programs=b"noexec" in first[5].split(b","),
            )
        except (ValueError, OverflowError) as error:
            raise InvalidInputError("not a line of a mountinfo file", where=f"line {number}") from error


def _options(field: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for option in re.split(rb"(?<!\\),", field):
        name, _, value = option.partition(b"=")
        found[_text(name)] = _text(value)
    return found


def _text(field: bytes) -> str:
    return os.fsdecode(_OCTAL.sub(lambda match: bytes([int(match[1], 8) & 0xFF]), field))
