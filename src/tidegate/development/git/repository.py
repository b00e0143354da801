# SPDX-License-Identifier: Apache-2.0
"""What is asked of a repository: names resolved, ranges listed, objects read, folders compared. git reads.

What git says of ancestry is held against the objects themselves: a shallow clone or grafts, which could hide commits,
are told, and parents that a range leaves out must be ancestors of its base.
"""

import hashlib
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Final

from tidegate.bounds import GIB, KIB, MIB, read_bounded
from tidegate.development.git.objects import MAX_OBJECT_BYTES, Commit, Tag, parse_commit, parse_tag
from tidegate.errors import BoundExceededError, InvalidInputError, NotFoundError
from tidegate.scan.git_history import is_repository
from tidegate.scan.git_program import git_output
from tidegate.values import Struct

MAX_COMMITS: Final = 100_000
"""Commits of one range."""
MAX_TREE_ENTRIES: Final = 2_000_000
MAX_REFLOG: Final = 10_000
MAX_CONTENT_BYTES: Final = 64 * GIB
"""Content of files that is compared."""

_MAX_LINE: Final = 64 * KIB
_ID: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_FIELDS: Final = 3


class TreeFile(Struct, frozen=True, kw_only=True):
    """A file of a commit's tree; `mode` as git writes it: `100644`, `100755`, `120000` (a link)."""

    path: str
    mode: str
    blob: str
    size: int


