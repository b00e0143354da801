# SPDX-License-Identifier: Apache-2.0
"""Bills of materials as other tools write them: matched by package URL, source package and distribution."""

import json
from base64 import b64encode
from typing import Any

import pytest

from tidegate.artifact import Digest
from tidegate.errors import InvalidInputError
from tidegate.inventory import Basis, Component, Inventory, Package, PackageKind, Scope, Version
from tidegate.sbom import read_sbom
from tidegate.scan.ecosystem import ecosystem_of
from tidegate.scan.purl import component_purl

LAYER = Digest.of(b"layer")


def _read(document: Any) -> Inventory:
    raw = document.encode() if isinstance(document, str) else json.dumps(document).encode()
    return read_sbom(raw, "bill", ecosystem_of=ecosystem_of)


def _cyclonedx(*components: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "metadata": metadata, "components": list(components)}


def _only(document: Any) -> Component:
    inventory = _read(document)
    assert inventory.outcomes == ()
    (component,) = inventory.components
    assert component.basis is Basis.CLAIMED
    return component


@pytest.mark.parametrize(
    ("purl", "ecosystem", "name", "version", "source"),
    [
        ("pkg:deb/debian/libssl@3-1?distro=debian-12&upstream=openssl", "Debian:12", "libssl", "3-1", ("openssl", "")),
        ("pkg:deb/ubuntu/a@1%3A4?distro=ubuntu-22.04&upstream=b%404-1", "Ubuntu:22.04:LTS", "a", "1:4", ("b", "4-1")),
        ("pkg:deb/debian/a@2?distro=bookworm&epoch=1", "Debian:12", "a", "1:2", ("", "")),
        ("pkg:apk/alpine/libcrypto3@3.1.7-r0?distro=3.18.4", "Alpine:v3.18", "libcrypto3", "3.1.7-r0", ("", "")),
        ("pkg:rpm/alma/a@3-1?epoch=1&distro=alma-9.2&upstream=b-3-1.src.rpm", "AlmaLinux:9", "a", "1:3-1", ("b", "")),
        ("pkg:rpm/alma/a@1-1?distro=alma-9.2", "AlmaLinux:9", "a", "1-1", ("", "")),
        ("pkg:rpm/redhat/a@1-1?distro=redhat-9.2", "Red Hat:enterprise_linux:9::baseos", "a", "1-1", ("", "")),
        ("pkg:rpm/opensuse/a@1-1?distro=opensuse-leap-15.5", "openSUSE:Leap 15.5", "a", "1-1", ("", "")),
        ("pkg:pypi/Foo_Bar@1.0", "PyPI", "foo-bar", "1.0", ("", "")),
        ("pkg:npm/%40a/b@1.0", "npm", "@a/b", "1.0", ("", "")),
        ("pkg:maven/org.a/b@1.0", "Maven", "org.a:b", "1.0", ("", "")),
        ("pkg:golang/github.com/a/b@v1.0", "Go", "github.com/a/b", "v1.0", ("", "")),
    ],
)  # fmt: skip
def test_package_urls(purl: str, ecosystem: str, name: str, version: str, source: tuple[str, str]) -> None:
    found = _only(_cyclonedx({"type": "library", "name": "x", "purl": purl}))
    assert (found.ecosystem, found.name, found.version) == (ecosystem, name, version)
    assert (found.source_name, found.source_version) == source


def test_trivy_and_syft_properties() -> None:
    trivy = {
        "type": "library",
        "name": "libssl3",
        "purl": "pkg:deb/debian/libssl3@3.0.9-1?distro=debian-12.5",
        "properties": [
            {"name": f"aquasecurity:trivy:{name}", "value": value}
            for name, value in (
                ("SrcName", "openssl"),
                ("SrcVersion", "3.0.9"),
                ("SrcRelease", "2"),
                ("SrcEpoch", "1"),
                ("LayerDigest", LAYER),
                ("FilePath", "var/lib/dpkg/status"),
            )
        ],
    }
    found = _only(_cyclonedx(trivy))
    assert (found.source_name, found.source_version) == ("openssl", "1:3.0.9-2")
    assert (found.layer, found.location) == (LAYER, "var/lib/dpkg/status")
    syft = {
        "type": "library",
        "name": "zlib",
        "purl": "pkg:deb/debian/zlib1g@1",
        "properties": [{"name": "syft:location:0:path", "value": "/var/lib/dpkg/status"}],
        "scope": "optional",
        "components": [{"type": "library", "name": "inner", "purl": "pkg:npm/inner@1"}],
    }
    system = {"type": "operating-system", "name": "debian", "version": "12"}
    inventory = _read(_cyclonedx(syft, system))
    outer, inner = inventory.components
    assert (outer.ecosystem, outer.location, outer.scope) == ("Debian:12", "var/lib/dpkg/status", Scope.OPTIONAL)
    assert inner.name == "inner"


