# SPDX-License-Identifier: Apache-2.0
"""A host's file system below some folder: never a byte from outside of it, never more of a file than was said."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tidegate.bounds import MIB, read_bounded
from tidegate.errors import BoundExceededError

MAX_FILE_BYTES: Final = 4 * MIB
MAX_NAMES: Final = 100_000
"""Names of one folder that are looked at."""
_MAX_LINKS: Final = 40


@dataclass(slots=True)
class Tree:
    """A root folder, `/` or where another host's is mounted.

    Attributes:
        unread: what was there and could not be read, with the reason.
    """

    root: Path
    unread: dict[str, str] = field(default_factory=dict)

    def place(self, path: str) -> Path | None:
        """Where a path of the host lies, its links followed as the host would; None when nothing is there."""
        waiting = [part for part in reversed(path.split("/")) if part not in {"", "."}]
        here: list[str] = []
        links = 0
        while waiting:
            part = waiting.pop()
            if part == "..":
                here = here[:-1]
                continue
            found = self.root.joinpath(*here, part)
            try:
                is_link = stat.S_ISLNK(found.lstat().st_mode)
                # What /proc calls links of processes are no names in this tree.
                target = os.readlink(found) if is_link else ""  # noqa: PTH115 - keeps a trailing slash as it is
            except OSError as error:
                self._note(path, error)
                return None
            if not is_link:
                here.append(part)
                continue
            links += 1
            if links > _MAX_LINKS:
                self.unread[path] = "links without end"
                return None
            here = [] if target.startswith("/") else here
            waiting += [step for step in reversed(target.split("/")) if step not in {"", "."}]
        return self.root.joinpath(*here)

    def read(self, path: str, *, max_bytes: int = MAX_FILE_BYTES) -> bytes | None:
        """What a regular file holds; None when it is not there, or cannot be read."""
        found = self.place(path)
        if found is None:
            return None
        try:
            # Not blocking: a pipe under the name of a file must not hold anybody up.
            with os.fdopen(os.open(found, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    return None
                return read_bounded(file, max_bytes=max_bytes, what=path)
        except OSError as error:
            self._note(path, error)
        except BoundExceededError as error:
            self.unread[path] = str(error)
        return None

    def text(self, path: str) -> str:
        """A file's text without the space around it; "" when there is none."""
        return (self.read(path) or b"").decode("utf-8", "replace").strip()

    def names(self, folder: str) -> list[str]:
        """What a folder holds, sorted; nothing when it is not there."""
        found = self.place(folder)
        if found is None:
            return []
        try:
            with os.scandir(found) as entries:
                return sorted(self._some(entries, folder))
        except OSError as error:
            self._note(folder, error)
            return []

    def state(self, path: str) -> os.stat_result | None:
        """Of what a path leads to."""
        found = self.place(path)
        try:
            return found.lstat() if found else None
        except OSError as error:
            self._note(path, error)
            return None

    def link(self, path: str) -> str:
        """What a link of /proc says it leads to, which is no name in this tree; "" when that cannot be told."""
        try:
            return os.readlink(self.root / path.lstrip("/"))  # noqa: PTH115 - what it says is not always a path
        except OSError:
            return ""

    def processes(self) -> list[int]:
        """Numbers of the processes that can be seen."""
        return sorted(int(name) for name in self.names("/proc") if name.isdecimal())

    def _some(self, entries: "Iterator[os.DirEntry[str]]", folder: str) -> Iterator[str]:
        for number, entry in enumerate(entries):
            if number == MAX_NAMES:
                self.unread[folder] = f"only the first {MAX_NAMES} names were looked at"
                return
            yield entry.name

    def _note(self, path: str, error: OSError) -> None:
        # Processes come and go while they are looked at.
        if not isinstance(error, FileNotFoundError | NotADirectoryError | ProcessLookupError):
            self.unread[path] = (error.strerror or "cannot be read").lower()
