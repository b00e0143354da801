# SPDX-License-Identifier: Apache-2.0
"""Secrets in the history of a git repository: every version of every file once, told at the commit that first had it.

The repository is hostile, and read as `tidegate.scan.git_program` reads one.
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Final, Protocol

from tidegate.bounds import KIB, MIB
from tidegate.errors import BoundExceededError
from tidegate.inventory import SecretFact
from tidegate.scan.git_program import git_output
from tidegate.values import Struct, replace

PLACE: Final = "git"
"""`SecretFact.place` of what is found here."""

_LOG: Final = (
    "log", "--all", "--reverse", "--topo-order", "--root", "--raw", "--no-abbrev", "--no-renames", "--no-ext-diff",
    "--no-textconv", "-c", "--no-show-signature", "--ignore-submodules=all", "--format=%x01%H%x09%an <%ae>",
)  # fmt: skip
_BLOB_MODES: Final = frozenset({b"100644", b"100755", b"100664"})
_MAX_LINE: Final = 64 * KIB
_BATCH_BYTES: Final = 4 * MIB


class HistoryLimits(Struct, frozen=True, kw_only=True):
    """What a history may cost; over one of these is a `BoundExceededError` that names it.

    Attributes:
        max_blobs: different versions of files.
        max_bytes: all of them together.
        max_secrets: different ones.
        max_blob_bytes: of a larger version only the beginning is looked at.
    """

    max_blobs: int = 5_000_000
    max_bytes: int = 256 * 1024 * MIB
    max_secrets: int = 100_000
    max_blob_bytes: int = 8 * MIB


class Origin(Struct, frozen=True, kw_only=True):
    """The commit that first had a version of a file."""

    commit: str
    author: str
    path: str


class BatchScanner(Protocol):
    """What looks for secrets in texts."""

    def scan_batch(self, files: Sequence[tuple[str, bytes | memoryview]]) -> list[SecretFact]:
        """Looks through texts, given as path and content."""
        ...


def secrets_in_history(folder: Path, scanner: BatchScanner, limits: HistoryLimits | None = None) -> list[SecretFact]:
    """The secrets in all commits that a branch, a tag or the stash leads to; each once a path, at its first commit.

    Args:
        folder: a working tree or a bare repository.
        scanner: looks for secrets.
        limits: what the history may cost; None for the defaults.

    Raises:
        BoundExceededError: the history is over one of the limits.
        InvalidInputError: this is no git repository, or one that git cannot read.
        OutsideError: there is no git program.
    """
    limits = limits or HistoryLimits()
    origins = _origins(folder, limits)
    found: dict[tuple[str, str, tuple[str, ...]], SecretFact] = {}
    batch: list[tuple[str, bytes | memoryview]] = []
    size = 0
    for blob, content in _contents(folder, origins, limits):
        batch.append((f"{origins[blob].path}\0{blob}", content))
        size += len(content)
        if size > _BATCH_BYTES:
            _take(found, scanner.scan_batch(batch), origins, limits)
            batch, size = [], 0
    _take(found, scanner.scan_batch(batch), origins, limits)
    return list(found.values())


def is_repository(folder: Path) -> bool:
    """True for a working tree of git, or a bare repository."""
    return (folder / ".git").exists() or ((folder / "HEAD").is_file() and (folder / "objects").is_dir())


def _take(
    found: dict[tuple[str, str, tuple[str, ...]], SecretFact],
    facts: Sequence[SecretFact],
    origins: dict[str, Origin],
    limits: HistoryLimits,
) -> None:
    for fact in facts:
        origin = origins[fact.path.rpartition("\0")[2]]
        told = replace(fact, path=origin.path, place=PLACE, commit=origin.commit, author=origin.author)
        found.setdefault((told.fingerprint, told.path, told.decoded), told)
    if len(found) > limits.max_secrets:
        raise BoundExceededError("max_secrets", limits.max_secrets, where="git history")


def _origins(folder: Path, limits: HistoryLimits) -> dict[str, Origin]:
    """Every version of every file, by its blob, oldest commit first."""
    origins: dict[str, Origin] = {}
    commit = author = ""
    with git_output(folder, _LOG) as output:
        while line := output.readline(_MAX_LINE):
            if line.startswith(b"\x01"):
                commit, _, author = line[1:].decode("utf-8", "replace").rstrip("\n").partition("\t")
            elif line.startswith(b":"):
                _note(origins, line, commit, author)
                if len(origins) > limits.max_blobs:
                    raise BoundExceededError("max_blobs", limits.max_blobs, where=str(folder))
    return origins


def _note(origins: dict[str, Origin], line: bytes, commit: str, author: str) -> None:
    """A raw line: a colon a parent, modes, blobs, status, and the path behind a tab (git-diff-tree, "raw output")."""
    head, _, path = line.rstrip(b"\n").partition(b"\t")
    parents = len(head) - len(head.lstrip(b":"))
    fields = head[parents:].split()
    if len(fields) < 2 * parents + 2 or fields[parents] not in _BLOB_MODES:
        return
    blob = fields[2 * parents + 1].decode()
    if blob.strip("0") and blob not in origins:
        origins[blob] = Origin(commit=commit, author=author, path=path.decode("utf-8", "surrogateescape"))


def _contents(folder: Path, origins: dict[str, Origin], limits: HistoryLimits) -> Iterator[tuple[str, bytes]]:
    left = limits.max_bytes
    with tempfile.TemporaryFile() as asked:
        asked.writelines(f"{blob}\n".encode() for blob in origins)
        asked.seek(0)
        with git_output(folder, ("cat-file", "--batch", "--buffer"), stdin=asked) as output:
            while header := output.readline(_MAX_LINE):
                blob, *rest = header.split()
                if len(rest) != 2 or not rest[1].isdigit():  # noqa: PLR2004 - type and size; else it is missing
                    continue
                size = int(rest[1])
                left -= size
                if left < 0:
                    raise BoundExceededError("max_bytes", limits.max_bytes, where=str(folder))
                content = output.read(min(size, limits.max_blob_bytes))
                _pass_over(output, size - len(content) + 1)
                if content:
                    yield blob.decode(), content


def _pass_over(output: IO[bytes], size: int) -> None:
    while size > 0 and (piece := output.read(min(size, MIB))):
        size -= len(piece)
