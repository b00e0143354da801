# SPDX-License-Identifier: Apache-2.0
"""An inventory as an SPDX 2.3 document (ISO/IEC 5962), as JSON or tag-value. Equal inventories give equal bytes.

What SPDX has no field for stands in one annotation a package, so that `tidegate.sbom.read_sbom` gives back the same
inventory. Tests have spdx-tools judge what is written here.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from tidegate import __version__
from tidegate.errors import BoundExceededError
from tidegate.inventory import Component, Inventory, OsRelease, Scope
from tidegate.sbom.cyclonedx import MAX_COMPONENTS, component_order, document_json, moment
from tidegate.sbom.cyclonedx_component import image_purl
from tidegate.sbom.image_marks import in_ascii, told_config
from tidegate.sbom.marks import exact, fit, is_well_formed
from tidegate.sbom.spdx_licence import NOASSERTION, declared

COMPONENT_MARK: Final = "tidegate:component "
IMAGE_MARK: Final = "tidegate:image "
OS_MARK: Final = "tidegate:os "
IMAGE_ID: Final = "SPDXRef-Image"
DOCUMENT_ID: Final = "SPDXRef-DOCUMENT"

_NO_MOMENT: Final = "1970-01-01T00:00:00Z"
"""Stands where SPDX demands a moment and there is none to tell."""
_TOOL: Final = f"Tool: tidegate-{__version__}"
_ALGORITHMS: Final = {
    "md5": ("MD5", 32),
    "sha1": ("SHA1", 40),
    "sha256": ("SHA256", 64),
    "sha384": ("SHA384", 96),
    "sha512": ("SHA512", 128),
}
_HEX: Final = re.compile(r"[0-9a-f]+")
_NOT_ID: Final = re.compile(r"[^A-Za-z0-9.]+")
_NAMED: Final = re.compile(r"([^<>()]{1,200})<([^<>()\s]{1,200})>")
_BREAKS: Final = re.compile(r"[\s\x1c-\x1f\x85\u2028\u2029]+")
_RELATIONS: Final = {
    Scope.OPTIONAL: "OPTIONAL_DEPENDENCY_OF",
    Scope.BUILD: "BUILD_DEPENDENCY_OF",
    Scope.TEST: "TEST_DEPENDENCY_OF",
    Scope.DEVELOPMENT: "DEV_DEPENDENCY_OF",
}


def to_spdx(inventory: Inventory, *, made_at: datetime | None = None) -> bytes:
    """Writes the document as JSON.

    Args:
        inventory: what was found in one image.
        made_at: stands as the moment of creation; None takes the moment the image names, or the epoch.

    Raises:
        BoundExceededError: more than `MAX_COMPONENTS`.
    """
    return document_json(spdx_document(inventory, made_at=made_at))


def to_spdx_tag_value(inventory: Inventory, *, made_at: datetime | None = None) -> bytes:
    """Writes the document as tag-value; see `to_spdx`."""
    from tidegate.sbom.spdx_tag_value import to_tag_value

    return to_tag_value(spdx_document(inventory, made_at=made_at))


def spdx_document(inventory: Inventory, *, made_at: datetime | None = None) -> dict[str, Any]:
    """The document as plain values.

    Raises:
        BoundExceededError: more than `MAX_COMPONENTS`.
    """
    if len(inventory.components) > MAX_COMPONENTS:
        raise BoundExceededError("MAX_COMPONENTS", MAX_COMPONENTS, where=f"SBOM of {inventory.name}")
    at = moment(inventory, made_at) or _NO_MOMENT
    references: dict[str, str] = {}
    packages = [_image(inventory, at)]
    if inventory.os_release is not None:
        packages.append(_operating_system(inventory.os_release, at))
    ids = dict(_identified(inventory))
    packages += [_package(component, name, at, references) for name, component in ids.items()]
    relations = [{"spdxElementId": DOCUMENT_ID, "relationshipType": "DESCRIBES", "relatedSpdxElement": IMAGE_ID}]
    if inventory.os_release is not None:
        relations.append(_relation(IMAGE_ID, "CONTAINS", _OS_ID))
    relations += _relations(ids)
    content = document_json({"packages": packages, "relationships": relations}).replace(at.encode(), b"")
    serial = uuid5(NAMESPACE_URL, f"spdx:{hashlib.sha256(content).hexdigest()}")
    document: dict[str, Any] = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": DOCUMENT_ID,
        "name": line(inventory.name) or "image",
        "documentNamespace": f"https://tidegate.dev/spdx/{serial}",
        "creationInfo": {"created": at, "creators": [_TOOL]},
        "packages": packages,
        "relationships": relations,
    }
    if references:
        document["hasExtractedLicensingInfos"] = [
            {"licenseId": name, "extractedText": references[name], "name": name.removeprefix("LicenseRef-")}
            for name in sorted(references)
        ]
    return document


def line(text: str) -> str:
    """A text on one line, fit for every form."""
    return text if text.isprintable() and text == text.strip() else _BREAKS.sub(" ", fit(text)).strip()


_OS_ID: Final = "SPDXRef-OperatingSystem"


def _image(inventory: Inventory, at: str) -> dict[str, Any]:
    digest = inventory.digest
    told = {
        "digest": digest,
        "name": inventory.name,
        "layers": inventory.layers,
        "layers_unpacked": inventory.layers_unpacked,
        "annotations": inventory.annotations,
        "config": told_config(inventory.config) if inventory.config else None,
        "census": inventory.census,
        "passed_over": inventory.passed_over,
    }
    return {
        **_bare(IMAGE_ID, inventory.name, str(digest), "CONTAINER"),
        "checksums": [{"algorithm": digest.algorithm.upper(), "checksumValue": digest.hex}],
        "externalRefs": [_purl(image_purl(inventory.name, digest))],
        "annotations": [_annotation(IMAGE_MARK, told, at)],
    }


def _operating_system(release: OsRelease, at: str) -> dict[str, Any]:
    made = _bare(_OS_ID, release.id, release.version_id, "OPERATING_SYSTEM")
    made["primaryPackagePurpose"] = "OPERATING-SYSTEM"
    return {**made, "annotations": [_annotation(OS_MARK, release, at)]}


def _bare(name: str, title: str, version: str, purpose: str) -> dict[str, Any]:
    made = {
        "SPDXID": name,
        "name": line(title) or "unnamed",
        "versionInfo": line(version),
        "downloadLocation": NOASSERTION,
        "filesAnalyzed": False,
        "licenseConcluded": NOASSERTION,
        "licenseDeclared": NOASSERTION,
        "copyrightText": NOASSERTION,
        "primaryPackagePurpose": purpose,
    }
    if not made["versionInfo"]:
        del made["versionInfo"]
    return made


def _package(component: Component, name: str, at: str, references: dict[str, str]) -> dict[str, Any]:
    made = _bare(name, component.name, component.version, "LIBRARY")
    statements = (component.license,) if component.license else component.licenses
    made["licenseDeclared"], found = declared(statements)
    references.update(found)
    if component.supplier and (supplier := _supplier(component.supplier)):
        made["supplier"] = supplier
    if sums := [one for checksum in component.checksums if (one := _checksum(checksum))]:
        made["checksums"] = sums
    if is_well_formed(component.purl):
        made["externalRefs"] = [_purl(component.purl)]
    if component.location:
        made["sourceInfo"] = line(f"{component.basis.value}: {component.location} in layer {component.layer}")
    comment = COMPONENT_MARK + exact(component)
    made["annotations"] = [_annotated(comment, at)]
    return made


def _identified(inventory: Inventory) -> Iterator[tuple[str, Component]]:
    taken: dict[str, int] = {}
    for component in sorted(inventory.components, key=component_order):
        # By content, so that one package keeps its id from document to document.
        told = f"{component.purl}\n{component.location}\n{component.layer}\n{component.name}\n{component.version}"
        slug = _NOT_ID.sub("-", component.name)[:40].strip("-.") or "unnamed"
        name = f"SPDXRef-{component.kind.value}-{slug}-{hashlib.sha256(told.encode()).hexdigest()[:16]}"
        count = taken[name] = taken.get(name, 0) + 1
        yield (name if count == 1 else f"{name}-{count}"), component


def _relations(ids: Mapping[str, Component]) -> Iterator[dict[str, str]]:
    """What the image holds, and which package of the distribution brought which of a language."""
    owners: dict[str, str] = {}
    for name, component in ids.items():
        if component.kind.is_of_distribution:
            owners.setdefault(component.purl, name)
    for name, component in ids.items():
        if component.scope is Scope.RUNTIME:
            yield _relation(IMAGE_ID, "CONTAINS", name)
        else:
            yield _relation(name, _RELATIONS[component.scope], IMAGE_ID)
        if component.owner is not None and component.owner in owners:
            yield _relation(owners[component.owner], "CONTAINS", name)


def _relation(left: str, kind: str, right: str) -> dict[str, str]:
    return {"spdxElementId": left, "relationshipType": kind, "relatedSpdxElement": right}


def _purl(url: str) -> dict[str, str]:
    return {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": url}


def _annotation(mark: str, value: object, at: str) -> dict[str, str]:
    return _annotated(mark + in_ascii(value), at)


def _annotated(comment: str, at: str) -> dict[str, str]:
    return {"annotationDate": at, "annotationType": "OTHER", "annotator": _TOOL, "comment": comment}


def _supplier(text: str) -> str:
    """`Organization: Name (address)`: who maintains a package is an organisation as often as a person."""
    whole = line(text)
    found = _NAMED.fullmatch(whole)
    if found is not None and (name := found[1].strip()):
        return f"Organization: {name} ({found[2]})"
    bare = re.sub(r"[()<>]+", " ", whole).strip()
    return f"Organization: {bare}" if bare else ""


def _checksum(checksum: str) -> dict[str, str] | None:
    name, _, content = checksum.partition(":")
    algorithm, digits = _ALGORITHMS.get(name, ("", 0))
    if len(content) != digits or not _HEX.fullmatch(content):
        return None
    return {"algorithm": algorithm, "checksumValue": content}