class Repository:
    """A working tree, or a bare repository.

    Args:
        folder: where it lies.

    Raises:
        NotFoundError: there is no repository.
    """

    def __init__(self, folder: Path) -> None:
        if not is_repository(folder):
            raise NotFoundError("no git repository", where=str(folder), remedy="name its folder, the one with .git in")
        self.folder = folder

    def resolve(self, name: str, kind: str = "commit") -> str:
        """The object that a name means (gitrevisions).

        Raises:
            NotFoundError: it means none.
        """
        try:
            (found,) = self._lines(("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{{kind}}}"))
        except (InvalidInputError, ValueError) as error:
            raise NotFoundError(f"no {kind} is called {name[:80]!r}", where=str(self.folder)) from error
        if not _ID.fullmatch(found):
            raise NotFoundError(f"no {kind} is called {name[:80]!r}", where=str(self.folder))
        return found

    def range(self, base: str, tip: str) -> tuple[str, ...]:
        """Commits that `tip` leads to and `base` ("" for none) does not, oldest first.

        Raises:
            BoundExceededError: more than `MAX_COMMITS`.
        """
        without = (f"^{base}",) if base else ()
        limit = f"--max-count={MAX_COMMITS + 1}"
        found = tuple(self._lines(("rev-list", "--topo-order", "--reverse", limit, tip, *without, "--")))
        if len(found) > MAX_COMMITS:
            raise BoundExceededError("MAX_COMMITS", MAX_COMMITS, where=str(self.folder))
        return found

    def is_ancestor(self, older: str, newer: str) -> bool:
        """True when every way is open from `newer` back to `older`; false too when `older` is not there any more."""
        try:
            return not list(self._lines(("rev-list", "--max-count=1", older, f"^{newer}", "--")))
        except InvalidInputError:
            return False

    def outside(self, commits: Iterable[str], base: str) -> tuple[str, ...]:
        """Those of some commits that `base` does not lead to."""
        names = sorted(set(commits))
        if not names or not base:
            return tuple(names)
        found = set(self._lines(("rev-list", "--no-walk=unsorted", "--stdin"), [*names, f"^{base}"]))
        return tuple(name for name in names if name in found)

    def commits(self, names: Sequence[str]) -> Iterator[Commit]:
        """Reads commits, in their order, each held to its name.

        Raises:
            InvalidInputError: one is missing, is no commit, or is not what its name says.
        """
        for name, kind, content in self._objects(names):
            if kind != "commit":
                raise InvalidInputError(f"is a {kind}, no commit", where=name)
            yield parse_commit(content, name=name)

    def tags_of(self, commit: str) -> tuple[Tag, ...]:
        """Annotated tags that point to a commit, sorted by name."""
        lines = self._lines(
            ("for-each-ref", "--format=%(objectname) %(objecttype)", f"--points-at={commit}", "refs/tags")
        )
        names = [line.split()[0] for line in lines if line.endswith(" tag")][:100]
        return tuple(sorted((parse_tag(it[2], name=it[0]) for it in self._objects(names)), key=lambda tag: tag.name))

    def reflog(self, ref: str) -> tuple[str, ...]:
        """Where a ref pointed to, newest first, as far as its reflog remembers."""
        limit = f"--max-count={MAX_REFLOG}"
        return tuple(self._lines(("rev-list", "--walk-reflogs", limit, "--end-of-options", ref, "--")))

    def files(self, commit: str) -> Iterator[TreeFile]:
        """All files of a commit's tree; submodules are passed over.

        Raises:
            BoundExceededError: more than `MAX_TREE_ENTRIES`.
        """
        count = 0
        with git_output(self.folder, ("ls-tree", "-r", "-l", "-z", "--full-tree", commit)) as output:
            for entry in _records(output):
                count += 1
                if count > MAX_TREE_ENTRIES:
                    raise BoundExceededError("MAX_TREE_ENTRIES", MAX_TREE_ENTRIES, where=str(self.folder))
                head, _, path = entry.partition(b"\t")
                mode, kind, blob, size = head.decode("ascii", "replace").split()
                if kind == "blob" and size.isdecimal():
                    text = path.decode("utf-8", "surrogateescape")
                    yield TreeFile(path=text, mode=mode, blob=blob, size=int(size))

    def digests(self, blobs: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """The sha256 of blobs' content, each held to its name by git's own hash; blobs that are missing are left out.

        Raises:
            BoundExceededError: over `MAX_CONTENT_BYTES` in all.
            InvalidInputError: one is not what its name says.
        """
        names = sorted(set(blobs))
        left = MAX_CONTENT_BYTES
        with tempfile.TemporaryFile() as asked:
            asked.writelines(f"{name}\n".encode() for name in names)
            asked.seek(0)
            with git_output(self.folder, ("cat-file", "--batch", "--buffer"), stdin=asked) as output:
                for name in names:
                    header = output.readline(_MAX_LINE).decode("ascii", "replace").split()
                    if len(header) != _FIELDS or header[0] != name or not header[2].isdecimal():
                        continue
                    left -= int(header[2])
                    if left < 0:
                        raise BoundExceededError("MAX_CONTENT_BYTES", MAX_CONTENT_BYTES, where=str(self.folder))
                    yield name, _hashed(output, name, int(header[2]))

    def changes(self) -> tuple[str, ...]:
        """Paths of a working tree that are not as in its commit, files git does not know included; at most 1000."""
        arguments = (
            "status",
            "--porcelain=v1",
            "-z",
            "--untracked-files=all",
            "--ignore-submodules=none",
            "--no-renames",
        )
        found: list[str] = []
        with git_output(self.folder, arguments) as output:
            for entry in _records(output):
                found.append(entry[3:].decode("utf-8", "surrogateescape"))
                if len(found) >= 1000:  # noqa: PLR2004 - as promised
                    break
            else:
                return tuple(found)
            while output.read(MIB):
                pass
        return tuple(found)

    @property
    def is_bare(self) -> bool:
        """True when there is no working tree."""
        return not (self.folder / ".git").exists()

    @property
    def obstacles(self) -> tuple[str, ...]:
        """What can make git's own account of history incomplete."""
        (common,) = self._lines(("rev-parse", "--git-common-dir"))
        home = (self.folder / common).resolve()
        found = []
        if (home / "shallow").exists():
            found.append("shallow")
        if (home / "info" / "grafts").exists():
            found.append("grafted")
        return tuple(found)

    @property
    def address(self) -> str:
        """URL of the remote `origin` without credentials; "" when there is none."""
        try:
            (found,) = self._lines(("config", "--local", "--get", "remote.origin.url"))
        except (InvalidInputError, ValueError):
            return ""
        return re.sub(r"^([a-z+]+://)[^/@]*@", r"\1", found)

    def _objects(self, names: Sequence[str]) -> Iterator[tuple[str, str, bytes]]:
        with tempfile.TemporaryFile() as asked:
            asked.writelines(f"{name}\n".encode() for name in names)
            asked.seek(0)
            with git_output(self.folder, ("cat-file", "--batch", "--buffer"), stdin=asked) as output:
                for name in names:
                    header = output.readline(_MAX_LINE).decode("ascii", "replace").split()
                    if len(header) != _FIELDS or header[0] != name or not header[2].isdecimal():
                        raise InvalidInputError("an object of git is missing", where=name)
                    size = int(header[2])
                    if size > MAX_OBJECT_BYTES:
                        raise BoundExceededError("MAX_OBJECT_BYTES", MAX_OBJECT_BYTES, where=name)
                    content = output.read(size)
                    output.read(1)
                    yield name, header[1], content

    def _lines(self, arguments: Sequence[str], given: Sequence[str] = ()) -> Iterator[str]:
        with tempfile.TemporaryFile() as asked:
            asked.writelines(f"{line}\n".encode() for line in given)
            asked.seek(0)
            with git_output(self.folder, arguments, stdin=asked) as output:
                content = read_bounded(output, max_bytes=64 * MIB, what=f"what git says of {self.folder}")
        yield from content.decode("utf-8", "surrogateescape").splitlines()


def _hashed(output: IO[bytes], name: str, size: int) -> bytes:
    """The sha256 of the next `size` bytes, which must be the blob of this name."""
    algorithm = "sha1" if len(name) == 40 else "sha256"  # noqa: PLR2004 - hexadecimal digits of SHA-1
    own = hashlib.new(algorithm, b"blob %d\0" % size, usedforsecurity=False)
    found = hashlib.sha256()
    left = size
    while left and (piece := output.read(min(left, MIB))):
        own.update(piece)
        found.update(piece)
        left -= len(piece)
    output.read(1)
    if left or own.hexdigest() != name:
        raise InvalidInputError("a blob of git that is not what its name says", where=name)
    return found.digest()


def _records(output: IO[bytes]) -> Iterator[bytes]:
    """What stands between zero bytes, read in pieces."""
    rest = b""
    while piece := output.read(MIB):
        *whole, rest = (rest + piece).split(b"\0")
        yield from whole
