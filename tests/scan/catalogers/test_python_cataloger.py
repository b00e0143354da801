# SPDX-License-Identifier: Apache-2.0
"""Installed Python distributions: this environment's own against importlib, every form of metadata, and defects."""

import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from tidegate.errors import InvalidInputError
from tidegate.inventory import FileFacts
from tidegate.scan.cataloger import ImageFile
from tidegate.scan.catalogers.python import MAX_LICENSE_CHARS, PythonCataloger

PYTHON = PythonCataloger()
SITE = "usr/lib/python3/site-packages"
METADATA = b"Metadata-Version: 2.1\nName: Zope.Interface\nVersion: 6.0.post1\n"


def read(content: bytes, path: str = f"{SITE}/a-1.dist-info/METADATA") -> FileFacts:
    assert PYTHON.accepts(path)
    return PYTHON.catalog(ImageFile(path=path, content=content))


def test_this_environment_is_told_as_importlib_tells_it() -> None:
    site = Path(next(path for path in sys.path if path.endswith("site-packages")))
    wanted = {(canonicalize_name(found.name), found.version) for found in distributions(path=[str(site)])}
    told: set[tuple[str, str]] = set()
    owned: dict[str, tuple[str, ...]] = {}
    for path in site.rglob("*"):
        name = path.relative_to(site.parent).as_posix()
        if path.is_file() and path.parent.parent == site and PYTHON.accepts(name):
            facts = PYTHON.catalog(ImageFile(path=name, content=path.read_bytes()))
            told |= {(package.name, package.version) for package in facts.packages}
            owned |= {ownership.package: ownership.paths for ownership in facts.ownership}
    assert told == wanted
    assert len(told) > 20
    assert {name for name, _ in wanted} == set(owned)
    for path_owned in owned["pytest"]:
        assert not path_owned.startswith("/")
        assert ".." not in path_owned


@pytest.mark.parametrize(
    ("path", "is_taken"),
    [
        (f"{SITE}/a-1.dist-info/METADATA", True),
        (f"{SITE}/pip/_vendor/a-1.dist-info/METADATA", True),
        (f"{SITE}/a-1.egg-info/PKG-INFO", True),
        (f"{SITE}/a-1.egg-info", True),
        (f"{SITE}/a-1-py3.11.egg/EGG-INFO/PKG-INFO", True),
        ("a-1.dist-info/METADATA", True),
        ("src/a-1/PKG-INFO", False),
        ("src/METADATA", False),
        (f"{SITE}/a/RECORD", False),
        (f"{SITE}/a-1.dist-info/entry_points.txt", False),
        (f"{SITE}/.egg-info", False),
    ],
)
def test_only_metadata_of_installations_is_taken(path: str, is_taken: bool) -> None:
    assert PYTHON.accepts(path) is is_taken


@pytest.mark.parametrize(
    ("headers", "licenses"),
    [
        (b"License-Expression: MIT OR Apache-2.0\nLicense: MIT\n", ("MIT OR Apache-2.0",)),
        (b"License: BSD\nClassifier: License :: OSI Approved :: BSD License\n", None),
        (b"License: UNKNOWN\n", ()),
        (b"License: The text\n  of a long\n  licence\nClassifier: Topic :: Internet\n", ("The text",)),
        (b"License: " + b"x" * 9999 + b"\n", ("x" * MAX_LICENSE_CHARS,)),
        (b"\nLicense: in the description\n", ()),
    ],
)
def test_licences_are_kept_as_written(headers: bytes, licenses: tuple[str, ...] | None) -> None:
    (package,) = read(METADATA + headers).packages
    assert package.licenses == (("BSD", "License :: OSI Approved :: BSD License") if licenses is None else licenses)
    assert (package.name, package.version) == ("zope-interface", "6.0.post1")


def test_a_record_gives_paths_from_the_root() -> None:
    record = b'a/__init__.py,sha256=x,1\n"a/with, comma.py",,\n../../../bin/a,,\n/etc/a,,\n../../../../../../x,,\n'
    (owned,) = read(record, f"{SITE}/My_A-1.0.dist-info/RECORD").ownership
    assert owned.package == "my-a"
    assert owned.paths == (f"{SITE}/a/__init__.py", f"{SITE}/a/with, comma.py", "usr/bin/a", "etc/a", "x")


def test_files_of_an_egg_are_named_from_its_own_folder() -> None:
    (owned,) = read(b"../a/x.py\nPKG-INFO\n", f"{SITE}/a-1.egg-info/installed-files.txt").ownership
    assert owned.paths == (f"{SITE}/a/x.py", f"{SITE}/a-1.egg-info/PKG-INFO")


def test_line_ends_and_cases_of_other_systems_are_read() -> None:
    (package,) = read(b"NAME: a\r\nversion: 1\r\n\r\nVersion: 2\r\n").packages
    assert package.version == "1"


@pytest.mark.parametrize("content", [b"", b"\0" * 99, b"Name: a b\nVersion: 1\n", b"Version: 1\n", b"Name: a\n"])
def test_metadata_without_a_name_or_a_version_is_none(content: bytes) -> None:
    with pytest.raises(InvalidInputError):
        read(content)
