# SPDX-License-Identifier: Apache-2.0
"""Globs as doublestar understands them: the words that people bring along from Trivy and Syft."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.inventory.path_pattern import path_pattern
from tidegate.scan.passing_over import PassedOver


@pytest.mark.parametrize(
    ("glob", "fitting", "others"),
    [
        ("usr/share/doc", ["usr/share/doc"], ["usr/share/doc/x", "a/usr/share/doc", "usr/share/docs"]),
        ("/usr/share/doc", ["usr/share/doc"], ["usr/share"]),
        ("./out/*", ["out/a", "out/.a"], ["out", "out/a/b"]),
        (
            "**/node_modules",
            ["node_modules", "a/node_modules", "a/b/node_modules"],
            ["a/node_modules2", "xnode_modules"],
        ),
        ("out/**", ["out", "out/a", "out/a/b"], ["outer", "a/out"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["ab", "a/xb"]),
        ("**", ["a", "a/b"], []),
        ("**/*.md", ["a.md", "x/a.md"], ["a.mdx"]),
        ("a?c", ["abc"], ["ac", "a/c", "abbc"]),
        ("[a-c]x", ["ax", "cx"], ["dx", "x"]),
        ("[!a-c]x", ["dx"], ["ax", "/x"]),
        ("*.{js,css}", ["a.js", "a.css"], ["a.jsx", "a.{js,css}"]),
        ("a.{b", ["a.{b"], ["a.b"]),
        (r"a\*", ["a*"], ["ab"]),
        ("a,b", ["a,b"], ["a"]),
        ("[z-a]", [], ["z", "a", "m"]),
        ("**.md", ["a.md"], ["x/a.md"]),
    ],
)
def test_a_glob_fits_whole_paths(glob: str, fitting: list[str], others: list[str]) -> None:
    pattern = path_pattern(glob)
    assert [path for path in (*fitting, *others) if pattern.fullmatch(path)] == fitting


@given(glob=st.text(alphabet="ab*?[]{}!-^\\/,.|&~()$", max_size=30), path=st.text(alphabet="ab/.", max_size=20))
def test_every_text_is_a_glob(glob: str, path: str) -> None:
    path_pattern(glob).fullmatch(path)


@given(name=st.text(max_size=20))
def test_a_name_without_signs_is_itself(name: str) -> None:
    plain = re.sub(r"[*?\[\]{}\\]", "", name).removeprefix("./").lstrip("/")
    assert path_pattern(plain).fullmatch(plain)


def test_a_folder_takes_all_below_it_along() -> None:
    over = PassedOver(folders=("**/node_modules", "usr/share"), files=("**/*.md",))
    assert over.has("a/node_modules/b/c.js")
    assert over.has("usr/share/x/y")
    assert over.has_folder("usr/share/x/y")
    assert over.has("README.md")
    assert not over.has_folder("README.md")
    assert not over.has("usr/bin/x")
    assert not over.has("usr/share")  # a file of that name
    assert not PassedOver()
