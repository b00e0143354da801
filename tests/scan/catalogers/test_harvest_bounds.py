# SPDX-License-Identifier: Apache-2.0
"""A harvest holds its bounds, keeps what is sound and says what is not."""

import pytest

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.inventory import Package, PackageKind, Version
from tidegate.scan.cataloger import PartialError
from tidegate.scan.catalogers import harvest as harvest_module
from tidegate.scan.catalogers.fields import MAX_CONTINUED_CHARS, MAX_VALUES, headers, paragraphs
from tidegate.scan.catalogers.harvest import MAX_FIELD_CHARS, MAX_LICENSE_CHARS, Harvest


def package(name: str = "a", version: str = "1", **rest: str) -> Package:
    return Package(
        kind=PackageKind.APK,
        name=name,
        version=Version(version),
        source_name=rest.get("source_name", ""),
        architecture=rest.get("architecture", ""),
        licenses=tuple(filter(None, [rest.get("license")])),
    )


def harvest() -> Harvest:
    return Harvest(path="a/file", cataloger="test")


@pytest.mark.parametrize(
    "unfit",
    [
        package(name=""),
        package(version=""),
        package(name="a b"),
        package(name="a/b"),
        package(name="a\x00"),
        package(name="\u202eevil"),
        package(version="1\n"),
        package(name="a" * (MAX_FIELD_CHARS + 1)),
        package(source_name="x\x1b[31m"),
        package(architecture="amd 64"),
    ],
)
def test_an_unfit_package_is_a_defect(unfit: Package) -> None:
    gathered = harvest()
    gathered.add(package())
    gathered.add(unfit)
    with pytest.raises(PartialError, match="1 entries") as caught:
        gathered.facts()
    assert caught.value.facts.packages == (package(),)
    assert caught.value.reason.isprintable()


def test_nothing_but_defects_is_invalid_and_nothing_at_all_is_fine() -> None:
    assert harvest().facts().packages == ()
    gathered = harvest()
    gathered.defect("broken")
    with pytest.raises(InvalidInputError, match="a/file: 1 entries could not be read, the first: broken"):
        gathered.facts()


def test_packages_and_defects_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harvest_module, "MAX_PACKAGES", 3)
    gathered = harvest()
    gathered.add(package())
    gathered.defect("one")
    gathered.add(package(name="b"))
    with pytest.raises(BoundExceededError, match="MAX_PACKAGES = 3"):
        gathered.add(package(name="c"))
    with pytest.raises(BoundExceededError, match="MAX_PACKAGES = 3"):
        gathered.defect("two")


def test_a_long_licence_is_cut() -> None:
    gathered = harvest()
    gathered.add(package(license="x" * 9999))
    assert gathered.facts().packages[0].licenses == ("x" * MAX_LICENSE_CHARS,)


def test_headers_are_bounded_in_number_and_length() -> None:
    many = headers("Name: a\n" * (MAX_VALUES + 50), {"name"})
    assert len(many["name"]) == MAX_VALUES
    long = headers("Name: a\n" + " more\n" * 100_000, {"name"})
    assert len(long["name"][0]) < MAX_CONTINUED_CHARS + 10


def test_paragraphs_end_at_empty_lines_and_keep_first_lines() -> None:
    content = b"# c\nA: 1\n 2\nB: x\n\n \t\nC: 9\n\na: 3\r\n"
    assert list(paragraphs(content, {b"a", b"b"})) == [{"a": "1", "b": "x"}, {"a": "3"}]
