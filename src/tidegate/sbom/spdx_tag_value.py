# SPDX-License-Identifier: Apache-2.0
"""SPDX's JSON form to its tag-value form and back (SPDX 2.3, clauses 6 to 12): one line a field, texts in marks."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from tidegate.bounds import MIB
from tidegate.errors import BoundExceededError, InvalidInputError

MAX_TAG_VALUE_BYTES: Final = 128 * MIB
_TAG: Final = re.compile(r"([A-Za-z0-9]{1,64}): ?(.*)", re.DOTALL)
_OPEN: Final = "<text>"
_CLOSE: Final = "</text>"
_WORDS: Final = frozenset({"NONE", "NOASSERTION"})

_PACKAGE: Final = (
    ("name", "PackageName"),
    ("SPDXID", "SPDXID"),
    ("versionInfo", "PackageVersion"),
    ("supplier", "PackageSupplier"),
    ("downloadLocation", "PackageDownloadLocation"),
    ("filesAnalyzed", "FilesAnalyzed"),
    ("checksums", "PackageChecksum"),
    ("sourceInfo", "PackageSourceInfo"),
    ("licenseConcluded", "PackageLicenseConcluded"),
    ("licenseDeclared", "PackageLicenseDeclared"),
    ("copyrightText", "PackageCopyrightText"),
    ("externalRefs", "ExternalRef"),
    ("primaryPackagePurpose", "PrimaryPackagePurpose"),
)
_PACKAGE_KEYS: Final = {tag: key for key, tag in _PACKAGE}


def to_tag_value(document: Mapping[str, Any]) -> bytes:
    """Writes a document of `tidegate.sbom.spdx` as tag-value."""
    return ("\n".join(_lines(document)) + "\n").encode()


def from_tag_value(data: bytes, *, where: str) -> dict[str, Any]:
    """Reads a document into what its JSON form would be; of files and snippets nothing is kept.

    Raises:
        BoundExceededError: over 128 MiB.
        InvalidInputError: not UTF-8, or a text without an end.
    """
    if len(data) > MAX_TAG_VALUE_BYTES:
        raise BoundExceededError("MAX_TAG_VALUE_BYTES", MAX_TAG_VALUE_BYTES, where=where)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInputError("is not UTF-8", where=where) from error
    reading = _Reading()
    for tag, value in _pairs(text, where):
        reading.take(tag, value)
    return reading.document()


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    yield f"SPDXVersion: {document['spdxVersion']}"
    yield f"DataLicense: {document['dataLicense']}"
    yield f"SPDXID: {document['SPDXID']}"
    yield f"DocumentName: {_named(document['name'])}"
    yield f"DocumentNamespace: {document['documentNamespace']}"
    for creator in document["creationInfo"]["creators"]:
        yield f"Creator: {creator}"
    yield f"Created: {document['creationInfo']['created']}"
    for package in document["packages"]:
        yield ""
        yield from _package(package)
    yield ""
    for one in document["relationships"]:
        yield f"Relationship: {one['spdxElementId']} {one['relationshipType']} {one['relatedSpdxElement']}"
    for one in document.get("hasExtractedLicensingInfos", ()):
        yield ""
        yield f"LicenseID: {one['licenseId']}"
        yield f"ExtractedText: {_text(one['extractedText'])}"
        yield f"LicenseName: {one['name']}"


def _package(package: Mapping[str, Any]) -> Iterator[str]:
    for key, tag in _PACKAGE:
        if key not in package:
            continue
        value = package[key]
        if key == "checksums":
            yield from (f"{tag}: {one['algorithm']}: {one['checksumValue']}" for one in value)
        elif key == "externalRefs":
            for one in value:
                yield f"{tag}: {one['referenceCategory']} {one['referenceType']} {one['referenceLocator']}"
        elif key in {"name", "versionInfo", "packageFileName"}:
            yield f"{tag}: {_named(value)}"
        else:
            yield f"{tag}: {str(value).lower() if isinstance(value, bool) else _plain(value)}"
    for one in package.get("annotations", ()):
        yield f"Annotator: {one['annotator']}"
        yield f"AnnotationDate: {one['annotationDate']}"
        yield f"AnnotationType: {one['annotationType']}"
        yield f"SPDXREF: {package['SPDXID']}"
        yield f"AnnotationComment: {_text(one['comment'])}"


def _plain(value: str) -> str:
    """A value on its line; what would begin or end a text is spelled another way."""
    return value.replace(_OPEN, "(text)").replace(_CLOSE, "(/text)")


def _named(value: str) -> str:
    """A name; one that is a word of the format itself would be taken for it."""
    return f"({value})" if value in _WORDS else _plain(value)


def _text(value: str) -> str:
    return f"{_OPEN}{value.replace(_OPEN, '(text)').replace(_CLOSE, '(/text)')}{_CLOSE}"


def _pairs(text: str, where: str) -> Iterator[tuple[str, str]]:
    lines = iter(text.split("\n"))
    for at, raw in enumerate(lines):
        found = _TAG.fullmatch(raw.rstrip("\r"))
        if found is None:
            continue  # blank lines, remarks, and what nobody knows
        tag, value = found[1], found[2].strip()
        if value.startswith(_OPEN):
            value = _whole(value.removeprefix(_OPEN), lines, f"{where}: line {at + 1} and on")
        yield tag, value


def _whole(first: str, lines: Iterator[str], where: str) -> str:
    collected = [first]
    while _CLOSE not in collected[-1]:
        following = next(lines, None)
        if following is None:
            raise InvalidInputError("a text has no end", where=where)
        collected.append(following)
    return "\n".join(collected).partition(_CLOSE)[0]


class _Reading:
    """Fields as they come, put where the JSON form has them."""

    def __init__(self) -> None:
        self._top: dict[str, Any] = {"creationInfo": {"creators": []}, "packages": [], "relationships": []}
        self._package: dict[str, Any] | None = None
        self._annotation: dict[str, str] = {}
        self._annotations: list[dict[str, str]] = []
        self._acts: dict[str, Callable[[str], None]] = {
            "PackageName": self._begin_package,
            "FileName": self._end_package,
            "SnippetSPDXID": self._end_package,
            "LicenseID": self._end_package,
            "ExternalRef": self._external_ref,
            "PackageChecksum": self._checksum,
            "Relationship": self._relationship,
            "RelationshipComment": self._relationship_comment,
            "Annotator": self._begin_annotation,
            "SPDXVersion": lambda value: self._top.__setitem__("spdxVersion", value),
            "DocumentName": lambda value: self._top.__setitem__("name", value),
            "Created": lambda value: self._top["creationInfo"].__setitem__("created", value),
            "Creator": self._top["creationInfo"]["creators"].append,
        }

    def take(self, tag: str, value: str) -> None:
        """Puts one field in its place."""
        if tag in self._acts:
            self._acts[tag](value)
        elif tag in {"SPDXREF", "AnnotationComment"} and self._annotation:
            self._annotation["of" if tag == "SPDXREF" else "comment"] = value
        elif self._package is not None and tag in _PACKAGE_KEYS:
            self._package[_PACKAGE_KEYS[tag]] = value

    def document(self) -> dict[str, Any]:
        """All that was read, annotations with the packages they speak of."""
        by_id = {package.get("SPDXID"): package for package in self._top["packages"]}
        for one in self._annotations:
            package = by_id.get(one.get("of"))
            if package is not None and "comment" in one:
                package.setdefault("annotations", []).append({"comment": one["comment"]})
        return self._top

    def _begin_package(self, value: str) -> None:
        self._package = {"name": value}
        self._top["packages"].append(self._package)

    def _end_package(self, _value: str) -> None:
        self._package = None

    def _begin_annotation(self, value: str) -> None:
        self._annotation = {"annotator": value}
        self._annotations.append(self._annotation)

    def _external_ref(self, value: str) -> None:
        parts = value.split(None, 2)
        if self._package is not None and len(parts) == 3:  # noqa: PLR2004 - category, type, locator
            made = dict(zip(("referenceCategory", "referenceType", "referenceLocator"), parts, strict=True))
            self._package.setdefault("externalRefs", []).append(made)

    def _checksum(self, value: str) -> None:
        algorithm, _, content = value.partition(":")
        if self._package is not None:
            made = {"algorithm": algorithm.strip(), "checksumValue": content.strip()}
            self._package.setdefault("checksums", []).append(made)

    def _relationship(self, value: str) -> None:
        parts = value.split()
        if len(parts) == 3:  # noqa: PLR2004 - one, relation, other
            made = dict(zip(("spdxElementId", "relationshipType", "relatedSpdxElement"), parts, strict=True))
            self._top["relationships"].append(made)

    def _relationship_comment(self, value: str) -> None:
        if self._top["relationships"]:
            self._top["relationships"][-1]["comment"] = value
