# SPDX-License-Identifier: Apache-2.0
"""An inventory as a CycloneDX document, 1.4 to 1.6 (ECMA-424), as JSON or XML. Equal inventories give equal bytes.

Written directly: cyclonedx-python-lib needs 3 s for 3000 components. Tests have it judge what is written here.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeAlias
from uuid import NAMESPACE_URL, UUID, uuid5

from tidegate import __version__
from tidegate.artifact import Digest
from tidegate.clock import rfc3339
from tidegate.errors import BoundExceededError
from tidegate.inventory import Component, Inventory, OsRelease
from tidegate.sbom.cyclonedx_component import component_entry, image_purl, properties
from tidegate.sbom.image_marks import image_marks, os_marks
from tidegate.sbom.marks import fit
from tidegate.values import msgspec
from tidegate.wire import to_json

MAX_COMPONENTS: Final = 200_000


Vulnerabilities: TypeAlias = Callable[[Mapping[tuple[str, str], str]], Sequence[Mapping[str, Any]]]
"""Takes each component's `bom-ref` by package URL and location."""


class SpecVersion(StrEnum):
    """Versions of CycloneDX that are written."""

    V1_4 = "1.4"
    V1_5 = "1.5"
    V1_6 = "1.6"


SPEC_VERSION: Final = SpecVersion.V1_6
_HASHES: Final = {"sha256": "SHA-256", "sha512": "SHA-512"}


def to_cyclonedx(
    inventory: Inventory, *, made_at: datetime | None = None, version: SpecVersion = SPEC_VERSION
) -> bytes:
    """Writes the document as JSON, members in the order the standard tells of them.

    Args:
        inventory: what was found in one image.
        made_at: stands as the document's timestamp; None takes the moment the image names, or leaves it out.
        version: of CycloneDX.

    Raises:
        BoundExceededError: more than `MAX_COMPONENTS`.
    """
    return document_json(cyclonedx_document(inventory, made_at=made_at, version=version))


def document_json(document: Mapping[str, Any]) -> bytes:
    """A document as JSON. Its members stand as they were put in, which is always the same way."""
    return msgspec.json.encode(document)


def to_cyclonedx_xml(
    inventory: Inventory, *, made_at: datetime | None = None, version: SpecVersion = SPEC_VERSION
) -> bytes:
    """Writes the document as XML; see `to_cyclonedx`."""
    from tidegate.sbom.cyclonedx_xml import to_xml

    return to_xml(cyclonedx_document(inventory, made_at=made_at, version=version))


def cyclonedx_document(
    inventory: Inventory,
    *,
    made_at: datetime | None = None,
    version: SpecVersion = SPEC_VERSION,
    vulnerabilities: Vulnerabilities | None = None,
) -> dict[str, Any]:
    """The document as plain values, as the predicate of an in-toto statement wants it.

    The serial number follows from all it says but the moment; a component's properties tell what CycloneDX has no
    field for, so that `tidegate.sbom.read_sbom` gives back the same inventory.

    Args:
        inventory: what was found in one image.
        made_at: see `to_cyclonedx`.
        version: of CycloneDX.
        vulnerabilities: makes the entries of the section of that name; None leaves it out.

    Raises:
        BoundExceededError: more than `MAX_COMPONENTS`.
    """
    if len(inventory.components) > MAX_COMPONENTS:
        raise BoundExceededError("MAX_COMPONENTS", MAX_COMPONENTS, where=f"SBOM of {inventory.name}")
    ordered = sorted(inventory.components, key=component_order)
    image = _image(inventory)
    entries = [component_entry(component, version) for component in ordered]
    _make_refs_unique(entries, taken={image["bom-ref"]})
    wrong: Sequence[Mapping[str, Any]] = ()
    if vulnerabilities is not None:
        wrong = vulnerabilities(
            {(one.purl, one.location): entry["bom-ref"] for one, entry in zip(ordered, entries, strict=True)}
        )
    system = [_operating_system(inventory.os_release)] if inventory.os_release is not None else []
    at = moment(inventory, made_at)
    serial = _serial(version, inventory, ordered, wrong)
    document = {
        "$schema": f"http://cyclonedx.org/schema/bom-{version}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": version.value,
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {**({"timestamp": at} if at else {}), "tools": _tools(version), "component": image},
        "components": [*system, *entries],
        "dependencies": list(_dependencies(image, system, ordered, entries)),
    }
    if wrong:
        document["vulnerabilities"] = [dict(one) for one in wrong]
    return document