def test_the_image_it_is_about() -> None:
    image = {"type": "container", "name": "alpine:3.18", "version": "", "purl": f"pkg:oci/alpine@{LAYER}?arch=amd64"}
    assert _read(_cyclonedx(component=image)).digest == LAYER
    assert _read(_cyclonedx()).digest == Digest.of(json.dumps(_cyclonedx()).encode())


def test_what_cannot_be_read_is_told() -> None:
    inventory = _read(
        _cyclonedx(
            {"type": "library", "name": "bare"},
            {"type": "library", "name": "odd", "purl": "pkg:marvel/thor@1"},
            {"type": "library", "name": "broken", "purl": "nonsense"},
            {"type": "file", "name": "/etc/passwd"},
            {"type": "library", "name": "good", "purl": "pkg:pypi/good@1"},
        )
    )
    assert [component.name for component in inventory.components] == ["good"]
    reasons = [outcome.reason for outcome in inventory.outcomes]
    assert len(reasons) == 3
    assert "1 packages have no package URL" in reasons[2]


SPDX_TAG_VALUE = """SPDXVersion: SPDX-2.3
DataLicense: CC0-1.0
SPDXID: SPDXRef-DOCUMENT
DocumentName: debian

##### Package: debian

PackageName: debian
SPDXID: SPDXRef-OperatingSystem-1
PackageVersion: 12.5
PrimaryPackagePurpose: OPERATING-SYSTEM

PackageName: python3-yaml
SPDXID: SPDXRef-Package-1
PackageVersion: 6.0-3
PackageSupplier: Organization: Debian
PackageSourceInfo: <text>built package from: pyyaml
 6.0-3</text>
ExternalRef: PACKAGE_MANAGER purl pkg:deb/debian/python3-yaml@6.0-3?arch=amd64&distro=debian-12.5

PackageName: PyYAML
SPDXID: SPDXRef-Package-2
ExternalRef: PACKAGE-MANAGER purl pkg:pypi/PyYAML@6.0
PackageLicenseDeclared: MIT

Relationship: SPDXRef-Package-1 OTHER SPDXRef-Package-2
RelationshipComment: <text>ownership-by-file-overlap: the parent owns the child's files</text>
Relationship: SPDXRef-Package-2 TEST_DEPENDENCY_OF SPDXRef-DOCUMENT
"""


def test_spdx_tag_value_of_others() -> None:
    package, language = _read(SPDX_TAG_VALUE).components
    assert (package.source_name, package.ecosystem, package.supplier) == ("pyyaml", "Debian:12", "Debian")
    assert (language.name, language.licenses, language.scope) == ("pyyaml", ("MIT",), Scope.TEST)
    assert (language.license, language.license_class) == ("MIT", "permissive")
    assert language.owner == "pkg:deb/debian/python3-yaml@6.0-3?arch=amd64&distro=debian-12.5"


@pytest.mark.parametrize("kind", [kind for kind in PackageKind if kind.separator])
def test_a_whole_name_comes_back_from_its_package_url(kind: PackageKind) -> None:
    package = Package(kind=kind, name=f"vendor{kind.separator}name", version=Version("1"))
    purl = component_purl(package, None)
    assert "/vendor/name@1" in purl
    assert _only(_cyclonedx({"type": "library", "name": "x", "purl": purl})).name == package.name


def _statement() -> dict[str, Any]:
    return {"_type": "https://in-toto.io/Statement/v1", "predicate": _cyclonedx(GOOD)}


def _envelope() -> dict[str, Any]:
    payload = b64encode(json.dumps(_statement()).encode()).decode()
    return {"payloadType": "application/vnd.in-toto+json", "payload": payload, "signatures": []}


GOOD = {"type": "library", "name": "good", "purl": "pkg:pypi/good@1"}


@pytest.mark.parametrize(
    "document",
    [
        _statement(),
        _envelope(),
        {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "dsseEnvelope": _envelope()},
        {"predicate": {"Data": json.dumps(_cyclonedx(GOOD))}},
        {"predicate": {"Data": _cyclonedx(GOOD)}},
    ],
    ids=["statement", "envelope", "bundle", "as text", "as an object"],
)
def test_a_document_inside_an_attestation_is_read(document: dict[str, Any]) -> None:
    assert _only(document).name == "good"


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"hello": "world"}, "is no bill of materials"),
        ({"predicate": {"hello": "world"}}, "is no bill of materials"),
        ({"predicate": 7}, "predicate is no document"),
        ({"payloadType": "x", "payload": "!"}, "payload is no base64"),
        ({"predicate": {"predicate": {"predicate": {"predicate": {"predicate": {}}}}}}, "inside an attestation"),
    ],
)
def test_what_holds_no_document_says_so(document: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInputError, match=told):
        _read(document)
