# SPDX-License-Identifier: Apache-2.0
"""Strings of compiled Python, as the interpreter's own compiler writes them."""

import marshal
import random
import string

import pytest

from tidegate.scan.secrets.compiled_python import strings_near

NOISE = random.Random(11)
ALPHABET = string.ascii_letters + string.digits
STRINGS = ["".join(NOISE.choices(ALPHABET, k=size)) for size in (*range(6, 130), 255, 256, 300, 5_000)]


@pytest.fixture(scope="module")
def compiled() -> bytes:
    """A module of a function for each string, so that they lie among code."""
    source = "\n".join(f"def f{at}(a, b):\n    return a + b + {text!r}\n" for at, text in enumerate(STRINGS))
    return marshal.dumps(compile(source, "module.py", "exec"))


@pytest.mark.parametrize("text", STRINGS, ids=len)
def test_a_string_is_found_by_any_place_in_it_and_stands_alone(compiled: bytes, text: str) -> None:
    start = compiled.index(text.encode())
    for place in (start, start + len(text) // 2, start + len(text) - 1):
        assert text.encode() in strings_near(compiled, [place]).split(b"\n")


def test_strings_far_away_are_left_out(compiled: bytes) -> None:
    near = strings_near(compiled, [compiled.index(STRINGS[0].encode())])
    assert STRINGS[60].encode() not in near
    assert strings_near(compiled, []) == b""


def test_places_near_each_other_tell_a_string_once(compiled: bytes) -> None:
    start = compiled.index(STRINGS[-1].encode())
    found = strings_near(compiled, range(start, start + 5_000, 7)).split(b"\n")
    assert found.count(STRINGS[-1].encode()) == 1
