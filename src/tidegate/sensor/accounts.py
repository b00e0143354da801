# SPDX-License-Identifier: Apache-2.0
"""Who can log in to a container: users, groups, passwords and keys, and what changed of them.

Paths are followed below the container's root without any link, so that no container can point at a file of the node.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from hashlib import sha256
from typing import Final

from tidegate.bounds import MIB
from tidegate.execution.observation import clean
from tidegate.sensor.overlay import Overlay
from tidegate.values import Struct

MAX_FILE_BYTES: Final = MIB
_LISTS: Final = ("etc/passwd", "etc/group", "etc/shadow", "etc/gshadow", "etc/sudoers", "root/.ssh/authorized_keys")
_FOLDERS: Final = ("etc/sudoers.d", "home")
_MAX_ENTRIES: Final = 100
_MAX_NAMED: Final = 10


class Changed(Struct, frozen=True, kw_only=True):
    """A file of logins that is not what it was.

    Attributes:
        path: from the container's root.
        what: in words; never a password or a key.
    """

    path: str
    what: str


class Accounts:
    """The files of one container, as they were last."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, ...]] = {}
        self._names: dict[str, dict[bytes, bytes]] = {}
        self._begun = False

    def look(self, pid: int, *, image: Overlay | None = None) -> list[Changed]:
        """What changed since the last look; the first time, since the image where that is given, else nothing.

        Args:
            pid: one of the container's processes.
            image: what a container that has only just begun stands on: what it did before the first look is seen.
        """
        try:
            root = os.open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return []
        try:
            changed = [one for path in _paths(root) if (one := self._compare(root, path)) is not None]
        finally:
            os.close(root)
        begun, self._begun = self._begun, True
        if begun:
            return changed
        return [] if image is None else self._since(image)

    def _since(self, image: Overlay) -> list[Changed]:
        """What was written over the image; what its runtime mounts there is no change."""
        found: list[Changed] = []
        with ExitStack() as stack:
            upper, *lower = (_folder(one, stack) for one in (image.upper, *image.lower))
            for path, names in self._names.items():
                if _names_of(upper, path) is None:
                    continue
                before = next((known for one in lower if (known := _names_of(one, path)) is not None), {})
                if names != before:
                    found.append(Changed(path=f"/{path}", what=_difference(before, names)))
        return found

    def _compare(self, root: int, path: str) -> Changed | None:
        file = _open(root, path, os.O_RDONLY | os.O_NONBLOCK)
        if file < 0:
            if self._known.pop(path, None) is None:
                return None
            self._names.pop(path, None)
            return Changed(path=f"/{path}", what="was taken away")
        try:
            found = os.fstat(file)
            state = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
            if self._known.get(path) == state:
                return None
            data = os.read(file, MAX_FILE_BYTES) if stat.S_ISREG(found.st_mode) else b""
        finally:
            os.close(file)
        is_new = path not in self._known
        self._known[path] = state
        names, before = names_in(data), self._names.get(path, {})
        self._names[path] = names
        if names == before and not is_new:  # touched, or written anew as it was
            return None
        return Changed(path=f"/{path}", what=_difference(before, names))


def _folder(path: str, stack: ExitStack) -> int:
    try:
        place = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return -1
    stack.callback(os.close, place)
    return place


def _names_of(folder: int, path: str) -> dict[bytes, bytes] | None:
    """The names of a file of a layer; None where it has none."""
    file = _open(folder, path, os.O_RDONLY | os.O_NONBLOCK) if folder >= 0 else -1
    if file < 0:
        return None
    try:
        is_file = stat.S_ISREG(os.fstat(file).st_mode)
        return names_in(os.read(file, MAX_FILE_BYTES)) if is_file else {}
    finally:
        os.close(file)


def names_in(data: bytes) -> dict[bytes, bytes]:
    """The names of a file of logins, each with a sum of its line, so that a change is seen and nothing kept."""
    lines = (line.strip() for line in data.splitlines())
    return {
        line.partition(b":")[0][:64] if b":" in line else sha256(line).hexdigest()[:12].encode(): sha256(line).digest()
        for line in lines
        if line and not line.startswith(b"#")
    }


def _difference(before: dict[bytes, bytes], after: dict[bytes, bytes]) -> str:
    parts = []
    for word, names in (
        ("added", after.keys() - before.keys()),
        ("removed", before.keys() - after.keys()),
        ("changed", {name for name in after.keys() & before.keys() if after[name] != before[name]}),
    ):
        if names:
            told = ", ".join(clean(name.decode("utf-8", "surrogateescape"), 64) for name in sorted(names)[:_MAX_NAMED])
            more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
            parts.append(f"{word}: {told}{more}")
    return "; ".join(parts) or "changed"


def _paths(root: int) -> Iterator[str]:
    yield from _LISTS
    for folder in _FOLDERS:
        place = _open(root, folder, os.O_RDONLY | os.O_DIRECTORY)
        if place < 0:
            continue
        try:
            names = sorted(os.listdir(place))[:_MAX_ENTRIES]  # noqa: PTH208 - of an open folder
        except OSError:
            continue
        finally:
            os.close(place)
        tail = "/.ssh/authorized_keys" if folder == "home" else ""
        yield from (f"{folder}/{name}{tail}" for name in names)


def _open(root: int, path: str, flags: int) -> int:
    """Opens what lies there without following any link; -1 when there is nothing."""
    place = os.dup(root)
    *folders, last = path.split("/")
    try:
        for folder in folders:
            inner = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=place)
            os.close(place)
            place = inner
        return os.open(last, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=place)
    except OSError:
        return -1
    finally:
        with suppress(OSError):
            os.close(place)
