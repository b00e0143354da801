# SPDX-License-Identifier: Apache-2.0
"""Commits made in a repository of git without its work tree: files of a commit read, changed ones put in a new one.

Nothing of the repository's runs: no hooks, filters or programs of its configuration (`tidegate.scan.git_program`); the
index is a file of our own, the work tree is not looked at.
"""

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Final

from tidegate.bounds import MIB, read_bounded
from tidegate.errors import BoundExceededError, InvalidInputError, NotFoundError, RefusedError
from tidegate.scan.git_history import is_repository
from tidegate.scan.git_program import git_output
from tidegate.values import Struct

MAX_TREE_ENTRIES: Final = 500_000
MAX_FILE_BYTES: Final = 4 * MIB
MAX_ALL_BYTES: Final = 256 * MIB
_MAX_LINE: Final = 1024
_MAX_SAID: Final = 64 * MIB
_PLAIN: Final = frozenset({"100644", "100755"})
_ID: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_AUTHOR: Final = re.compile(r"(?P<name>[^<>\n]{1,100}) <(?P<address>[^<>\n\s]{1,200})>")


class TreeFile(Struct, frozen=True, kw_only=True):
    """A plain file of a commit."""

    path: str
    mode: str
    blob: str
    size: int


class Author(Struct, frozen=True, kw_only=True):
    """Who writes commits, and the SSH key that signs them.

    Attributes:
        signing_key: None leaves them unsigned.
    """

    name: str
    address: str
    signing_key: Path | None = None

    @classmethod
    def parse(cls, text: str, *, signing_key: Path | None = None) -> "Author":
        """Reads `Name <address>`.

        Raises:
            InvalidInputError: it is written otherwise.
        """
        found = _AUTHOR.fullmatch(text.strip())
        if found is None:
            raise InvalidInputError("not an author", where=text[:80], remedy="write it as Name <address>")
        return cls(name=found["name"], address=found["address"], signing_key=signing_key)


