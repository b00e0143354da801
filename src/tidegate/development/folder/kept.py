# SPDX-License-Identifier: Apache-2.0
"""What trees held, remembered, so that an unchanged tree is not read again.

An answer is kept under a hash of all it depends on: of a work tree the state of every file as the disk tells it (size,
both times, inode, as git's index does), of a tree of git its objects' names; and the version of everything that judges.
A file that changed within `RACY_SECONDS` of the look could change again unseen, so nothing is kept then. Answers are
written beside their place and renamed: whoever is killed leaves none, and two at once leave one of two equal ones. What
cannot be read back counts as missing.
"""

import hashlib
import os
import stat
import tempfile
import time
from contextlib import suppress
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from tidegate import __version__
from tidegate.development.folder.facts import FolderFacts
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.scan.folder import VERSION_CONTROL
from tidegate.scan.passing_over import PassedOver
from tidegate.values import Struct
from tidegate.wire import from_msgpack, to_msgpack

MAX_ANSWERS: Final = 48
MAX_ANSWER_BYTES: Final = 64 << 20
MAX_ENTRIES: Final = 2_000_000
RACY_SECONDS: Final = 2.0

_JUDGES: Final = ("checks", "development/twelve_factor", "development/folder", "manifests")
_NEW: Final = ".new-"


class Look(Struct, frozen=True, kw_only=True):
    """What a work tree looked like.

    Attributes:
        mark: of every file's state.
        is_settled: nothing changed just before, so an equal mark later means equal contents.
    """

    mark: str
    is_settled: bool


def look_of(root: Path, passed_over: PassedOver) -> Look:
    """Looks at the state of every file, and opens none.

    Raises:
        BoundExceededError: over `MAX_ENTRIES`.
    """
    told = hashlib.sha256(os.fsencode(root.resolve()) + b"\0" + passed_over.word.encode("utf-8", "surrogateescape"))
    control = {os.fsdecode(name) for name in VERSION_CONTROL}
    newest = 0
    waiting = [(str(root), "")]
    entries = 0
    while waiting:
        folder, path = waiting.pop()
        for entry in _entries(folder):
            name = f"{path}/{entry.name}" if path else entry.name
            if entry.name in control:
                name += "/config"  # of version control only logins in its settings are told
            elif entry.is_dir(follow_symlinks=False):
                if not passed_over.has_folder(name):
                    waiting.append((entry.path, name))
                continue
            elif passed_over.has(name):
                continue
            entries += 1
            if entries > MAX_ENTRIES:
                raise BoundExceededError("MAX_ENTRIES", MAX_ENTRIES, where=str(root))
            with suppress(OSError):
                status = os.lstat(root / name)
                newest = max(newest, status.st_mtime_ns, status.st_ctime_ns)
                kept = (status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
                link = str((root / name).readlink()) if stat.S_ISLNK(status.st_mode) else ""
                told.update(f"{name}\0{kept}{link}\n".encode("utf-8", "surrogateescape"))
    return Look(mark=told.hexdigest(), is_settled=time.time() - newest / 1e9 > RACY_SECONDS)


class KeptFacts:
    """Answers in a folder, the latest used ones.

    Args:
        folder: where they lie; it is made when it is needed.
        judged_by: versions of everything that could give another answer for the same tree.
    """

    def __init__(self, folder: Path, judged_by: tuple[str, ...]) -> None:
        self._folder = folder
        self._by = "\0".join((__version__, _judges(), *judged_by))

    def get(self, tree: str) -> FolderFacts | None:
        """What a tree held; None when that is not remembered."""
        place = self._place(tree)
        try:
            if place.stat().st_size > MAX_ANSWER_BYTES:
                return None
            found = from_msgpack(place.read_bytes(), FolderFacts, what=str(place))
            os.utime(place)
        except (OSError, InvalidInputError):
            return None
        return found

    def keep(self, tree: str, facts: FolderFacts) -> None:
        """Remembers what a tree held; what cannot be kept is found again."""
        content = to_msgpack(facts)
        if len(content) > MAX_ANSWER_BYTES:
            return
        place = self._place(tree)
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=_NEW, dir=self._folder)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(name).replace(place)
            self._forget_oldest()

    def _place(self, tree: str) -> Path:
        return self._folder / hashlib.sha256(f"{tree}\0{self._by}".encode()).hexdigest()

    def _forget_oldest(self) -> None:
        kept: list[tuple[float, Path]] = []
        for path in self._folder.iterdir():
            with suppress(OSError):  # another run forgot it
                kept.append((path.stat().st_mtime, path))
        for _, path in sorted(kept, reverse=True)[MAX_ANSWERS:]:
            with suppress(OSError):
                path.unlink()


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda one: one.name)
    except OSError:
        return []  # the scan tells of it


def _judges() -> str:
    """A hash of the checks' own text: an answer of other checks is another answer."""
    told = hashlib.sha256()
    for name in _JUDGES:
        for part in _texts(files("tidegate").joinpath(*name.split("/"))):
            told.update(part)
    return told.hexdigest()


def _texts(folder: Traversable) -> list[bytes]:
    found: list[bytes] = []
    for one in sorted(folder.iterdir(), key=lambda it: it.name):
        if one.is_dir():
            found += [] if one.name == "__pycache__" else _texts(one)
        elif one.name.endswith((".py", ".yaml")):
            found.append(one.read_bytes())
    return found
