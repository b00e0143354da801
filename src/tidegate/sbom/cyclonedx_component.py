# SPDX-License-Identifier: Apache-2.0
"""One component as CycloneDX writes it, and what of it each version of the standard has a field for."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from tidegate.artifact import Digest
from tidegate.inventory import Basis, Component, PackageKind, Scope
from tidegate.sbom.licence import licence_choices
from tidegate.sbom.marks import PREFIX, fit, is_well_formed, marks_of

if TYPE_CHECKING:  # which imports this module
    from tidegate.sbom.cyclonedx import SpecVersion

_ALGORITHMS: Final = {
    "md5": ("MD5", 32),
    "sha1": ("SHA-1", 40),
    "sha256": ("SHA-256", 64),
    "sha384": ("SHA-384", 96),
    "sha512": ("SHA-512", 128),
}
_HEX: Final = re.compile(r"[0-9a-f]+")
_SCOPES: Final = {
    Scope.RUNTIME: "required",
    Scope.OPTIONAL: "optional",
    Scope.BUILD: "excluded",
    Scope.TEST: "excluded",
    Scope.DEVELOPMENT: "excluded",
}
_EVIDENCE: Final = {
    Basis.INSTALLED: (1.0, "manifest-analysis"),
    Basis.RECOGNISED: (0.7, "binary-analysis"),
    Basis.LOCKED: (0.9, "manifest-analysis"),
    Basis.DECLARED: (0.6, "manifest-analysis"),
    Basis.CLAIMED: (0.3, "attestation"),
}
"""How sure a component's package URL is (0 to 1), and how it was found."""
_APPLICATIONS: Final = frozenset({PackageKind.GENERIC, PackageKind.BITNAMI})


def component_entry(component: Component, version: "SpecVersion") -> dict[str, Any]:
    """A component; its `bom-ref` is its package URL, which may stand several times in one document."""
    made: dict[str, Any] = {
        "type": "application" if component.kind in _APPLICATIONS else "library",
        "bom-ref": fit(component.purl) or "component",
        "name": fit(component.name),
        "version": fit(component.version),
        "scope": _SCOPES[component.scope],
        "properties": properties(marks_of(component)),
    }
    if is_well_formed(component.purl):
        made["purl"] = component.purl
    if component.supplier:
        made["supplier"] = {"name": fit(component.supplier)}
    if hashes := [found for checksum in component.checksums if (found := _hash(checksum))]:
        made["hashes"] = hashes
    statements = (component.license,) if component.license else component.licenses
    if licences := licence_choices([fit(statement) for statement in statements]):
        made["licenses"] = licences
    if version != "1.4":
        made["evidence"] = _evidence(component, version)
    return made


def properties(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """Marks as properties."""
    return [
        {
            "name": PREFIX + (name if name.isprintable() else fit(name)),
            "value": value if value.isprintable() else fit(value),
        }
        for name, value in pairs
    ]


def image_purl(name: str, digest: Digest) -> str:
    """`pkg:oci/…` as purl-spec has it: the last part of the repository, and the digest as version."""
    repository = name.partition("@")[0]
    head, _, tail = repository.rpartition("/")
    short = tail.partition(":")[0].lower() or "image"
    where = f"?repository_url={quote(f'{head}/{short}', safe='/')}" if head else ""
    return f"pkg:oci/{quote(short, safe='')}@{quote(str(digest), safe='')}{where}"


def _hash(checksum: str) -> dict[str, str] | None:
    name, _, content = checksum.partition(":")
    algorithm, digits = _ALGORITHMS.get(name, ("", 0))
    return {"alg": algorithm, "content": content} if len(content) == digits and _HEX.fullmatch(content) else None


def _evidence(component: Component, version: "SpecVersion") -> dict[str, Any]:
    confidence, technique = _EVIDENCE[component.basis]
    method = {"technique": technique, "confidence": confidence, "value": fit(component.cataloger)}
    identity = {"field": "purl", "confidence": confidence, "methods": [method]}
    if version == "1.5":
        made: dict[str, Any] = {"identity": identity}
        if component.location:
            made["occurrences"] = [{"location": fit(component.location)}]
        return made
    made = {"identity": [identity]}
    if component.location:
        layer = f"layer {component.layer}"
        made["occurrences"] = [{"location": fit(component.location), "additionalContext": layer}]
    return made
