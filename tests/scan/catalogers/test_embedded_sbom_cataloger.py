# SPDX-License-Identifier: Apache-2.0
"""Bills of materials inside an image: Syft's own four forms of one small tree, and what begins as one but is none."""

import json
from pathlib import Path

import pytest

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.inventory import Basis, FileFacts, Package, PackageKind, Version
from tidegate.scan.cataloger import ImageFile, PartialError
from tidegate.scan.catalogers.embedded_sbom import EmbeddedSbomCataloger

FORMS = Path(__file__).parent / "embedded"
ZLIB = Package(
    kind=PackageKind.DEB,
    name="zlib1g",
    version=Version("1:1.2.11.dfsg-2"),
    source_name="zlib",
    architecture="amd64",
    namespace="debian",
    basis=Basis.CLAIMED,
    qualifiers=(("distro", "debian-11"),),
)


def read(path: str, content: bytes) -> FileFacts:
    return EmbeddedSbomCataloger().catalog(ImageFile(path=path, content=content))


def bom(*components: object) -> bytes:
    return json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.5", "components": components}).encode()


@pytest.mark.parametrize("name", ["syft.cdx.json", "syft.cdx.xml", "syft.spdx.json", "syft.spdx"])
def test_every_form_that_syft_writes_is_read_as_claims(name: str) -> None:
    packages = read(f"opt/app/{name}", (FORMS / name).read_bytes()).packages
    assert [(it.kind, it.name, it.version, it.basis) for it in packages] == [
        (PackageKind.DEB, "zlib1g", "1:1.2.11.dfsg-2", Basis.CLAIMED),
        (PackageKind.PYPI, "requests", "2.31.0", Basis.CLAIMED),
    ]
    assert packages[0] == ZLIB


@pytest.mark.parametrize(
    "path",
    [
        "opt/bitnami/redis/.spdx-redis.spdx",
        "opt/bitnami/common/.spdx-gosu.spdx",
        "app/bom.json",
        "app/bom.xml",
        "sbom.json",
        "usr/share/sbom/app.cdx.json",
        "x/a.dist-info/sboms/auditwheel.cdx.json",
        "x/app.spdx.json",
        "x/app.sbom",
    ],
)
def test_names_of_bills_of_materials_are_accepted(path: str) -> None:
    assert EmbeddedSbomCataloger().accepts(path)


@pytest.mark.parametrize("path", ["app/package.json", "app/pom.xml", "app/my-bom.json", "app/license.txt", "app/sbom"])
def test_other_names_are_not(path: str) -> None:
    assert not EmbeddedSbomCataloger().accepts(path)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b'{"bom": 1}', b"<project/>", b"a list of parts", b"<?xml version='1.0'?><bom/>"]
)
def test_another_file_of_such_a_name_tells_of_nothing(content: bytes) -> None:
    assert read("app/bom.json", content).packages == ()


def test_a_package_that_cannot_be_taken_costs_only_itself() -> None:
    good = {"type": "library", "name": "a", "version": "1.0", "purl": "pkg:pypi/a@1.0"}
    bad = {"type": "library", "name": "b", "version": "1.0", "purl": "pkg:nonsense/b@1.0"}
    with pytest.raises(PartialError) as raised:
        read("app/bom.json", bom(good, bad))
    assert [package.name for package in raised.value.facts.packages] == ["a"]


def test_a_package_that_is_named_twice_is_told_once() -> None:
    entry = {"type": "library", "name": "A_b", "version": "1.0", "purl": "pkg:pypi/A_b@1.0"}
    assert [package.name for package in read("app/bom.json", bom(entry, entry)).packages] == ["a-b"]


@pytest.mark.parametrize("content", [b'{"bomFormat": "CycloneDX"', bom()[:-5], b'{"spdxVersion": "SPDX-9.0"}'])
def test_a_broken_document_is_refused_by_name(content: bytes) -> None:
    with pytest.raises(InvalidInputError):
        read("app/bom.json", content)


def test_a_document_nested_past_all_sense_is_refused() -> None:
    deep = b'{"bomFormat":"CycloneDX","specVersion":"1.5","components":' + b'[{"components":' * 5_000
    with pytest.raises((BoundExceededError, InvalidInputError)):
        read("app/bom.json", deep + b"[]" + b"}]" * 5_000 + b"}")
