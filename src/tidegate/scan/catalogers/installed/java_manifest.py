# SPDX-License-Identifier: Apache-2.0
"""What a Java archive says of itself: `MANIFEST.MF` (JAR File Specification), `pom.properties`, `pom.xml` (Maven)."""

import re
from typing import Final

from tidegate.bounds import KIB, MIB
from tidegate.scan.catalogers.installed.documents import notes
from tidegate.values import Struct

MAX_MANIFEST_BYTES: Final = 8 * MIB
"""Bytes of a manifest; one of a signed archive has an entry for each of its files."""
MAX_SECTION_BYTES: Final = 64 * KIB
"""Bytes of a manifest's first section and of properties; what follows is not looked at."""
MAX_POM_BYTES: Final = 4 * MIB
MAX_SUBSTITUTIONS: Final = 8
"""Placeholders replaced in one value of a pom."""
MAX_LICENSES_BYTES: Final = 16 * KIB
"""Bytes of a pom's section on licences that are looked at."""

_PLACEHOLDER: Final = re.compile(r"\$\{([A-Za-z0-9._-]{1,128})\}")
_LICENSE_NAME: Final = re.compile(rb"<name>([^<]{1,2048})</name>")
_ENTITIES: Final = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&"))


class Coordinates(Struct, frozen=True, kw_only=True):
    """Where a package lies in Maven's world; `group` and `version` are "" where nobody tells."""

    group: str
    artifact: str
    version: str


def read_manifest(content: bytes) -> dict[str, str]:
    """The main section's attributes by their names in lower case; continuation lines are joined."""
    attributes: dict[str, str] = {}
    current = ""
    pieces: list[str] = []
    for line in content[:MAX_SECTION_BYTES].decode(errors="replace").splitlines():
        if line.startswith(" "):
            pieces.append(line[1:])
            continue
        if current:
            attributes.setdefault(current, "".join(pieces).strip())
        if not line.strip() and attributes:
            return attributes
        current, _, value = line.partition(":")
        current, pieces = current.strip().lower(), [value]
    if current:
        attributes.setdefault(current, "".join(pieces).strip())
    return attributes


def read_properties(content: bytes) -> Coordinates:
    """The coordinates of a `pom.properties`; placeholders nobody filled in count as nothing."""
    found: dict[str, str] = {}
    for line in content[:MAX_SECTION_BYTES].decode("latin-1").splitlines():
        key, equals, value = line.partition("=")
        if equals and "${" not in value:
            found.setdefault(key.strip(), value.strip())
    return Coordinates(
        group=found.get("groupId", ""), artifact=found.get("artifactId", ""), version=found.get("version", "")
    )


def read_pom(content: bytes, *, where: str) -> Coordinates:
    """The coordinates of a `pom.xml`, from its parent where it leaves them out.

    Raises:
        InvalidInputError: it is not XML, or over a bound.
    """
    from tidegate.manifests.xml_document import child, read_xml, said, tag

    root = read_xml(content[:MAX_POM_BYTES], where=where)
    parent = child(root, "parent")
    group = said(root, "groupId") or said(parent, "groupId")
    version = said(root, "version") or said(parent, "version")
    properties = child(root, "properties")
    known = {tag(it): (it.text or "").strip() for it in (properties if properties is not None else ())}
    known |= {
        "project.groupId": group,
        "project.version": version,
        "project.parent.version": said(parent, "version"),
        "project.parent.groupId": said(parent, "groupId"),
    }
    return Coordinates(
        group=_filled(group, known),
        artifact=_filled(said(root, "artifactId"), known),
        version=_filled(version, known),
    )


def pom_licenses(content: bytes) -> tuple[str, ...]:
    """Names of the licences of a `pom.xml`, without reading the whole of it as XML."""
    start = content.find(b"<licenses>")
    if start < 0:
        return ()
    section = content[start : start + MAX_LICENSES_BYTES].partition(b"</licenses>")[0]
    return notes(_plain(name.decode(errors="replace")) for name in _LICENSE_NAME.findall(section))


def manifest_licenses(attributes: dict[str, str]) -> tuple[str, ...]:
    """OSGi's Bundle-License: names or addresses apart by commas, each with parameters after a semicolon."""
    stated = (one.partition(";")[0].strip() for one in attributes.get("bundle-license", "").split(","))
    return notes(one for one in stated if not one.startswith("<<"))


def _filled(value: str, known: dict[str, str]) -> str:
    for _ in range(MAX_SUBSTITUTIONS):
        found = _PLACEHOLDER.search(value)
        if found is None:
            return value
        value = value[: found.start()] + known.get(found[1], "")[:512] + value[found.end() :]
        if len(value) > MAX_SECTION_BYTES:
            return ""
    return "" if "${" in value else value


def _plain(text: str) -> str:
    for entity, char in _ENTITIES:
        text = text.replace(entity, char)
    return text
