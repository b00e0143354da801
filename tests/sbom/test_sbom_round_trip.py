# SPDX-License-Identifier: Apache-2.0
"""Bills of materials of every form: valid by their judges, the same each time, and read back whole."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from cyclonedx.validation.xml import XmlValidator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from tidegate.artifact import Digest, ImageConfig, Platform
from tidegate.errors import TidegateError
from tidegate.inventory import (
    Basis,
    Census,
    Component,
    Ecosystem,
    Inventory,
    OsRelease,
    PackageKind,
    PackageUrl,
    Scope,
    Version,
)
from tidegate.sbom import SBOM_FORMS, read_sbom, write_sbom
from tidegate.scan.ecosystem import ecosystem_of
from tidegate.values import replace

FORMS = [(form.name, version) for form in SBOM_FORMS for version in form.versions]
LAYERS = (Digest.of(b"1"), Digest.of(b"2"))
HOSTILE = (
    "</text>",
    "<text>",
    "\x00\x1b",
    "a\nSPDXID: b",
    "]]>",
    "&amp;",
    " ends ",
    "\ufffe",
    "\r",
    "NOASSERTION",
    "'\"<",
)
TEXTS = st.one_of(
    st.just(""),
    st.sampled_from(("a", "1.0", "MIT", "GPL-2.0-only OR MIT", "LicenseRef-own", "GPL-2+ strange", *HOSTILE)),
    st.text(st.characters(codec="utf-8"), max_size=12),
)
CHECKSUMS = st.one_of(st.just("sha256:" + "a" * 64), st.just("sha1:" + "0" * 40), st.just("h1:abc="), TEXTS)


def components() -> st.SearchStrategy[Component]:
    purls = st.one_of(
        st.sampled_from(("pkg:pypi/a@1", "pkg:deb/debian/a@1?arch=amd64&distro=debian-12", "pkg:npm/%40a/b@1")), TEXTS
    )
    return st.builds(
        Component,
        kind=st.sampled_from(list(PackageKind)),
        name=TEXTS,
        version=TEXTS.map(Version),
        purl=purls.map(PackageUrl),
        ecosystem=TEXTS.map(Ecosystem),
        location=TEXTS,
        layer=st.sampled_from(LAYERS),
        cataloger=TEXTS,
        source_name=TEXTS,
        source_version=TEXTS,
        architecture=TEXTS,
        licenses=st.lists(TEXTS, max_size=2).map(tuple),
        owner=st.one_of(st.none(), purls.filter(bool).map(PackageUrl)),
        modularity=TEXTS,
        qualifiers=st.dictionaries(TEXTS, TEXTS, max_size=2),
        scope=st.sampled_from(list(Scope)),
        basis=st.sampled_from(list(Basis)),
        checksums=st.lists(CHECKSUMS, max_size=2).map(tuple),
        deprecated=TEXTS,
        supplier=st.one_of(TEXTS, st.just("A B <a@b.example>")),
        license=TEXTS,
        license_class=TEXTS,
    )


def inventories() -> st.SearchStrategy[Inventory]:
    releases = st.builds(
        OsRelease, id=TEXTS, version_id=TEXTS, pretty_name=TEXTS, id_like=st.lists(TEXTS, max_size=2).map(tuple)
    )
    return st.builds(
        _inventory,
        st.lists(components(), max_size=3),
        name=TEXTS,
        os_release=st.one_of(st.none(), releases.filter(lambda one: bool(one.id))),
        annotations=st.dictionaries(TEXTS, TEXTS, max_size=2),
    )


def _inventory(parts: list[Component], **changes: Any) -> Inventory:
    config = ImageConfig(
        platform=Platform(os="linux", architecture="amd64"), diff_ids=LAYERS, user="app", exposed_ports=("80/tcp",)
    )
    values: dict[str, Any] = {
        "digest": Digest.of(b"image"),
        "name": "registry.example:5000/team/app:1.2",
        "layers": LAYERS,
        "layers_unpacked": LAYERS,
        "components": tuple(sorted(parts, key=_order)),
        "config": config,
        "census": Census(files=3, bytes=9, setuid=("bin/su",)),
    }
    return Inventory(**values | changes)


def _order(component: Component) -> tuple[str, ...]:
    return component.kind.value, component.name, component.version, component.architecture, component.location


def _same(one: Inventory, other: Inventory) -> None:
    assert sorted(one.components, key=repr) == sorted(other.components, key=repr)
    for part in one.__struct_fields__:
        if part != "components":
            assert getattr(one, part) == getattr(other, part), part


def _judge(form: str, version: str, document: bytes, folder: Path) -> None:
    if form.startswith("cyclonedx"):
        judge = JsonStrictValidator if form.endswith("json") else XmlValidator
        error = judge(SchemaVersion[f"V{version.replace('.', '_')}"]).validate_str(document.decode())
        assert error is None, error
        return
    file = folder / ("x.spdx.json" if form.endswith("json") else "x.spdx")
    file.write_bytes(document)
    messages = validate_full_spdx_document(parse_file(str(file)))
    assert not messages, messages[0].validation_message


@pytest.mark.property
@pytest.mark.parametrize(("form", "version"), FORMS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(inventory=inventories())
def test_nothing_is_lost_and_the_judge_is_content(
    form: str, version: str, inventory: Inventory, tmp_path_factory: pytest.TempPathFactory
) -> None:
    document = write_sbom(inventory, form, version=version)
    assert document == write_sbom(inventory, form, version=version)
    _judge(form, version, document, tmp_path_factory.getbasetemp())
    back = read_sbom(document, inventory.name, ecosystem_of=ecosystem_of)
    assert back.outcomes == ()
    _same(back, inventory)


@pytest.mark.parametrize(("form", "version"), FORMS)
def test_the_order_of_components_and_the_moment_change_nothing_else(form: str, version: str) -> None:
    parts = [_part(number) for number in range(5)]
    one = write_sbom(_inventory(parts), form, version=version)
    turned = replace(_inventory(parts), components=tuple(reversed(parts)))
    assert write_sbom(turned, form, version=version) == one
    later = write_sbom(_inventory(parts), form, version=version, made_at=datetime(2026, 6, 1, 12, tzinfo=UTC))
    assert later != one
    assert b"2026-06-01T12:00:00Z" in later


def test_what_may_hold_secrets_is_not_told() -> None:
    config = ImageConfig(
        platform=Platform(os="linux", architecture="amd64"),
        diff_ids=LAYERS,
        env=("TOKEN=hunter2",),
        entrypoint=("/bin/sh", "-c", "serve --password hunter2"),
        cmd=("--key=hunter2",)[:0],
    )
    for form, version in FORMS:
        document = write_sbom(_inventory([], config=config), form, version=version)
        assert b"hunter2" not in document
        back = read_sbom(document, "x", ecosystem_of=ecosystem_of)
        assert back.config is not None
        assert back.config.entrypoint == ("/bin/sh", "-c")


def test_the_distribution_owns_and_scopes_are_told() -> None:
    package = _part(1, kind=PackageKind.DEB, purl=PackageUrl("pkg:deb/debian/python3-a@1"))
    owned = _part(2, owner=package.purl)
    test = _part(3, scope=Scope.TEST)
    document = json.loads(write_sbom(_inventory([package, owned, test]), "cyclonedx-json"))
    assert {"ref": package.purl, "dependsOn": [owned.purl]} in document["dependencies"]
    scopes = {one["name"]: one["scope"] for one in document["components"]}
    assert scopes == {"part1": "required", "part2": "required", "part3": "excluded"}
    evidence = document["components"][1]["evidence"]
    assert evidence["occurrences"] == [{"location": "place", "additionalContext": f"layer {LAYERS[0]}"}]
    spdx = json.loads(write_sbom(_inventory([package, owned, test]), "spdx-json"))
    names = {one["SPDXID"]: one["name"] for one in spdx["packages"]}
    told = {
        (names.get(one["spdxElementId"]), one["relationshipType"], names.get(one["relatedSpdxElement"]))
        for one in spdx["relationships"]
    }
    assert ("part1", "CONTAINS", "part2") in told
    assert ("part3", "TEST_DEPENDENCY_OF", "registry.example:5000/team/app:1.2") in told


@pytest.mark.property
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_bytes_and_any_damage_end_in_a_named_error(data: st.DataObject) -> None:
    form, version = data.draw(st.sampled_from(FORMS))
    document = bytearray(write_sbom(_inventory([_part(1), _part(2)]), form, version=version))
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(document) - 1))
        document[at : at + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=5))
    for given_bytes in (bytes(document), data.draw(st.binary(max_size=200))):
        try:
            read_sbom(given_bytes, "x", ecosystem_of=ecosystem_of)
        except TidegateError:
            continue


def _part(number: int, **changes: Any) -> Component:
    values: dict[str, Any] = {
        "kind": PackageKind.PYPI,
        "name": f"part{number}",
        "version": Version("1"),
        "purl": PackageUrl(f"pkg:pypi/part{number}@1"),
        "ecosystem": Ecosystem("PyPI"),
        "location": "place",
        "layer": LAYERS[0],
        "cataloger": "python",
    }
    return Component(**values | changes)
