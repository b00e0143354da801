# SPDX-License-Identifier: Apache-2.0
"""An SPDX document, 2.2 or 2.3, ours or a stranger's, to what it says of packages.

Of strangers' the remarks of Syft, Trivy and buildkit are read where their package URLs leave something out: `built
package from:` and `acquired package info from …:` in `sourceInfo`, `LayerDigest:` and the like in annotations.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from tidegate.artifact import Digest, ImageConfig
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.inventory import Census, OsRelease, Scope
from tidegate.sbom.claim import Claim
from tidegate.sbom.cyclonedx import MAX_COMPONENTS
from tidegate.sbom.distro import os_named
from tidegate.sbom.gathered import Gathered, Told
from tidegate.sbom.image_marks import MAX_MARK_BYTES
from tidegate.sbom.marks import from_exact
from tidegate.sbom.spdx import COMPONENT_MARK, IMAGE_MARK, OS_MARK
from tidegate.sbom.spdx_licence import NOASSERTION
from tidegate.values import Struct, field
from tidegate.wire import from_json

VERSIONS: Final = frozenset({"SPDX-2.2", "SPDX-2.3"})
_NO_PACKAGES: Final = frozenset({"CONTAINER", "OPERATING-SYSTEM", "OPERATING_SYSTEM", "FILE", "DEVICE", "FIRMWARE"})
_BUILT_FROM: Final = re.compile(r"built package from: (\S+) ?(\S*)")
_READ_FROM: Final = re.compile(r"acquired package info from [^:]{1,200}: ([^,]+)")
_SCOPES: Final = {
    "OPTIONAL_DEPENDENCY_OF": Scope.OPTIONAL,
    "BUILD_DEPENDENCY_OF": Scope.BUILD,
    "BUILD_TOOL_OF": Scope.BUILD,
    "TEST_DEPENDENCY_OF": Scope.TEST,
    "DEV_DEPENDENCY_OF": Scope.DEVELOPMENT,
    "DEV_TOOL_OF": Scope.DEVELOPMENT,
}
_ALGORITHMS: Final = {"MD5": "md5", "SHA1": "sha1", "SHA256": "sha256", "SHA384": "sha384", "SHA512": "sha512"}
_OVERLAP: Final = "ownership-by-file-overlap"


T = TypeVar("T")


class _ImageMark(Struct, frozen=True, kw_only=True):
    digest: Digest
    name: str = ""
    layers: tuple[Digest, ...] = ()
    layers_unpacked: tuple[Digest, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)
    config: ImageConfig | None = None
    census: Census | None = None
    passed_over: tuple[str, ...] = ()


def gathered_from_spdx(document: Mapping[str, Any], *, where: str) -> Gathered:
    """What a document's JSON form says.

    Raises:
        BoundExceededError: too many packages.
        InvalidInputError: of a version that is not read here, or its marks of tidegate are broken.
    """
    version = _text(document, "spdxVersion")
    if version not in VERSIONS:
        raise InvalidInputError(f"SPDX {version!r} is not read here", where=where, remedy="write it as SPDX-2.3")
    entries = [entry for entry in _list(document.get("packages")) if isinstance(entry, dict)]
    if len(entries) > MAX_COMPONENTS:
        raise BoundExceededError("MAX_COMPONENTS", MAX_COMPONENTS, where=where)
    marked = [(entry, _marks(entry)) for entry in entries]
    image = _mark(marked, IMAGE_MARK, _ImageMark, where)
    described = _described(entries)
    packages, without = _packages(document, marked)
    return Gathered(
        packages=packages,
        without_purl=without,
        os_release=_mark(marked, OS_MARK, OsRelease, where) or _system(entries),
        digest=image.digest if image else _digest(described),
        name=image.name if image else _text(described, "name"),
        layers=image.layers if image else (),
        layers_unpacked=image.layers_unpacked if image else (),
        annotations=image.annotations if image else {},
        config=image.config if image else None,
        census=image.census if image else None,
        passed_over=image.passed_over if image else (),
    )


def _packages(
    document: Mapping[str, Any], marked: Sequence[tuple[Mapping[str, Any], Mapping[str, str]]]
) -> tuple[list[tuple[str, Told]], int]:
    """What is said of each package, and how many have no package URL."""
    scopes, owners = _relations(document, {_text(entry, "SPDXID"): _purl(entry) for entry, _ in marked})
    packages: list[tuple[str, Told]] = []
    without = 0
    for entry, marks in marked:
        purl, identity = _purl(entry), _text(entry, "SPDXID")
        if COMPONENT_MARK in marks:
            packages.append((_text(entry, "name"), partial(from_exact, marks[COMPONENT_MARK])))
        elif marks or _is_image(entry) or _text(entry, "primaryPackagePurpose") in _NO_PACKAGES:
            continue
        elif purl:
            claim = _claim(entry, purl, scopes.get(identity, Scope.RUNTIME), owners.get(identity, ""))
            packages.append((_text(entry, "name"), claim))
        else:
            without += 1
    return packages, without


def _mark(
    marked: Sequence[tuple[Mapping[str, Any], Mapping[str, str]]], mark: str, type_: type[T], where: str
) -> T | None:
    found = next((marks[mark] for _, marks in marked if mark in marks), None)
    return from_json(found.encode(), type_, what=where, max_bytes=MAX_MARK_BYTES) if found is not None else None


def _system(entries: Sequence[Mapping[str, Any]]) -> OsRelease | None:
    for entry in entries:
        if _text(entry, "primaryPackagePurpose") in {"OPERATING-SYSTEM", "OPERATING_SYSTEM"}:
            return os_named(_text(entry, "name"), _text(entry, "versionInfo"))
    return None


def _described(entries: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    return next((entry for entry in entries if _is_image(entry)), {})


def _is_image(entry: Mapping[str, Any]) -> bool:
    return _text(entry, "primaryPackagePurpose") == "CONTAINER" or _purl(entry).startswith("pkg:oci/")


def _relations(document: Mapping[str, Any], purls: Mapping[str, str]) -> tuple[dict[str, Scope], dict[str, str]]:
    """Scopes by package, and by package the package URL of what owns its files (as Syft remarks)."""
    scopes: dict[str, Scope] = {}
    owners: dict[str, str] = {}
    for one in _list(document.get("relationships")):
        if not isinstance(one, dict):
            continue
        left, kind, right = (_text(one, key) for key in ("spdxElementId", "relationshipType", "relatedSpdxElement"))
        if kind in _SCOPES:
            scopes[left] = _SCOPES[kind]
        elif kind == "OTHER" and _text(one, "comment").startswith(_OVERLAP) and purls.get(left):
            owners[right] = purls[left]
    return scopes, owners


def _claim(entry: Mapping[str, Any], purl: str, scope: Scope, owner: str) -> Claim:
    said = _text(entry, "sourceInfo")
    remarks = dict(_remarks(entry))
    built, read = _BUILT_FROM.search(said), _READ_FROM.search(said)
    return Claim(
        purl=purl,
        location=(read[1].strip().lstrip("/") if read else "") or remarks.get("PkgPath", ""),
        layer=remarks.get("LayerDigest", ""),
        source_name=built[1] if built else "",
        source_version=built[2] if built else "",
        modularity=remarks.get("Modularitylabel", ""),
        licenses=tuple(_licences(entry)),
        checksums=tuple(_checksums(entry)),
        supplier=_supplier(_text(entry, "supplier")),
        scope=scope,
        owner=owner,
    )


def _purl(entry: Mapping[str, Any]) -> str:
    for one in _list(entry.get("externalRefs")):
        if isinstance(one, dict) and _text(one, "referenceType") == "purl":
            return _text(one, "referenceLocator")
    return ""


def _marks(entry: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for comment in _comments(entry):
        for mark in (COMPONENT_MARK, IMAGE_MARK, OS_MARK):
            if comment.startswith(mark):
                found[mark] = comment.removeprefix(mark)
    return found


def _remarks(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Trivy's `Name: value`, in annotations (from 0.58 on) or attribution texts (before)."""
    for text in (*_comments(entry), *_list(entry.get("attributionTexts"))):
        if isinstance(text, str):
            name, _, value = text.partition(": ")
            yield name, value


