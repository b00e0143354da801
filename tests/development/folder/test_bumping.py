# SPDX-License-Identifier: Apache-2.0
"""The command that locks a version that mends, whoever wrote the names."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.development.folder.bumping import bump_command, is_other_major


@pytest.mark.parametrize(
    ("location", "is_direct", "command"),
    [
        ("package-lock.json", True, "npm install brook@1.2.4"),
        ("package-lock.json", False, "npm update brook"),
        ("web/package-lock.json", True, "(cd -- web && npm install brook@1.2.4)"),
        ("a b/uv.lock", True, "(cd -- 'a b' && uv lock --upgrade-package brook==1.2.4)"),
        ("Cargo.lock", False, "cargo update -p brook@1.2.3 --precise 1.2.4"),
        ("go.mod", True, "go get brook@v1.2.4"),
        ("poetry.lock", True, "poetry add 'brook@>=1.2.4'"),
        ("composer.lock", True, "composer update brook --with 'brook:>=1.2.4'"),
        ("Gemfile.lock", True, "bundle update brook --conservative"),
        ("pnpm-lock.yaml", True, "pnpm update brook@1.2.4"),
        ("yarn.lock", True, "yarn up brook@1.2.4"),
        ("requirements.txt", True, ""),
    ],
)
def test_the_command_of_the_lock_files_tool(location: str, is_direct: bool, command: str) -> None:
    assert bump_command(location, name="brook", version="1.2.3", to="1.2.4", is_direct=is_direct) == command


@pytest.mark.parametrize("name", ["-g", "--prefix=/", "a b", "a;b", "$(id)", "a\nb", ""])
def test_what_is_no_name_makes_no_command(name: str) -> None:
    assert bump_command("go.mod", name=name, version="1", to="2", is_direct=True) == ""
    assert bump_command("go.mod", name="a", version="1", to=name, is_direct=True) == ""


@given(st.text(), st.text())
def test_hostile_folders_stay_one_word(folder: str, name: str) -> None:
    command = bump_command(f"x{folder.replace('/', '')}/go.mod", name=name, version="1", to="2", is_direct=True)
    if command:
        words = shlex.split(command)
        assert words[:2] == ["(cd", "--"]
        assert words[3:6] == ["&&", "go", "get"]


@pytest.mark.parametrize(
    ("version", "to", "is_other"),
    [("1.2", "1.3", False), ("1.9", "2.0", True), ("0.1.2", "0.1.3", False), ("0.1", "0.2", True), ("x", "1", True)],
)
def test_another_major_version_is_told(version: str, to: str, is_other: bool) -> None:
    assert is_other_major(version, to) is is_other
