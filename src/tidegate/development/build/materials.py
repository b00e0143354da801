# SPDX-License-Identifier: Apache-2.0
"""What goes into a build: the commit, the Dockerfile, the lock files, the whole context."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tidegate.artifact import Digest
from tidegate.development.git.repository import Repository
from tidegate.errors import BoundExceededError, InvalidInputError, NotFoundError, OutsideError
from tidegate.values import Struct

MAX_FILES: Final = 500_000
MAX_LOCK_FILES: Final = 1000
_LOCKS: Final = (
    "Cargo.lock", "Gemfile.lock", "Pipfile.lock", "bun.lock", "composer.lock", "conan.lock", "deno.lock", "go.mod",
    "go.sum", "gradle.lockfile", "mix.lock", "npm-shrinkwrap.json", "package-lock.json", "packages.lock.json",
    "pdm.lock", "pnpm-lock.yaml", "poetry.lock", "pubspec.lock", "pylock.toml", "requirements.txt", "uv.lock",
    "yarn.lock",
)  # fmt: skip
_PASSED_OVER: Final = frozenset({".git", ".hg", ".svn"})
_CHUNK: Final = 1 << 20


class Commit(Struct, frozen=True, kw_only=True):
    """What was checked out.

    Attributes:
        repository: URL without credentials; a `file:` one when there is no remote.
        changed: files that are not as in the commit; at most 1000 are counted.
        made_at: seconds since 1970.
    """

    repository: str
    commit: str
    changed: int
    made_at: int


class FileDigest(Struct, frozen=True, kw_only=True):
    """One file that went in; `path` from the context's folder on."""

    path: str
    sha256: str


class Materials(Struct, frozen=True, kw_only=True):
    """What goes in beside the bases.

    Attributes:
        commit: None where there is no git repository.
        locks: files that pin dependencies.
        context: over the path, mode and sha256 of every file of the context, without version control's own.
    """

    commit: Commit | None
    dockerfile: FileDigest
    locks: tuple[FileDigest, ...]
    context: Digest


def materials_of(context: Path, dockerfile: Path) -> Materials:
    """Reads what goes in.

    Raises:
        BoundExceededError: over `MAX_FILES`.
        OutsideError: a file cannot be read.
    """
    whole = hashlib.sha256()
    locks: list[FileDigest] = []
    try:
        for path in _files(context):
            name = path.relative_to(context).as_posix()
            mode = path.lstat().st_mode
            digest = (
                _sha256(path) if not path.is_symlink() else hashlib.sha256(os.fsencode(path.readlink())).hexdigest()
            )
            whole.update(f"{name}\0{mode & 0o170111:o}\0{digest}\n".encode("utf-8", "surrogateescape"))
            if path.name in _LOCKS and len(locks) < MAX_LOCK_FILES:
                locks.append(FileDigest(path=name, sha256=digest))
        told = os.path.relpath(dockerfile, context)
        of_file = FileDigest(path=Path(told).as_posix(), sha256=_sha256(dockerfile))
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror}", where=str(error.filename or context)) from error
    return Materials(
        commit=_commit(context),
        dockerfile=of_file,
        locks=tuple(locks),
        context=Digest(f"sha256:{whole.hexdigest()}"),
    )


def _commit(context: Path) -> Commit | None:
    """The commit a folder was checked out from, also when it is a folder further down."""
    for folder in (context.resolve(), *context.resolve().parents):
        if not (folder / ".git").exists():
            continue
        try:
            repository = Repository(folder)
            name = repository.resolve("HEAD")
            (found,) = repository.commits([name])
            changed = len(repository.changes())
        except (NotFoundError, InvalidInputError):
            return None
        address = repository.address or folder.as_uri()
        return Commit(repository=address, commit=name, changed=changed, made_at=found.committer.at)
    return None


def _files(context: Path) -> Iterator[Path]:
    count = 0
    for folder, below, names in os.walk(context, onerror=_raise):
        below[:] = sorted(set(below) - _PASSED_OVER)
        links = [name for name in below if Path(folder, name).is_symlink()]
        for name in sorted([*names, *links]):
            path = Path(folder, name)
            if path.is_symlink() or path.is_file():
                count += 1
                if count > MAX_FILES:
                    raise BoundExceededError("MAX_FILES", MAX_FILES, where=str(context), remedy="name a smaller folder")
                yield path


def _raise(error: OSError) -> None:
    raise error


def _sha256(path: Path) -> str:
    hashed = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            hashed.update(chunk)
    return hashed.hexdigest()
