# SPDX-License-Identifier: Apache-2.0
"""Who asks for a component, from lock files as their tools write them."""

import json
from collections.abc import Mapping

import pytest

from tidegate.development.folder.brought_by import asked_in

NPM = json.dumps(
    {
        "lockfileVersion": 3,
        "packages": {
            "": {"dependencies": {"express": "4"}, "devDependencies": {"@a/lint": "1"}},
            "node_modules/express": {"version": "4", "dependencies": {"body-parser": "1"}},
            "node_modules/body-parser": {"version": "1", "dependencies": {"qs": "6", "express": "4"}},
            "node_modules/body-parser/node_modules/qs": {"version": "6"},
            "node_modules/@a/lint": {"version": "1"},
        },
    }
)
CARGO = """
[[package]]
name = "app"
version = "0.1.0"
dependencies = ["serde"]

[[package]]
name = "serde"
version = "1.0.0"
source = "registry+x"
dependencies = ["serde_derive 1.0.0"]

[[package]]
name = "serde_derive"
version = "1.0.0"
source = "registry+x"
"""
UV = """
[[package]]
name = "app"
version = "0"
source = { virtual = "." }
dependencies = [{ name = "httpx" }]

[[package]]
name = "httpx"
version = "1"
source = { registry = "x" }
dependencies = [{ name = "idna" }]
"""
POETRY = """
[[package]]
name = "httpx"
version = "1"

[package.dependencies]
IDNA = ">=1"
"""
PYPROJECT = '[tool.poetry.dependencies]\npython = "^3"\nhttpx = "1"\n'
COMPOSER = json.dumps({"packages": [{"name": "a/b", "require": {"c/d": "1"}}, {"name": "c/d", "require": []}]})
GEMFILE = """GEM
  remote: x
  specs:
    rack (1)
    sinatra (2)
      rack (>= 1)

PLATFORMS
  ruby

DEPENDENCIES
  sinatra
"""
GO = "module m\n\ngo 1.22\n\nrequire x.org/a v1.0.0\n\nrequire (\n\tx.org/b v1.0.0\n\tx.org/c v1.0.0 // indirect\n)\n"


@pytest.mark.parametrize(
    ("files", "location", "direct", "transitive", "way"),
    [
        ({"a/package-lock.json": NPM}, "a/package-lock.json", "express", "qs", ("express", "body-parser")),
        ({"Cargo.lock": CARGO}, "Cargo.lock", "serde", "serde_derive", ("serde",)),
        ({"uv.lock": UV}, "uv.lock", "httpx", "idna", ("httpx",)),
        ({"a/poetry.lock": POETRY, "a/pyproject.toml": PYPROJECT}, "a/poetry.lock", "httpx", "idna", ("httpx",)),
        (
            {"composer.lock": COMPOSER, "composer.json": '{"require": {"a/b": "1"}}'},
            "composer.lock",
            "a/b",
            "c/d",
            ("a/b",),
        ),
        ({"Gemfile.lock": GEMFILE}, "Gemfile.lock", "sinatra", "rack", ("sinatra",)),
    ],
)
def test_the_way_to_a_component(
    files: Mapping[str, str], location: str, direct: str, transitive: str, way: tuple[str, ...]
) -> None:
    asked = asked_in(location, lambda name: files.get(name, "").encode())
    assert asked.relation(direct) == ("direct", ())
    assert asked.relation(transitive) == ("transitive", way)
    assert asked.relation("nobody") == ("", ())


def test_modules_that_are_imported_are_direct() -> None:
    asked = asked_in("go.mod", lambda _: GO.encode())
    assert [asked.relation(f"x.org/{name}")[0] for name in "abc"] == ["direct", "direct", ""]


@pytest.mark.parametrize("name", ["package-lock.json", "Cargo.lock", "uv.lock", "poetry.lock", "composer.lock"])
@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"\xff\xfe", b'{"packages": [1]}', b"[" * 100_000, b"package = 1\n", b"[[package]]\nname = 3\n"]
)
def test_a_broken_lock_file_tells_nothing(name: str, raw: bytes) -> None:
    assert asked_in(name, lambda _: raw).ways == {}


def test_a_lock_file_of_another_kind_tells_nothing() -> None:
    assert asked_in("yarn.lock", lambda _: b"").relation("x") == ("", ())
