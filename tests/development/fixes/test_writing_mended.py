# SPDX-License-Identifier: Apache-2.0
"""A mended file is put back whole or not at all, below its folder, and never over work that is not committed."""

import os
import subprocess
from pathlib import Path

import pytest

from tidegate.development.fixes.writing import has_uncommitted, unified_diff, write_mended
from tidegate.errors import InvalidInputError, OutsideError, RefusedError


def _git(folder: Path, *words: str) -> None:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(folder), *words]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "file").write_bytes(b"before")
    (tmp_path / "sub" / "file").chmod(0o750)
    return tmp_path


def test_the_file_is_replaced_and_keeps_its_mode(folder: Path) -> None:
    write_mended(folder, "sub/file", b"before", b"after")
    assert (folder / "sub" / "file").read_bytes() == b"after"
    assert (folder / "sub" / "file").stat().st_mode & 0o777 == 0o750
    assert [it.name for it in (folder / "sub").iterdir()] == ["file"]


def test_a_file_that_changed_meanwhile_is_not_touched(folder: Path) -> None:
    with pytest.raises(OutsideError, match="changed while"):
        write_mended(folder, "sub/file", b"something else", b"after")
    assert (folder / "sub" / "file").read_bytes() == b"before"


@pytest.mark.parametrize("path", ["../file", "/etc/passwd", "sub/../../file", "", ".."])
def test_nothing_outside_is_written(folder: Path, path: str) -> None:
    with pytest.raises(InvalidInputError, match="out of the folder"):
        write_mended(folder / "sub", path, b"before", b"after", force=True)


@pytest.mark.parametrize("path", ["link/file", "sub/link"])
def test_symbolic_links_are_not_followed(folder: Path, path: str) -> None:
    (folder / "link").symlink_to("sub")
    (folder / "sub" / "link").symlink_to("file")
    with pytest.raises(OutsideError):
        write_mended(folder, path, b"before", b"after")
    assert (folder / "sub" / "file").read_bytes() == b"before"


def test_pipes_are_no_files_and_hang_nobody(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(InvalidInputError, match="no regular file"):
        write_mended(folder, "pipe", b"", b"after")


def test_uncommitted_work_is_left_alone_unless_told(folder: Path) -> None:
    assert not has_uncommitted(folder, "sub/file"), "no repository, nobody to ask"
    _git(folder, "init", "-q")
    with pytest.raises(RefusedError, match="not committed; commit them, or say --force"):
        write_mended(folder, "sub/file", b"before", b"after")
    _git(folder, "add", ".")
    _git(folder, "commit", "-qm", "a")
    write_mended(folder, "sub/file", b"before", b"after")
    with pytest.raises(RefusedError):
        write_mended(folder, "sub/file", b"after", b"again")
    write_mended(folder, "sub/file", b"after", b"again", force=True)
    assert (folder / "sub" / "file").read_bytes() == b"again"


@pytest.mark.parametrize(
    ("before", "after"),
    [(b"a\nb\nc\n", b"a\nx\nc\n"), (b"a\r\nb\r\n", b"a\r\nx\r\n"), (b"a\nb", b"a\nb\nc"), (b"a\n", b"a"), (b"a", b"b")],
)
def test_git_applies_the_diff_that_is_shown(folder: Path, before: bytes, after: bytes) -> None:
    (folder / "sub" / "file").write_bytes(before)
    diff = unified_diff("sub/file", before, after).encode()
    subprocess.run(["git", "apply", "-"], cwd=folder, input=diff, check=True, capture_output=True)
    assert (folder / "sub" / "file").read_bytes() == after
    assert unified_diff("sub/file", after, after) == ""