def _comments(entry: Mapping[str, Any]) -> Iterator[str]:
    for one in _list(entry.get("annotations")):
        if isinstance(one, dict):
            yield _text(one, "comment")


def _licences(entry: Mapping[str, Any]) -> Iterator[str]:
    stated = _text(entry, "licenseDeclared")
    if stated in {"", "NONE", NOASSERTION}:
        stated = _text(entry, "licenseConcluded")
    if stated not in {"", "NONE", NOASSERTION}:
        yield stated


def _checksums(entry: Mapping[str, Any]) -> Iterator[str]:
    for one in _list(entry.get("checksums")):
        if isinstance(one, dict) and (algorithm := _ALGORITHMS.get(_text(one, "algorithm"))):
            yield f"{algorithm}:{_text(one, 'checksumValue').lower()}"


def _supplier(text: str) -> str:
    kind, colon, rest = text.partition(":")
    return rest.strip() if colon and kind in {"Organization", "Person"} else ""


def _digest(entry: Mapping[str, Any]) -> Digest | None:
    purl = _purl(entry).partition("?")[0].partition("@")[2].replace("%3A", ":").replace("%3a", ":")
    for text in (_text(entry, "versionInfo"), purl):
        try:
            return Digest(text)
        except InvalidInputError:
            continue
    return None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key)
    return value if isinstance(value, str) else ""
