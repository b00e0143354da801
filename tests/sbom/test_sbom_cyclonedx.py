# SPDX-License-Identifier: Apache-2.0
"""CycloneDX documents, judged by the official schema and by the reference library reading them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import ComponentType
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given, settings
from hypothesis import strategies as st
from packageurl import PackageURL

from tidegate.artifact import Digest
from tidegate.errors import BoundExceededError
from tidegate.inventory import Component, Ecosystem, Inventory, OsRelease, PackageKind, PackageUrl, Version
from tidegate.sbom import cyclonedx, to_cyclonedx
from tidegate.sbom.licence import licence_choices

AT = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
LAYERS = (Digest.of(b"1"), Digest.of(b"2"))
VALIDATOR = JsonStrictValidator(SchemaVersion.V1_6)


def component(number: int = 1, **changes: Any) -> Component:
    values: dict[str, Any] = {
        "kind": PackageKind.DEB,
        "name": f"part{number}",
        "version": Version("1:2.3-4+deb12u1"),
        "purl": PackageUrl(f"pkg:deb/debian/part{number}@1:2.3-4%2Bdeb12u1?arch=amd64&distro=debian-12"),
        "ecosystem": Ecosystem("Debian:12"),
        "location": "var/lib/dpkg/status",
        "layer": LAYERS[0],
        "cataloger": "dpkg",
        "source_name": "part",
        "source_version": "1:2.3-4",
        "licenses": ("GPL-2.0-only",),
    }
    return Component(**values | changes)


def inventory(*components: Component, **changes: Any) -> Inventory:
    values: dict[str, Any] = {
        "digest": Digest.of(b"image"),
        "name": "registry.example:5000/team/app:1.2",
        "layers": LAYERS,
        "components": components,
        "os_release": OsRelease(id="debian", version_id="12", version_codename="bookworm", pretty_name="Debian 12"),
    }
    return Inventory(**values | changes)


def check(document: bytes) -> dict[str, Any]:
    assert (error := VALIDATOR.validate_str(document.decode())) is None, error
    parsed: dict[str, Any] = json.loads(document)
    return parsed


def test_the_schema_accepts_it_and_the_library_reads_it() -> None:
    document = to_cyclonedx(inventory(component(2), component(1, owner=PackageUrl("pkg:deb/debian/a@1"))), made_at=AT)
    parsed = check(document)
    bom = Bom.from_json(parsed)  # type: ignore[attr-defined]  # added by the library's serialisation decorator
    assert sorted(found.name for found in bom.components) == [
        "debian",
        "part1",
        "part2",
    ]
    image = bom.metadata.component
    assert image.type == ComponentType.CONTAINER
    assert image.version == Digest.of(b"image")
    assert image.purl == PackageURL.from_string(str(image.purl))
    assert image.purl.qualifiers == {"repository_url": "registry.example:5000/team/app"}
    assert {(one.alg.value, one.content) for one in image.hashes} == {("SHA-256", Digest.of(b"image").hex)}
    assert [value["value"] for value in parsed["metadata"]["component"]["properties"]] == list(LAYERS)
    assert parsed["metadata"]["timestamp"] == "2026-06-01T12:00:00Z"


def test_a_component_tells_where_it_comes_from() -> None:
    parsed = check(to_cyclonedx(inventory(component()), made_at=AT))
    os, part = parsed["components"]
    assert (os["type"], os["name"], os["version"]) == ("operating-system", "debian", "12")
    assert part["purl"] == component().purl
    assert {item["name"]: item["value"] for item in part["properties"]} == {
        "tidegate:basis": "installed",
        "tidegate:cataloger": "dpkg",
        "tidegate:ecosystem": "Debian:12",
        "tidegate:layer": LAYERS[0],
        "tidegate:license-stated": "GPL-2.0-only",
        "tidegate:location": "var/lib/dpkg/status",
        "tidegate:scope": "runtime",
        "tidegate:source-name": "part",
        "tidegate:source-version": "1:2.3-4",
    }
    assert parsed["dependencies"][0]["dependsOn"] == [os["bom-ref"], part["bom-ref"]]


def test_same_input_same_bytes() -> None:
    parts = [component(number) for number in range(20)]
    one = to_cyclonedx(inventory(*parts), made_at=AT)
    assert to_cyclonedx(inventory(*reversed(parts)), made_at=AT) == one
    later = to_cyclonedx(inventory(*parts), made_at=AT + timedelta(days=1))
    assert json.loads(later)["serialNumber"] == json.loads(one)["serialNumber"]
    other = to_cyclonedx(inventory(*parts, digest=Digest.of(b"other")), made_at=AT)
    assert json.loads(other)["serialNumber"] != json.loads(one)["serialNumber"]


def test_a_package_in_two_places_is_two_components() -> None:
    twice = [component(location=place) for place in ("a", "b", "c")]
    parsed = check(to_cyclonedx(inventory(*twice, os_release=None), made_at=AT))
    refs = [part["bom-ref"] for part in parsed["components"]]
    assert len(set(refs)) == 3


def test_an_empty_image_is_a_document_too() -> None:
    check(to_cyclonedx(inventory(os_release=None, layers=(), name=""), made_at=AT))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ((), []),
        (("MIT",), [{"license": {"id": "MIT"}}]),
        (("mit",), [{"license": {"id": "MIT"}}]),
        (("MIT AND LicenseRef-own",), [{"expression": "MIT AND LicenseRef-own"}]),
        (("MIT AND (Apache-2.0 OR BSD-3-Clause)",), [{"expression": "MIT AND (Apache-2.0 OR BSD-3-Clause)"}]),
        (("GPL-2+ with a smile",), [{"license": {"name": "GPL-2+ with a smile"}}]),
        (("MIT", "MIT OR Zlib"), [{"license": {"id": "MIT"}}, {"license": {"name": "MIT OR Zlib"}}]),
        (("MIT", " MIT ", ""), [{"license": {"id": "MIT"}}]),
        (("(" * 2000,), [{"license": {"name": "(" * 2000}}]),
    ],
)
def test_licences(written: tuple[str, ...], expected: list[dict[str, Any]]) -> None:
    assert licence_choices(written) == expected
    check(to_cyclonedx(inventory(component(licenses=written)), made_at=AT))


@pytest.mark.property
@settings(max_examples=40, deadline=None)
@given(
    name=st.text(st.characters(codec="utf-8"), max_size=30),
    licences=st.lists(st.text(st.characters(codec="utf-8"), max_size=20), max_size=3),
    location=st.text(st.characters(codec="utf-8"), max_size=30),
)
def test_hostile_names_still_make_a_valid_document(name: str, licences: list[str], location: str) -> None:
    part = component(name=name, licenses=tuple(licences), location=location)
    check(to_cyclonedx(inventory(part, name=name), made_at=AT))


def test_a_document_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cyclonedx, "MAX_COMPONENTS", 1)
    with pytest.raises(BoundExceededError, match="MAX_COMPONENTS"):
        to_cyclonedx(inventory(component(1), component(2)), made_at=AT)
