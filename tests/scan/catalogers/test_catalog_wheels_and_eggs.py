# SPDX-License-Identifier: Apache-2.0
"""Wheels and zipped eggs: the distribution itself and what was vendored into it, as `ensurepip` brings them."""

import ensurepip
from pathlib import Path

import pytest
from installed_samples import zipped

from tidegate.errors import InvalidInputError
from tidegate.scan.cataloger import ImageFile, PartialError
from tidegate.scan.catalogers.installed.egg import EggCataloger


def told(path: str, content: bytes) -> set[tuple[str, str]]:
    facts = EggCataloger().catalog(ImageFile(path=path, content=content))
    return {(package.name, str(package.version)) for package in facts.packages}


def test_a_wheel_tells_of_itself_and_of_what_it_vendors() -> None:
    wheel = zipped(
        {
            "setuptools/_vendor/jaraco.text-3.12.1.dist-info/METADATA": b"Name: jaraco.text\nVersion: 3.12.1\n\n",
            "setuptools-75.0.dist-info/METADATA": b"Name: setuptools\nVersion: 75.0\n\n",
            "setuptools/tests/METADATA": b"Name: nobody\nVersion: 1\n\n",
            "setuptools-75.0.dist-info/RECORD": b"setuptools/__init__.py,,\n",
        }
    )
    assert told("opt/seed/setuptools-75.0-py3-none-any.whl", wheel) == {
        ("setuptools", "75.0"),
        ("jaraco-text", "3.12.1"),
    }


def test_one_broken_metadata_costs_itself_only() -> None:
    wheel = zipped({"a-1.dist-info/METADATA": b"Name: a\nVersion: 1\n\n", "b-1.dist-info/METADATA": b"nothing\n"})
    with pytest.raises(PartialError) as caught:
        told("x/a-1-py3-none-any.whl", wheel)
    assert [package.name for package in caught.value.facts.packages] == ["a"]


@pytest.mark.parametrize("content", [b"", b"PK", zipped({"a.py": b""})])
def test_what_is_no_wheel_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidInputError):
        told("x/a.whl", content)


def test_the_wheels_python_brings_along() -> None:
    bundled = sorted((Path(ensurepip.__file__).parent / "_bundled").glob("*.whl"))
    if not bundled:
        pytest.skip("this Python's ensurepip has no wheels of its own; use one that is not a distribution's")
    for wheel in bundled:
        name, version, *_ = wheel.name.split("-")
        assert (name, version) in told(str(wheel), wheel.read_bytes())
