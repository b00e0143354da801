# SPDX-License-Identifier: Apache-2.0
"""Lock files that are empty, cut, of wrong types at every place, or nested without end: only named errors come out."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.errors import InvalidInputError
from tidegate.inventory import FileFacts
from tidegate.scan.cataloger import ImageFile, PartialError
from tidegate.scan.catalogers.locked.form import LockedForm
from tidegate.scan.catalogers.locked.roster import LOCKED
from tidegate.scan.dispatch import Dispatch
from tidegate.wire import from_msgpack, to_msgpack

SAMPLES = Path(__file__).parent / "samples"
FILES = sorted(
    path.relative_to(SAMPLES).as_posix()
    for path in SAMPLES.rglob("*")
    if path.is_file() and path.name not in {"expected.txt", "go.sum", "package.json", "parent-pom.xml"}
)
JSON_FILES = [name for name in FILES if (SAMPLES / name).read_bytes().startswith(b"{\n") and "bun" not in name]
TOKENS = re.compile(rb'"[^"\n]*"|[A-Za-z0-9_.-]+|[\[\]{}()<>:=,]|\n')
WRONG = [None, True, 7, -1.5, "", "x y", "a\x1bb", "v" * 600, [], {}, [1, {}], {"a": {"b": 1}}]
REPLACED = [
    b"",
    b"7",
    b"[]",
    b"{}",
    b'"x y"',
    b'"\\u001b"',
    b"null",
    b"<",
    b"&x;",
    b"${a}",
    b"*a",
    b"\n",
    b"\xff",
    b"::",
    b"=",
]
NESTED = [
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"packages":' * 50_000,
    b'{"packages":{"node_modules/a":{"version":"1","license":' + b"[" * 100_000,
    b'{"lockfileVersion":1,"dependencies":' + b'{"a":{"version":"1","dependencies":' * 50_000,
    b'{"lockfileVersion":1,"dependencies":' + b'{"a":{"version":"1","dependencies":' * 300 + b"{}" + b"}}" * 300 + b"}",
    b"- " * 100_000,
    b"{a: " * 50_000,
    b"? " * 100_000,
    b"a: &a [*a]\n",
    b"a: &a {b: *a}\n",
    b"a = " + b"[" * 100_000,
    b"a = " + b"{a=" * 100_000,
    b"[" + b"a." * 100_000 + b"a]",
    b"a." * 100_000 + b"a = 1",
    b"a = {" + b"b." * 100_000 + b"c = 1}",
    b"'b'." * 100_000 + b"c = 1",
    b"/*" * 500_000,
    b'"\\' * 500_000,
    b'provider "a/b" {' + b" " * 1_000_000,
    b"<project>" + b"<a>" * 100_000,
    b'<!DOCTYPE a [<!ENTITY b "c">]><project>&b;</project>',
    (
        b"<project><properties><a>${b}${b}</a><b>${a}${a}</b></properties><dependencies><dependency>"
        b"<groupId>g</groupId><artifactId>a</artifactId><version>${a}</version></dependency></dependencies></project>"
    ),
    b"module a\nrequire (" + b"(" * 100_000,
    b"%{" * 50_000,
    b'"' * 100_001,
    b"\\\n" * 100_000,
    b"\x00" * 1000,
    b"\xff\xfe" + b"a=" * 1000,
]


def form_of(name: str) -> tuple[LockedForm, str]:
    path = name.partition("/")[2]
    (form,) = Dispatch(LOCKED).takers(path.encode())
    assert isinstance(form, LockedForm)
    return form, path


def tried(form: LockedForm, path: str, content: bytes) -> FileFacts | str:
    """What comes out; anything but the named errors fails the test."""
    try:
        facts = form.catalog(ImageFile(path=path, content=content))
    except PartialError as error:
        facts, said = error.facts, error.reason
    except InvalidInputError as error:
        return printed(str(error))
    else:
        said = ""
    printed(said)
    assert from_msgpack(to_msgpack(facts), FileFacts, what="facts") == facts
    for package in facts.packages:
        assert package.name.isprintable()
        assert package.version.isprintable()
        assert package.version
        assert package.deprecated.isprintable()
        assert all(text.isprintable() for _, text in package.qualifiers)
    return facts


def printed(text: str) -> str:
    assert text.isprintable()
    return text


@pytest.mark.parametrize("name", FILES)
def test_an_empty_or_a_cut_file_is_told_or_gives_less(name: str) -> None:
    form, path = form_of(name)
    content = (SAMPLES / name).read_bytes()
    whole = tried(form, path, content)
    assert isinstance(whole, FileFacts)
    for cut in {0, 1, len(content) // 4, len(content) // 2, len(content) - 2}:
        part = tried(form, path, content[:cut])
        assert isinstance(part, str) or len(part.packages) <= len(whole.packages)


@pytest.mark.parametrize("name", JSON_FILES)
def test_a_wrong_type_at_any_place_of_json_costs_no_more_than_the_file(name: str) -> None:
    form, path = form_of(name)
    document = json.loads((SAMPLES / name).read_text())
    for changed in variants(document):
        tried(form, path, json.dumps(changed).encode())


def variants(document: Any) -> Iterator[Any]:
    """The document with one value after another replaced, at most two hundred places."""
    for place in list(places(document))[:200]:
        for wrong in WRONG:
            copy = json.loads(json.dumps(document))
            holder = copy
            for key in place[:-1]:
                holder = holder[key]
            holder[place[-1]] = wrong
            yield copy


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


@pytest.mark.property
@pytest.mark.parametrize("name", FILES)
def test_a_file_with_some_words_replaced_gives_nothing_but_named_errors(name: str) -> None:
    form, path = form_of(name)
    content = (SAMPLES / name).read_bytes()
    spans = [found.span() for found in TOKENS.finditer(content)]
    change = st.tuples(st.integers(0, len(spans) - 1), st.sampled_from(REPLACED) | st.binary(max_size=8))

    @settings(max_examples=60, deadline=None, database=None)
    @given(st.lists(change, min_size=1, max_size=4), st.integers(0, len(content)))
    def whatever_comes(changes: list[tuple[int, bytes]], end: int) -> None:
        changed = content
        for index, other in sorted(changes, reverse=True):
            start, stop = spans[index]
            changed = changed[:start] + other + changed[stop:]
        assert tried(form, path, changed) == tried(form, path, changed)
        tried(form, path, content[:end])

    whatever_comes()


@pytest.mark.parametrize("name", FILES)
def test_nesting_without_end_is_an_error_and_not_the_end(name: str) -> None:
    form, path = form_of(name)
    for content in NESTED:
        tried(form, path, content)


def test_more_packages_than_the_bound_are_refused() -> None:
    lines = b"".join(b"a%d==1.0\n" % number for number in range(100_001))
    form, path = form_of("requirements/requirements.txt")
    assert tried(form, path, lines) == f"{path}: over the limit MAX_PACKAGES = 100000"
