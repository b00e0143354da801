# SPDX-License-Identifier: Apache-2.0
"""A CycloneDX document, 1.2 to 1.6, ours or a stranger's, to what it says of packages.

Of strangers' the properties of Syft (`syft:`) and Trivy (`aquasecurity:trivy:`) are read where their package URLs
leave something out: the source package, the module, the layer and the place.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from tidegate.artifact import Digest
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.inventory import OsRelease, Scope
from tidegate.sbom.claim import Claim
from tidegate.sbom.cyclonedx import MAX_COMPONENTS
from tidegate.sbom.cyclonedx_xml import MAX_DEPTH
from tidegate.sbom.distro import os_named
from tidegate.sbom.gathered import Gathered, Told
from tidegate.sbom.image_marks import (
    annotations_from,
    census_from,
    config_from,
    layers_from,
    name_from,
    os_from,
    passed_over_from,
)
from tidegate.sbom.marks import PREFIX, Marks, component_of

VERSIONS: Final = frozenset({"1.2", "1.3", "1.4", "1.5", "1.6", "1.7"})
_NO_PACKAGES: Final = frozenset({"file", "operating-system", "container", "device", "firmware", "cryptographic-asset"})
_TRIVY: Final = "aquasecurity:trivy:"
_SCOPES: Final = {"optional": Scope.OPTIONAL, "excluded": Scope.DEVELOPMENT}
_ALGORITHMS: Final = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}


def gathered_from_cyclonedx(document: Mapping[str, Any], *, where: str) -> Gathered:
    """What a document's JSON form says.

    Raises:
        BoundExceededError: too many components, or nested too deep.
        InvalidInputError: of a version that is not read here, or its marks of tidegate are broken.
    """
    version = _text(document, "specVersion")
    if version not in VERSIONS:
        raise InvalidInputError(f"CycloneDX {version!r} is not read here", where=where, remedy="write it as 1.6")
    metadata = _object(document.get("metadata"))
    image = _object(metadata.get("component"))
    image_marks = _marks(image)
    packages: list[tuple[str, Told]] = []
    system: OsRelease | None = None
    without = 0
    for entry in _entries(document, image, where):
        kind = _text(entry, "type")
        if kind == "operating-system":
            system = system or _system(entry, where)
        elif kind not in _NO_PACKAGES:
            told = _told(entry)
            if told is None:
                without += 1
            else:
                packages.append((_text(entry, "name") or _text(entry, "purl"), told))
    return Gathered(
        packages=packages,
        without_purl=without,
        os_release=system,
        digest=_digest(image),
        name=name_from(image_marks, _text(image, "name") if image.get("type") == "container" else "", where),
        layers=layers_from(image_marks, "layer"),
        layers_unpacked=layers_from(image_marks, "diff-id"),
        annotations=annotations_from(image_marks, where),
        config=config_from(image_marks, where),
        census=census_from(image_marks, where),
        passed_over=passed_over_from(image_marks, where),
    )


def _entries(document: Mapping[str, Any], image: Mapping[str, Any], where: str) -> Iterator[Mapping[str, Any]]:
    """All components, those inside others too."""
    waiting = [(entry, 0) for entry in (*_list(document.get("components")), *_list(image.get("components")))]
    waiting.reverse()
    count = 0
    while waiting:
        entry, depth = waiting.pop()
        if not isinstance(entry, dict):
            continue
        count += 1
        if count > MAX_COMPONENTS:
            raise BoundExceededError("MAX_COMPONENTS", MAX_COMPONENTS, where=where)
        if depth > MAX_DEPTH:
            raise BoundExceededError("MAX_DEPTH", MAX_DEPTH, where=where)
        yield entry
        waiting.extend((inner, depth + 1) for inner in reversed(_list(entry.get("components"))))


def _told(entry: Mapping[str, Any]) -> Told | None:
    marks = _marks(entry)
    if "basis" in marks:  # which is written of every component of ours
        supplier = _text(_object(entry.get("supplier")), "name")
        stated = {key: _text(entry, key) for key in ("name", "version", "purl")}
        return partial(component_of, marks, supplier=supplier, **stated)
    purl = _text(entry, "purl")
    return _claim(entry, purl) if purl else None


def _claim(entry: Mapping[str, Any], purl: str) -> Claim:
    said = _properties(entry)
    source_name, source_version = _source(said)
    return Claim(
        purl=purl,
        location=_location(entry, said),
        layer=said.get(f"{_TRIVY}LayerDigest", "") or said.get("syft:location:0:layerID", ""),
        source_name=source_name,
        source_version=source_version,
        modularity=said.get(f"{_TRIVY}Modularitylabel", "") or said.get("syft:metadata:modularityLabel", ""),
        licenses=tuple(_licences(entry)),
        checksums=tuple(_checksums(entry)),
        supplier=_text(_object(entry.get("supplier")), "name") or _text(entry, "publisher"),
        scope=_SCOPES.get(_text(entry, "scope"), Scope.RUNTIME),
    )


def _source(said: Mapping[str, str]) -> tuple[str, str]:
    """Trivy's fields, with epoch and release; else Syft's."""
    if name := said.get(f"{_TRIVY}SrcName", ""):
        version = said.get(f"{_TRIVY}SrcVersion", "")
        if release := said.get(f"{_TRIVY}SrcRelease", ""):
            version = f"{version}-{release}"
        epoch = said.get(f"{_TRIVY}SrcEpoch", "")
        return name, f"{epoch}:{version}" if version and epoch not in {"", "0"} else version
    return said.get("syft:metadata:source", ""), said.get("syft:metadata:sourceVersion", "")


def _location(entry: Mapping[str, Any], said: Mapping[str, str]) -> str:
    for name in ("syft:location:0:path", f"{_TRIVY}FilePath", "SrcFile"):
        if path := said.get(name):
            return path.lstrip("/")
    for occurrence in _list(_object(entry.get("evidence")).get("occurrences")):
        if path := _text(_object(occurrence), "location"):
            return path.lstrip("/")
    return ""


def _licences(entry: Mapping[str, Any]) -> Iterator[str]:
    for choice in _list(entry.get("licenses")):
        licence = _object(_object(choice).get("license"))
        stated = _text(_object(choice), "expression") or _text(licence, "id") or _text(licence, "name")
        if stated:
            yield stated


def _checksums(entry: Mapping[str, Any]) -> Iterator[str]:
    for one in _list(entry.get("hashes")):
        algorithm = _ALGORITHMS.get(_text(_object(one), "alg"))
        if algorithm and (content := _text(_object(one), "content")):
            yield f"{algorithm}:{content.lower()}"


def _system(entry: Mapping[str, Any], where: str) -> OsRelease | None:
    name, version, marks = _text(entry, "name"), _text(entry, "version"), _marks(entry)
    if _text(entry, "bom-ref") == f"os:{name}":  # ours, whether or not it has marks
        return os_from(marks, name=name, version=version, where=where)
    return os_named(name, version)


def _digest(image: Mapping[str, Any]) -> Digest | None:
    """Of the image a document is about: its version, or what its package URL or Trivy's RepoDigest says."""
    said = _properties(image)
    purl = _text(image, "purl").partition("?")[0].partition("@")[2].replace("%3A", ":").replace("%3a", ":")
    for text in (_text(image, "version"), purl, said.get(f"{_TRIVY}RepoDigest", "").rpartition("@")[2]):
        try:
            return Digest(text)
        except InvalidInputError:
            continue
    return None


def _marks(entry: Mapping[str, Any]) -> Marks:
    """Properties of tidegate, by name without its prefix."""
    found: dict[str, list[str]] = {}
    for item in _list(entry.get("properties")):
        name, value = _text(_object(item), "name"), _text(_object(item), "value")
        if name.startswith(PREFIX):
            found.setdefault(name.removeprefix(PREFIX), []).append(value)
    return found


def _properties(entry: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in _list(entry.get("properties")):
        found.setdefault(_text(_object(item), "name"), _text(_object(item), "value"))
    return found


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key)
    return value if isinstance(value, str) else ""
