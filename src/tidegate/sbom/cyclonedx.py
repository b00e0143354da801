# SPDX-License-Identifier: Apache-2.0
"""An inventory as CycloneDX 1.6 JSON (ECMA-424). Equal inventories at equal moments give equal bytes.

Written directly: cyclonedx-python-lib needs 3 s for 3000 components. Tests have it judge what is written here.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from tidegate import __version__
from tidegate.artifact import Digest
from tidegate.clock import rfc3339
from tidegate.errors import BoundExceededError
from tidegate.inventory import Component, Inventory, OsRelease
from tidegate.sbom.licence import licence_choices
from tidegate.wire import to_json

SPEC_VERSION: Final = "1.6"
MAX_COMPONENTS: Final = 200_000
_NAMESPACE: Final = "tidegate:"
_HASHES: Final = {"sha256": "SHA-256", "sha512": "SHA-512"}


def to_cyclonedx(inventory: Inventory, *, made_at: datetime) -> bytes:
    """Writes the document as JSON, keys sorted.

    Args:
        inventory: what was found in one image.
        made_at: stands as the document's timestamp.

    Raises:
        BoundExceededError: more than `MAX_COMPONENTS`.
    """
    return to_json(cyclonedx_document(inventory, made_at=made_at))


def cyclonedx_document(inventory: Inventory, *, made_at: datetime) -> dict[str, Any]:
    """The document as plain values, as the predicate of an in-toto statement wants it.

    The serial number follows from the image's digest alone; a component's properties tell the layer that brought it,
    where it was read, by which cataloger, and the source package it was built from.

    Raises:
        BoundExceededError: more than `MAX_COMPONENTS`.
    """
    if len(inventory.components) > MAX_COMPONENTS:
        raise BoundExceededError("MAX_COMPONENTS", MAX_COMPONENTS, where=f"SBOM of {inventory.name}")
    components = [_component(component) for component in sorted(inventory.components, key=_order)]
    if inventory.os_release is not None:
        components.insert(0, _operating_system(inventory.os_release))
    refs = _make_refs_unique(components)
    image = _image(inventory)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, f'oci:{inventory.digest}')}",
        "version": 1,
        "metadata": {
            "timestamp": rfc3339(made_at),
            "tools": {"components": [{"type": "application", "name": "tidegate", "version": __version__}]},
            "component": image,
        },
        "components": components,
        "dependencies": [{"ref": image["bom-ref"], "dependsOn": refs}, *({"ref": ref} for ref in refs)],
    }


def _image(inventory: Inventory) -> dict[str, Any]:
    digest = inventory.digest
    return {
        "type": "container",
        "bom-ref": f"image:{digest}",
        "name": inventory.name,
        "version": str(digest),
        "purl": _image_purl(inventory.name, digest),
        "hashes": [{"alg": _HASHES[digest.algorithm], "content": digest.hex}],
        "properties": _properties((f"layer:{at}", str(layer)) for at, layer in enumerate(inventory.layers)),
    }


def _image_purl(name: str, digest: Digest) -> str:
    """`pkg:oci/…` as purl-spec has it: the last part of the repository, and the digest as version."""
    repository = name.partition("@")[0]
    head, _, tail = repository.rpartition("/")
    short = tail.partition(":")[0].lower() or "image"
    where = f"?repository_url={quote(f'{head}/{short}', safe='/')}" if head else ""
    return f"pkg:oci/{quote(short, safe='')}@{quote(str(digest), safe='')}{where}"


def _operating_system(release: OsRelease) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "operating-system", "bom-ref": f"os:{release.id}", "name": release.id}
    if release.version_id:
        made["version"] = release.version_id
    if release.pretty_name:
        made["description"] = release.pretty_name
    if release.version_codename:
        made["properties"] = _properties([("version-codename", release.version_codename)])
    return made


def _component(component: Component) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": "library",
        "bom-ref": component.purl,
        "name": component.name,
        "version": component.version,
        "purl": component.purl,
        "properties": _properties(
            (
                ("cataloger", component.cataloger),
                ("ecosystem", component.ecosystem),
                ("layer", str(component.layer)),
                ("location", component.location),
                ("owner", component.owner or ""),
                ("source-name", component.source_name),
                ("source-version", component.source_version),
            )
        ),
    }
    if licences := licence_choices(component.licenses):
        made["licenses"] = licences
    return made


def _properties(pairs: Iterable[tuple[str, str]]) -> list[Mapping[str, str]]:
    return [{"name": _NAMESPACE + name, "value": value} for name, value in pairs if value]


def _order(component: Component) -> tuple[str, str, str]:
    return component.purl, component.location, component.layer


def _make_refs_unique(components: list[dict[str, Any]]) -> list[str]:
    """One package may lie in several places: the second and later ones get a number."""
    seen: dict[str, int] = {}
    taken: set[str] = {component["bom-ref"] for component in components}
    for component in components:
        ref = component["bom-ref"]
        count = seen[ref] = seen.get(ref, 0) + 1
        if count > 1:
            while (numbered := f"{ref}#{count}") in taken:
                count += 1
            component["bom-ref"] = numbered
            taken.add(numbered)
    return [component["bom-ref"] for component in components]
