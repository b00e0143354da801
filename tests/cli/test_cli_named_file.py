# SPDX-License-Identifier: Apache-2.0
"""Files that a caller names: read whole, refused over their bound, and said plainly when missing."""

import os
from pathlib import Path

import pytest

from tidegate.cli.named_file import read_named_file
from tidegate.errors import BoundExceededError, NotFoundError, OutsideError


def test_read_to_its_end_up_to_the_bound_and_no_further(tmp_path: Path) -> None:
    file = tmp_path / "said.json"
    file.write_bytes(b"x" * 100)

    assert read_named_file(file, max_bytes=100) == b"x" * 100
    with pytest.raises(BoundExceededError, match=r"said\.json"):
        read_named_file(file, max_bytes=99)


def test_an_endless_file_ends_at_the_bound() -> None:
    with pytest.raises(BoundExceededError):
        read_named_file(Path(os.devnull).with_name("zero"), max_bytes=1000)


def test_missing_or_a_folder_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="check the path"):
        read_named_file(tmp_path / "none", max_bytes=1)
    with pytest.raises(OutsideError, match="directory"):
        read_named_file(tmp_path, max_bytes=1)
