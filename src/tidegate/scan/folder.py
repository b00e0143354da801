# SPDX-License-Identifier: Apache-2.0
"""An unpacked root file system, or any folder, read like a layer; nothing outside it is ever opened.

Each folder is opened below its parent's descriptor and without following links, so a link that appears while the walk
runs leads nowhere.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from struct import Struct
from typing import Final

from tidegate.artifact import Digest
from tidegate.bounds import MIB
from tidegate.errors import BoundExceededError, NotFoundError
from tidegate.inventory import LayerFacts, Outcome
from tidegate.oci.image import Folder
from tidegate.scan.analyser import Analyser
from tidegate.scan.analysis import Analysis
from tidegate.scan.cataloging import failed
from tidegate.scan.entry import Entry, EntryKind, normalise, path_text
from tidegate.scan.limits import ScanLimits
from tidegate.scan.passing_over import NOTHING_PASSED_OVER, PassedOver
from tidegate.values import replace

FOLDER_READER: Final = "folder"
"""The plug-in named in the outcome of what could not be opened."""
VERSION_CONTROL: Final = frozenset({b".git", b".hg", b".jj", b".bzr", b".svn", b"_darcs"})
"""Names under which version control keeps its own files among sources."""

_OPEN_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_RECORD: Final = Struct(">BHQII")
_KEPT_BYTES: Final = 4 * MIB
_PIECE_BYTES: Final = MIB
_KINDS: Final = {
    stat.S_IFREG: EntryKind.FILE,
    stat.S_IFDIR: EntryKind.FOLDER,
    stat.S_IFLNK: EntryKind.SYMBOLIC_LINK,
}


def analyse_folder(folder: Folder, analyser: Analyser) -> LayerFacts:
    """Reads a folder as if it were the only layer of an image.

    The digest is that of the sorted tree: paths, kinds, modes, sizes, link targets, and contents as far as they were
    read. It stands for both digests of the facts. Of what version control keeps in a folder of sources only secrets in
    its settings are told.

    Raises:
        BoundExceededError: the folder is over one of the limits.
        NotFoundError: there is no such folder.
    """
    walk = FolderWalk(folder, analyser.limits, analyser.passed_over)
    analysis = Analysis(analyser, folder.name)
    analysis.take_folder(walk)
    facts = analysis.facts(digest=walk.digest, diff_id=walk.digest, size=walk.size, entries=walk.entries)
    if walk.version_control and analyser.parts.secrets:
        from tidegate.scan.version_control import secrets_in_settings

        logins = secrets_in_settings(walk.version_control, folder, analyser.secrets)
        facts = replace(facts, secrets=(*facts.secrets, *logins))
    return replace(facts, outcomes=(*facts.outcomes, *walk.outcomes)) if walk.outcomes else facts


class FolderWalk:
    """The entries of a folder, depth first and sorted by name; a `Walk`.

    Attributes:
        size: bytes of all files.
        entries: entries walked.
        outcomes: what could not be opened.
        version_control: folders of it in a folder of sources; what is in them is not walked.
    """

    def __init__(self, folder: Folder, limits: ScanLimits, passed_over: PassedOver = NOTHING_PASSED_OVER) -> None:
        self._folder = folder
        self._limits = limits
        self._passed_over = passed_over
        self._control = VERSION_CONTROL if folder.is_source else frozenset[bytes]()
        self._hash = hashlib.sha256(b"tidegate folder 1\0")
        self._parent = -1
        self._kept = 0
        self._entry = Entry(b"", EntryKind.FOLDER, 0, 0, b"")
        self.before_refill: Callable[[], None] = _nothing
        self.holes = 0
        self.size = 0
        self.entries = 0
        self.outcomes: list[Outcome] = []
        self.version_control: list[bytes] = []

    @property
    def digest(self) -> Digest:
        """Of what was walked so far."""
        return Digest(f"sha256:{self._hash.hexdigest()}")

    def __iter__(self) -> Iterator[Entry]:
        """Yields entries; folders before what they hold."""
        try:
            root = os.open(self._folder.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise NotFoundError(f"not a folder that can be read: {error.strerror}", where=self._folder.name) from error
        try:
            yield from self._below(root, b"")
        finally:
            os.close(root)

    def read(self, limit: int | None = None) -> bytes:
        """The content of the file yielded last as it is now, cut at the size it had; b"" when it cannot be opened."""
        size = self._entry.size if limit is None else min(limit, self._entry.size)
        try:
            content = _read_file(self._entry.name.rpartition(b"/")[2], self._parent, size)
        except OSError as error:
            self._fail(self._entry.name, error)
            content = b""
        self._hash.update(content)
        return content

    def peek(self, count: int) -> bytes:
        """The first bytes of the file yielded last; they are not part of the digest."""
        try:
            return _read_file(self._entry.name.rpartition(b"/")[2], self._parent, min(count, self._entry.size))
        except OSError:
            return b""  # `read`, or `pieces`, tells of it

    def pieces(self) -> Iterator[bytes]:
        """The same as `read`, of the whole file, in pieces."""
        left = self._entry.size
        try:
            handle = os.open(self._entry.name.rpartition(b"/")[2], _OPEN_FILE, dir_fd=self._parent)
            with os.fdopen(handle, "rb", buffering=0) as file:
                is_file = stat.S_ISREG(os.fstat(handle).st_mode)
                while is_file and left and (piece := file.read(min(left, _PIECE_BYTES))):
                    left -= len(piece)
                    self._hash.update(piece)
                    yield piece
        except OSError as error:
            self._fail(self._entry.name, error)

    def view(self) -> bytes | memoryview:
        """The same as `read`, of the whole file."""
        content = self.read()
        self._kept += len(content)
        if self._kept > _KEPT_BYTES:
            self._kept = 0
            self.before_refill()
        return content

    def _below(self, folder: int, path: bytes) -> Iterator[Entry]:
        for base in self._names(folder, path):
            name = normalise(path + b"/" + base, self._limits, self._folder.name)
            if base in self._control:
                self.version_control.append(name)
                continue
            entry = self._look(folder, base, name)
            if entry is None:
                continue
            self._parent, self._entry = folder, entry
            yield entry
            if entry.kind is EntryKind.FOLDER:
                yield from self._inside(folder, base, entry.name)

    def _inside(self, parent: int, base: bytes, path: bytes) -> Iterator[Entry]:
        try:
            folder = os.open(base, _OPEN_FOLDER, dir_fd=parent)
        except OSError as error:
            self._fail(path, error)
            return
        try:
            yield from self._below(folder, path)
        finally:
            os.close(folder)

    def _names(self, folder: int, path: bytes) -> list[bytes]:
        try:
            names = os.listdir(folder)
        except OSError as error:
            self._fail(path, error)
            return []
        if self.entries + len(names) > self._limits.max_entries:
            raise BoundExceededError("max_entries", self._limits.max_entries, where=self._folder.name)
        return sorted(map(os.fsencode, names))

    def _look(self, folder: int, base: bytes, path: bytes) -> Entry | None:
        try:
            status = os.stat(base, dir_fd=folder, follow_symlinks=False)
            is_link = stat.S_ISLNK(status.st_mode)
            target = os.readlink(base, dir_fd=folder) if is_link else b""
        except OSError as error:  # gone since it was listed
            self._fail(path, error)
            return None
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), EntryKind.OTHER)
        if self._passed_over and self._is_passed_over(path, kind):
            return None
        size = status.st_size if kind is EntryKind.FILE else 0
        mode = stat.S_IMODE(status.st_mode)
        self.entries += 1
        self.size += size
        if self.size > self._limits.max_unpacked_bytes:
            raise BoundExceededError("max_unpacked_bytes", self._limits.max_unpacked_bytes, where=self._folder.name)
        self._hash.update(_RECORD.pack(kind, mode, size, len(path), len(target)) + path + target)
        return Entry(path, kind, mode, size, target)

    def _is_passed_over(self, path: bytes, kind: EntryKind) -> bool:
        text = path_text(path)
        return self._passed_over.has_folder(text) if kind is EntryKind.FOLDER else self._passed_over.has(text)

    def _fail(self, path: bytes, error: OSError) -> None:
        self.outcomes.append(failed(FOLDER_READER, path_text(path), error.strerror or type(error).__name__))


def read_below(root: Folder, path: bytes, limit: int) -> tuple[int, bytes]:
    """Reads one file of a folder by a path without links.

    Returns:
        The file's size and its first `limit` bytes.

    Raises:
        OSError: it is not there, or a part of the path is a link.
    """
    with ExitStack() as stack:
        here = os.open(root.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        stack.callback(os.close, here)
        *parents, base = path.split(b"/")
        for part in parents:
            here = os.open(part, _OPEN_FOLDER, dir_fd=here)
            stack.callback(os.close, here)
        size = os.stat(base, dir_fd=here, follow_symlinks=False).st_size
        return size, _read_file(base, here, min(size, limit))


def _read_file(base: bytes, folder: int, size: int) -> bytes:
    handle = os.open(base, _OPEN_FILE, dir_fd=folder)
    with os.fdopen(handle, "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):  # replaced since it was looked at
            return b""
        return file.read(size) or b""


def _nothing() -> None:
    """Nobody waits."""