def component_order(component: Component) -> tuple[str, ...]:
    """How components stand in a document."""
    return component.purl, component.location, component.layer, component.name, component.version, component.cataloger


def _serial(
    version: SpecVersion,
    inventory: Inventory,
    ordered: Sequence[Component],
    vulnerabilities: Sequence[Mapping[str, Any]],
) -> UUID:
    """Follows from everything a document tells but the moment it was made."""
    told = (__version__, version, inventory.digest, inventory.name, inventory.layers, inventory.layers_unpacked)
    content = to_json((*told, dict(image_marks(inventory)), inventory.os_release, ordered, vulnerabilities))
    return uuid5(NAMESPACE_URL, f"cyclonedx:{hashlib.sha256(content).hexdigest()}")


def moment(inventory: Inventory, made_at: datetime | None) -> str:
    """When a document was made, in RFC 3339: as asked, else as the image says of itself, else ""."""
    if made_at is not None:
        return rfc3339(made_at)
    from tidegate.clock import parse_rfc3339
    from tidegate.errors import InvalidInputError

    stated = inventory.config.created if inventory.config else ""
    try:
        return rfc3339(parse_rfc3339(stated)) if stated else ""
    except InvalidInputError:
        return ""


def _tools(version: SpecVersion) -> Any:
    tool = {"name": "tidegate", "version": __version__}
    if version is SpecVersion.V1_4:
        return [{"vendor": "tidegate", **tool}]
    return {"components": [{"type": "application", **tool}]}


def _image(inventory: Inventory) -> dict[str, Any]:
    digest = inventory.digest
    return {
        "type": "container",
        "bom-ref": f"image:{digest}",
        "name": fit(inventory.name),
        "version": str(digest),
        "purl": image_purl(inventory.name, digest),
        "hashes": [_hash(digest)],
        "properties": properties(image_marks(inventory)),
    }


def _hash(digest: Digest) -> dict[str, str]:
    return {"alg": _HASHES[digest.algorithm], "content": digest.hex}


def _operating_system(release: OsRelease) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": "operating-system",
        "bom-ref": f"os:{fit(release.id)}",
        "name": fit(release.id),
        "properties": properties(os_marks(release)),
    }
    if release.version_id:
        made["version"] = fit(release.version_id)
    if release.pretty_name:
        made["description"] = fit(release.pretty_name)
    return made


def _dependencies(
    image: Mapping[str, Any],
    system: Sequence[Mapping[str, Any]],
    ordered: Sequence[Component],
    entries: Sequence[Mapping[str, Any]],
) -> Iterator[dict[str, Any]]:
    """The image stands on all; a distribution's package stands on what it brought of a language's."""
    owned: dict[str, list[str]] = {}
    for component, entry in zip(ordered, entries, strict=True):
        if component.owner is not None:
            owned.setdefault(component.owner, []).append(entry["bom-ref"])
    refs = [entry["bom-ref"] for entry in (*system, *entries)]
    yield {"ref": image["bom-ref"], "dependsOn": refs} if refs else {"ref": image["bom-ref"]}
    for entry in system:
        yield {"ref": entry["bom-ref"]}
    for component, entry in zip(ordered, entries, strict=True):
        below = owned.pop(component.purl, None) if component.kind.is_of_distribution else None
        yield {"ref": entry["bom-ref"], "dependsOn": below} if below else {"ref": entry["bom-ref"]}


def _make_refs_unique(entries: list[dict[str, Any]], *, taken: set[str]) -> None:
    """One package may lie in several places: the second and later ones get a number."""
    seen: dict[str, int] = {}
    taken |= {entry["bom-ref"] for entry in entries}
    for entry in entries:
        ref = entry["bom-ref"]
        count = seen[ref] = seen.get(ref, 0) + 1
        if count > 1:
            while (numbered := f"{ref}#{count}") in taken:
                count += 1
            seen[ref] = count
            entry["bom-ref"] = numbered
            taken.add(numbered)