class GitStore:
    """One repository, bare or with a work tree.

    Args:
        folder: where it lies.

    Raises:
        NotFoundError: there is none.
    """

    def __init__(self, folder: Path) -> None:
        if not is_repository(folder):
            raise NotFoundError("no git repository", where=str(folder), remedy="name its folder, the one with .git in")
        self.folder = folder

    def branch_of_head(self) -> str:
        """The branch that is checked out, or that a bare repository calls its own.

        Raises:
            InvalidInputError: there is none: HEAD is a commit.
        """
        return self._line(("symbolic-ref", "--short", "HEAD"))

    def tip(self, branch: str) -> str:
        """The commit of a branch; "" when there is no such branch."""
        try:
            found = self._line(
                ("rev-parse", "--verify", "--quiet", "--end-of-options", f"refs/heads/{branch}^{{commit}}")
            )
        except InvalidInputError:
            return ""
        return found if _ID.fullmatch(found) else ""

    def branches(self, prefix: str) -> Mapping[str, str]:
        """Tips of branches under a name, by their names."""
        said = self._said(("for-each-ref", "--format=%(objectname) %(refname)", f"refs/heads/{prefix}/"))
        pairs = (line.split(" ", 1) for line in said.decode("utf-8", "surrogateescape").splitlines())
        return {name.removeprefix("refs/heads/"): commit for commit, name in pairs}

    def checked_out(self) -> frozenset[str]:
        """Branches that some work tree has."""
        said = self._said(("worktree", "list", "--porcelain", "-z")).decode("utf-8", "surrogateescape")
        marks = (entry for entry in said.split("\0") if entry.startswith("branch refs/heads/"))
        return frozenset(entry.removeprefix("branch refs/heads/") for entry in marks)

    def message(self, commit: str) -> str:
        """What a commit says."""
        return self._said(("log", "-1", "--format=%B", commit, "--")).decode("utf-8", "replace")

    def parent(self, commit: str) -> str:
        """The first parent of a commit; "" for a first one, or where there are several."""
        parents = self._line(("log", "-1", "--format=%P", commit, "--"), empty=True).split()
        return parents[0] if len(parents) == 1 else ""

    def is_in(self, older: str, newer: str) -> bool:
        """True when one commit is the other, or an ancestor of it."""
        return not self._said(("rev-list", "--max-count=1", older, f"^{newer}", "--"))

    def turned(self, before: str, after: str) -> Mapping[str, tuple[str, str]]:
        """Blobs before and after of each path in which two commits differ."""
        said = self._said(("diff-tree", "-r", "--raw", "--no-renames", "-z", "--no-ext-diff", before, after, "--"))
        parts = said.decode("utf-8", "surrogateescape").split("\0")
        heads = (head.split() for head in parts[0:-1:2])
        return {path: (head[2], head[3]) for head, path in zip(heads, parts[1::2], strict=False)}

    def files(self, commit: str, under: str, suffixes: tuple[str, ...]) -> list[TreeFile]:
        """Plain files of a commit in a folder ("" for all), hidden folders left out.

        Raises:
            BoundExceededError: more than `MAX_TREE_ENTRIES`, or larger than is read.
        """
        found: list[TreeFile] = []
        left = MAX_ALL_BYTES
        where = [under] if under else []
        said = self._said(("ls-tree", "-r", "-l", "-z", "--full-tree", commit, "--", *where))
        for count, entry in enumerate(said.decode("utf-8", "surrogateescape").split("\0")[:-1]):
            if count == MAX_TREE_ENTRIES:
                raise BoundExceededError("MAX_TREE_ENTRIES", MAX_TREE_ENTRIES, where=str(self.folder))
            head, _, path = entry.partition("\t")
            mode, _, blob, size = head.split()
            hidden = any(part.startswith(".") for part in path.split("/")[:-1])
            if mode not in _PLAIN or hidden or not path.endswith(suffixes):
                continue
            left -= int(size)
            if int(size) > MAX_FILE_BYTES or left < 0:
                raise BoundExceededError("MAX_FILE_BYTES", MAX_FILE_BYTES, where=path)
            found.append(TreeFile(path=path, mode=mode, blob=blob, size=int(size)))
        return found

    def contents(self, files: Sequence[TreeFile]) -> Iterator[tuple[str, bytes]]:
        """Files with their content, in their order.

        Raises:
            InvalidInputError: one is missing.
        """
        batch = ("cat-file", "--batch", "--buffer")
        names = (f"{file.blob}\n".encode() for file in files)
        with _input(*names) as asked, git_output(self.folder, batch, stdin=asked) as output:
            for file in files:
                head = output.readline(_MAX_LINE).decode("ascii", "replace").split()
                if head != [file.blob, "blob", str(file.size)]:
                    raise InvalidInputError("a file of git is missing", where=file.path)
                yield file.path, output.read(file.size)
                output.read(1)

    def write(self, content: bytes) -> str:
        """Stores content, and returns its name."""
        return self._line(("hash-object", "-w", "--no-filters", "--stdin"), content)

    def commit(self, base: str, files: Sequence[TreeFile], message: str, *, author: Author, at: datetime) -> str:
        """Makes a commit upon another in which some files are others; returns its name.

        Raises:
            InvalidInputError: git cannot make it, or not sign it.
        """
        moment = f"{int(at.timestamp())} +0000"
        with tempfile.TemporaryDirectory(prefix="tidegate-index-") as folder:
            own = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            self._said(("read-tree", base), environment=own)
            entries = b"".join(
                f"{file.mode} {file.blob}\t{file.path}\0".encode("utf-8", "surrogateescape") for file in files
            )
            self._said(("update-index", "-z", "--index-info"), entries, environment=own)
            tree = self._line(("write-tree",), environment=own)
        settings = [f"user.name={author.name}", f"user.email={author.address}", "i18n.commitEncoding=UTF-8"]
        sign: tuple[str, ...] = ()
        if author.signing_key is not None:
            # A repository may name a program of its own here; the key's is the system's.
            settings += ["gpg.format=ssh", "gpg.ssh.program=ssh-keygen", f"user.signingKey={author.signing_key}"]
            sign = ("-S",)
        dates = {"GIT_AUTHOR_DATE": moment, "GIT_COMMITTER_DATE": moment}
        made = ("commit-tree", *sign, "-p", base, "-F", "-", tree)
        return self._line(made, message.encode(), settings=settings, environment=dates)

    def point(self, branch: str, commit: str, *, before: str) -> None:
        """Points a branch to a commit, if it is where it was; `before` is "" for a new one, `commit` to remove it.

        Raises:
            RefusedError: it was moved meanwhile.
        """
        none = "0" * len(commit or before)
        name = f"refs/heads/{branch}"
        what = ("-m", "tidegate update", name, commit, before or none) if commit else ("-d", name, before)
        try:
            self._said(("update-ref", *what))
        except InvalidInputError as error:
            raise RefusedError("the branch was moved meanwhile", where=branch, remedy="run it again") from error

    def _line(
        self,
        arguments: Sequence[str],
        given: bytes = b"",
        *,
        settings: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        empty: bool = False,
    ) -> str:
        said = self._said(arguments, given, settings=settings, environment=environment)
        line = said.decode("utf-8", "surrogateescape").strip("\n")
        if (not line and not empty) or "\n" in line:
            raise InvalidInputError("git said something else than was asked", where=str(self.folder))
        return line

    def _said(
        self,
        arguments: Sequence[str],
        given: bytes = b"",
        *,
        settings: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> bytes:
        with (
            _input(given) as asked,
            git_output(self.folder, arguments, stdin=asked, settings=settings, environment=environment) as output,
        ):
            return read_bounded(output, max_bytes=_MAX_SAID, what=f"what git says of {self.folder}")


@contextmanager
def _input(*pieces: bytes) -> Iterator[IO[bytes]]:
    with tempfile.TemporaryFile() as file:
        file.writelines(pieces)
        file.seek(0)
        yield file
