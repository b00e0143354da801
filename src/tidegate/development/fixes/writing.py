# SPDX-License-Identifier: Apache-2.0
"""Puts a mended file back: whole or not at all, never through a symbolic link, never over uncommitted work."""

import difflib
import os
import secrets
import stat
from pathlib import Path, PurePosixPath
from typing import Final

from tidegate.errors import InvalidInputError, OutsideError, RefusedError
from tidegate.scan.git_program import git_output

_MAX_STATUS_BYTES: Final = 64 * 1024


def unified_diff(path: str, before: bytes, after: bytes) -> str:
    """What would be changed, as `patch -p1` and `git apply` take it; "" for nothing."""
    if before == after:
        return ""
    # Only a line feed ends a line: a file's carriage returns are part of what stays as it is.
    old, new = (it.decode("utf-8", "replace").split("\n") for it in (before, after))
    lines = difflib.unified_diff(_ended(old), _ended(new), f"a/{path}", f"b/{path}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _ended(lines: list[str]) -> list[str]:
    *ended, last = lines
    return [f"{line}\n" for line in ended] + ([last] if last else [])


def has_uncommitted(root: Path, path: str) -> bool:
    """True for a file with changes that git does not hold, so that an edit of it could not be told from them.

    False outside of a repository, where nothing can be asked.

    Raises:
        OutsideError: there is no git program.
    """
    asked = ["status", "--porcelain", "--ignored", "--untracked-files=all", "--", f":(literal){path}"]
    try:
        with git_output(root, asked) as output:
            return bool(output.read(_MAX_STATUS_BYTES).strip())
    except InvalidInputError:
        return False


def write_mended(root: Path, path: str, before: bytes, after: bytes, *, force: bool = False) -> None:
    """Replaces a file below a folder, keeping its mode.

    Args:
        root: the folder.
        path: relative to it, in POSIX form.
        before: what was read and mended: a file that says something else by now is not touched.
        after: what it is to say.
        force: also where git holds no copy of what is there.

    Raises:
        RefusedError: it has uncommitted changes, and `force` was not given.
        InvalidInputError: the path leads out of the folder, or through a symbolic link.
        OutsideError: it changed meanwhile, or cannot be written.
    """
    if not force and has_uncommitted(root, path):
        raise RefusedError("has changes that are not committed", where=path, remedy="commit them, or say --force")
    *folders, name = PurePosixPath(path).parts or ("",)
    if not name or name == ".." or PurePosixPath(path).is_absolute() or ".." in folders:
        raise InvalidInputError("leads out of the folder", where=path)
    try:
        folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for part in folders:
                inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
                os.close(folder)
                folder = inner
            _replace(folder, name, path, before, after)
        finally:
            os.close(folder)
    except OSError as error:
        raise OutsideError(f"cannot be written: {error.strerror}", where=path) from error


def _replace(folder: int, name: str, path: str, before: bytes, after: bytes) -> None:
    file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    with os.fdopen(file, "rb") as opened:
        status = os.fstat(opened.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise InvalidInputError("is no regular file", where=path)
        if opened.read(len(before) + 1) != before:
            raise OutsideError("changed while it was looked at", where=path, remedy="run it again")
    scratch = f".{name}.{secrets.token_hex(8)}"
    made = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
    try:
        with os.fdopen(made, "wb") as target:
            target.write(after)
            target.flush()
            os.fchmod(target.fileno(), stat.S_IMODE(status.st_mode))
            os.fsync(target.fileno())
        os.replace(scratch, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        os.unlink(scratch, dir_fd=folder)
        raise
    os.fsync(folder)
