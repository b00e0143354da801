# SPDX-License-Identifier: Apache-2.0
"""Image manifests and indexes (OCI image-spec 1.1; Docker manifest v2, schema 2).

The bytes that were hashed are kept verbatim beside the parsed form, so fields unknown here survive.
"""

from collections.abc import Mapping
from typing import Any, Final

from tidegate.artifact import media_type as mt
from tidegate.artifact.digest import Digest
from tidegate.artifact.platform import Platform
from tidegate.bounds import MIB
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.values import Struct, field
from tidegate.wire import from_json

MAX_MANIFEST_BYTES: Final = 4 * MIB
MAX_LAYERS: Final = 1000
MAX_CHILDREN: Final = 1000


class Descriptor(Struct, frozen=True, kw_only=True):
    """What a manifest says of one blob: its type, digest and size in bytes."""

    media_type: str
    digest: Digest
    size: int
    platform: Platform | None = None
    artifact_type: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)


class Manifest(Struct, frozen=True, kw_only=True):
    """One image, or one artifact that hangs on another (`subject`)."""

    raw: bytes
    digest: Digest
    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]
    artifact_type: str = ""
    subject: Descriptor | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_image(self) -> bool:
        """True when a runtime could run it: by its configuration or any file-system layer, whatever it claims.

        BuildKit's attestations and cosign's signatures borrow an image configuration and hold statements only: nothing
        there can run.
        """
        if any(mt.is_layer(layer.media_type) for layer in self.layers):
            return True
        statements_only = bool(self.layers) and all(layer.media_type in mt.STATEMENTS for layer in self.layers)
        return self.config.media_type in mt.IMAGE_CONFIGS and not statements_only


class Index(Struct, frozen=True, kw_only=True):
    """Several manifests under one digest, most often one a platform."""

    raw: bytes
    digest: Digest
    media_type: str
    manifests: tuple[Descriptor, ...]
    artifact_type: str = ""
    subject: Descriptor | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)


def parse_manifest(raw: bytes, *, media_type: str = "", where: str = "manifest") -> Manifest | Index:
    """Reads a manifest or an index.

    Args:
        raw: the document, kept verbatim.
        media_type: what the carrier (header or descriptor) said it is; must agree with the document when both say.
        where: its name in errors.

    Raises:
        BoundExceededError: over 4 MiB, 1000 layers or 1000 children.
        InvalidInputError: not a manifest, of an unknown type, or the types disagree.
    """
    document = from_json(raw, dict[str, Any], what=where, max_bytes=MAX_MANIFEST_BYTES)
    stated = _text(document.get("mediaType", ""), "mediaType", where)
    kind = stated or media_type or _guess(document)
    if stated and media_type and stated != media_type:
        raise InvalidInputError(f"says it is {stated!r} and came as {media_type!r}", where=where)
    if document.get("schemaVersion") != 2:  # noqa: PLR2004 - the only version there is
        raise InvalidInputError("schemaVersion is not 2", where=where)
    subject = document.get("subject")
    shared: dict[str, Any] = {
        "raw": raw,
        "digest": Digest.of(raw),
        "media_type": kind,
        "artifact_type": _text(document.get("artifactType", ""), "artifactType", where),
        "subject": _descriptor(subject, f"{where} subject") if subject is not None else None,
        "annotations": _annotations(document.get("annotations"), where),
    }
    if kind in mt.MANIFESTS:
        if "manifests" in document:
            raise InvalidInputError("is both a manifest and an index", where=where)
        layers = _descriptors(document.get("layers"), MAX_LAYERS, "layers", where)
        return Manifest(config=_descriptor(document.get("config"), f"{where} config"), layers=layers, **shared)
    if kind in mt.INDEXES:
        if "layers" in document or "config" in document:
            raise InvalidInputError("is both an index and a manifest", where=where)
        return Index(manifests=_descriptors(document.get("manifests"), MAX_CHILDREN, "manifests", where), **shared)
    raise InvalidInputError(f"unknown manifest type {kind[:120]!r}", where=where)


def _guess(document: Mapping[str, Any]) -> str:
    return mt.OCI_INDEX if "manifests" in document else mt.OCI_MANIFEST


def _descriptors(value: object, limit: int, name: str, where: str) -> tuple[Descriptor, ...]:
    if not isinstance(value, list):
        raise InvalidInputError(f"{name} is not a list", where=where)
    if len(value) > limit:
        raise BoundExceededError(f"max_{name}", limit, where=where)
    return tuple(_descriptor(item, f"{where} {name}[{at}]") for at, item in enumerate(value))


def _descriptor(value: object, where: str) -> Descriptor:
    if not isinstance(value, dict):
        raise InvalidInputError("is not a descriptor", where=where)
    size = value.get("size")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < 1 << 63:
        raise InvalidInputError("size is not a whole number", where=where)
    platform = value.get("platform")
    return Descriptor(
        media_type=_text(value.get("mediaType"), "mediaType", where),
        digest=Digest(_text(value.get("digest"), "digest", where)),
        size=size,
        platform=_platform(platform, where) if platform is not None else None,
        artifact_type=_text(value.get("artifactType", ""), "artifactType", where),
        annotations=_annotations(value.get("annotations"), where),
    )


def _platform(value: object, where: str) -> Platform:
    if not isinstance(value, dict):
        raise InvalidInputError("platform is not an object", where=where)
    return Platform(
        os=_text(value.get("os", ""), "os", where),
        architecture=_text(value.get("architecture", ""), "architecture", where),
        variant=_text(value.get("variant", ""), "variant", where),
    )


def _annotations(value: object, where: str) -> Mapping[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise InvalidInputError("annotations are not a map of strings", where=where)
    return value


def _text(value: object, name: str, where: str) -> str:
    if not isinstance(value, str):
        raise InvalidInputError(f"{name} is not a string", where=where)
    return value
