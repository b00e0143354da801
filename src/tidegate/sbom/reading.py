# SPDX-License-Identifier: Apache-2.0
"""Any bill of materials to an inventory: the form is told by its first bytes, an attestation around it is taken off."""

import binascii
from base64 import b64decode
from collections.abc import Mapping
from typing import Any, Final

from tidegate.artifact import Digest
from tidegate.bounds import MIB
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.inventory import Inventory
from tidegate.sbom.claim import EcosystemOf
from tidegate.sbom.cyclonedx_reading import gathered_from_cyclonedx
from tidegate.sbom.gathered import Gathered, inventory_of
from tidegate.wire import from_json

MAX_SBOM_BYTES: Final = 128 * MIB
_MAX_WRAPPINGS: Final = 4
"""A bundle, an envelope, a statement, and cosign's own `Data`."""
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def read_sbom(data: bytes, name: str, *, ecosystem_of: EcosystemOf) -> Inventory:
    """Reads CycloneDX 1.2 to 1.6 (JSON, XML) or SPDX 2.2 and 2.3 (JSON, tag-value).

    An in-toto statement, a DSSE envelope or a sigstore bundle around it is taken off; its signature is not checked. A
    document that tidegate wrote gives back the inventory it was written from: layers, components, operating system and
    annotations, without what needs the files (secrets, custody, configuration). From others' every package that has
    a package URL becomes a component with the basis `claimed`; what cannot be read is told as an outcome.

    Args:
        data: the document.
        name: of the file, for errors, and for the report when the document names no image.
        ecosystem_of: whose advisories speak of a package: `tidegate.scan.ecosystem.ecosystem_of`.

    Raises:
        BoundExceededError: over 128 MiB (XML 64 MiB), too many components, or nested too deep.
        InvalidInputError: no such document.
    """
    if len(data) > MAX_SBOM_BYTES:
        raise BoundExceededError("MAX_SBOM_BYTES", MAX_SBOM_BYTES, where=name)
    gathered = _gathered(data.removeprefix(_BYTE_ORDER_MARK).lstrip(), name)
    return inventory_of(gathered, name=name, digest=Digest.of(data), ecosystem_of=ecosystem_of)


def looks_like_sbom(head: bytes) -> bool:
    """True when a file's first bytes may begin a bill of materials; a cheap guess, for who has several readers."""
    start = head.removeprefix(_BYTE_ORDER_MARK).lstrip()
    if start.startswith(b"{"):
        return any(word in head for word in (b'"bomFormat"', b'"spdxVersion"', b'"SPDXID"', b'"payloadType"'))
    return start.startswith(b"SPDXVersion:") or (start.startswith(b"<") and b"cyclonedx.org/schema/bom" in head)


def _gathered(data: bytes, name: str) -> Gathered:
    if data.startswith(b"{"):
        return _from_object(_unwrapped(data, name), name)
    if data.startswith(b"<"):
        from tidegate.sbom.cyclonedx_xml import from_xml

        return gathered_from_cyclonedx(from_xml(data, where=name), where=name)
    if data.startswith((b"SPDXVersion:", b"#")):
        return _from_tag_value(data, name)
    raise InvalidInputError("is no bill of materials", where=name, remedy="give one in CycloneDX or SPDX 2")


def _from_object(document: Mapping[str, Any], name: str) -> Gathered:
    if document.get("bomFormat") == "CycloneDX":
        return gathered_from_cyclonedx(document, where=name)
    if "spdxVersion" in document:
        from tidegate.sbom.spdx_reading import gathered_from_spdx

        return gathered_from_spdx(document, where=name)
    raise InvalidInputError("is no bill of materials", where=name, remedy="give one in CycloneDX or SPDX 2")


def _from_tag_value(data: bytes, name: str) -> Gathered:
    from tidegate.sbom.spdx_reading import gathered_from_spdx
    from tidegate.sbom.spdx_tag_value import from_tag_value

    return gathered_from_spdx(from_tag_value(data, where=name), where=name)


def _unwrapped(data: bytes, name: str) -> Mapping[str, Any]:
    """The document inside a sigstore bundle, a DSSE envelope, an in-toto statement."""
    document: Mapping[str, Any] = from_json(data, dict[str, Any], what=name, max_bytes=MAX_SBOM_BYTES)
    for _ in range(_MAX_WRAPPINGS):
        inner = _inner(document, name)
        if inner is None:
            return document
        document = inner
    raise InvalidInputError("an attestation inside an attestation", where=name)


def _inner(document: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    for key in ("dsseEnvelope", "predicate", "Data"):
        if key in document and "bomFormat" not in document and "spdxVersion" not in document:
            held = document[key]
            if isinstance(held, str):
                return from_json(held.encode(), dict[str, Any], what=name, max_bytes=MAX_SBOM_BYTES)
            if not isinstance(held, dict):
                raise InvalidInputError(f"an attestation whose {key} is no document", where=name)
            return held
    if "payloadType" not in document:
        return None
    try:
        payload = b64decode(str(document.get("payload", "")), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInputError("an envelope whose payload is no base64", where=name) from error
    return from_json(payload, dict[str, Any], what=name, max_bytes=MAX_SBOM_BYTES)
