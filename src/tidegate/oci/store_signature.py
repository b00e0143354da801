# SPDX-License-Identifier: Apache-2.0
"""Stores a signature beside its image: as a referrer (OCI 1.1), or as one more layer under cosign's tag."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from tidegate.artifact import Descriptor, Digest, Index, Manifest, Reference, Tag, parse_manifest
from tidegate.artifact import media_type as mt
from tidegate.artifact.manifest import MAX_LAYERS
from tidegate.errors import BoundExceededError, InvalidInputError, NotFoundError
from tidegate.oci.layout import LayoutBlobs, layout_index
from tidegate.oci.push import Pusher
from tidegate.oci.registry import RegistryClient
from tidegate.oci.signatures import signature_tag
from tidegate.oci.write import REF_NAME, enter_layout, enter_unnamed, wire_descriptor, write_blob
from tidegate.values import replace
from tidegate.wire import to_json

_EMPTY: Final = b"{}"
_MAX_INDEX_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What is stored.

    Attributes:
        annotations: of the layer under a tag; cosign keeps signatures of simple payloads there.
    """

    content: bytes = field(repr=False)
    media_type: str
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def descriptor(self) -> Descriptor:
        """What a manifest says of it."""
        return Descriptor(
            media_type=self.media_type,
            digest=Digest.of(self.content),
            size=len(self.content),
            annotations=self.annotations,
        )


class SignatureShelf(Protocol):
    """Where signatures are stored."""

    def put_blob(self, content: bytes) -> None:
        """Keeps a blob under its digest."""
        ...

    def put_manifest(self, raw: bytes, tag: str | None) -> Digest:
        """Keeps a manifest whose blobs are there, under a tag or as a referrer."""
        ...

    def tagged(self, tag: str) -> Manifest | None:
        """The manifest under a tag; None when there is none."""
        ...


def store_referrer(
    shelf: SignatureShelf, subject: Descriptor, layer: Layer, annotations: Mapping[str, str] | None = None
) -> Digest:
    """Stores a signature as a manifest of its own that hangs on an image (image-spec 1.1, "subject").

    Args:
        shelf: where to.
        subject: the image's manifest or index.
        layer: the signature; its media type is the manifest's artifact type too.
        annotations: of the manifest; referrers are listed with them.

    Returns:
        The new manifest's digest.

    Raises:
        OutsideError: the registry or the disk failed.
    """
    shelf.put_blob(_EMPTY)
    shelf.put_blob(layer.content)
    manifest: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": mt.OCI_MANIFEST,
        "artifactType": layer.media_type,
        "config": {"mediaType": mt.OCI_EMPTY, "digest": Digest.of(_EMPTY), "size": len(_EMPTY)},
        "layers": [wire_descriptor(layer.descriptor)],
        "subject": {"mediaType": subject.media_type, "digest": subject.digest, "size": subject.size},
    }
    if annotations:
        manifest["annotations"] = dict(annotations)
    return shelf.put_manifest(to_json(manifest), None)


def store_tagged(shelf: SignatureShelf, subject: Digest, layer: Layer, ending: str) -> Digest:
    """Stores a signature under cosign's tag, behind those that are there; the same one twice is there once.

    Two who write at the same moment lose one of the two, as with cosign: the registry has no better offer.

    Args:
        shelf: where to.
        subject: the image's digest.
        layer: the signature.
        ending: `sig` or `att`.

    Raises:
        BoundExceededError: there are a thousand already.
        InvalidInputError: what lies under the tag holds no signatures.
        OutsideError: the registry or the disk failed.
    """
    tag = signature_tag(subject, ending)
    known = shelf.tagged(tag)
    layers = tuple(known.layers) if known else ()
    if any(one.media_type != layer.media_type for one in layers):
        raise InvalidInputError("another kind of thing lies under that tag", where=tag)
    if layer.descriptor not in layers:
        layers = (*layers, layer.descriptor)
    if len(layers) > MAX_LAYERS:
        raise BoundExceededError("MAX_LAYERS", MAX_LAYERS, where=tag)
    config = to_json(_config(layers))
    shelf.put_blob(config)
    shelf.put_blob(layer.content)
    manifest = {
        "schemaVersion": 2,
        "mediaType": mt.OCI_MANIFEST,
        "config": {"mediaType": mt.OCI_CONFIG, "digest": Digest.of(config), "size": len(config)},
        "layers": [wire_descriptor(one) for one in layers],
    }
    return shelf.put_manifest(to_json(manifest), tag)


def _config(layers: tuple[Descriptor, ...]) -> Mapping[str, Any]:
    """Cosign keeps signatures in something that older registries take for an image."""
    return {
        "architecture": "",
        "config": {},
        "created": "0001-01-01T00:00:00Z",
        "history": [{"created": "0001-01-01T00:00:00Z"} for _ in layers],
        "os": "",
        "rootfs": {"type": "layers", "diff_ids": [one.digest for one in layers]},
    }


class RegistryShelf:
    """A repository of a registry (a `SignatureShelf`)."""

    def __init__(self, client: RegistryClient, reference: Reference) -> None:
        self._client = client
        self._reference = reference
        self._pusher = Pusher(client, reference)

    def put_blob(self, content: bytes) -> None:
        """Pushes a blob."""
        self._pusher.push_blob(content, Digest.of(content))

    def put_manifest(self, raw: bytes, tag: str | None) -> Digest:
        """Pushes a manifest."""
        wanted = Tag(tag) if tag else None
        return self._pusher.push_manifest(raw, mt.OCI_MANIFEST, tag=wanted).digest

    def tagged(self, tag: str) -> Manifest | None:
        """Asks the registry for a tag."""
        try:
            found = self._client.manifest(replace(self._reference, tag=Tag(tag), digest=None))
        except NotFoundError:
            return None
        return _manifest(found, tag)


class LayoutShelf:
    """A layout folder (a `SignatureShelf`)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put_blob(self, content: bytes) -> None:
        """Writes a blob."""
        write_blob(self._folder, content, mt.OCI_EMPTY)

    def put_manifest(self, raw: bytes, tag: str | None) -> Digest:
        """Writes a manifest and enters it into the layout's index."""
        descriptor = write_blob(self._folder, raw, mt.OCI_MANIFEST)
        if tag:
            enter_layout(self._folder, tag, descriptor)
        else:
            kind = parse_manifest(raw, where=str(self._folder)).artifact_type
            enter_unnamed(self._folder, replace(descriptor, artifact_type=kind))
        return descriptor.digest

    def tagged(self, tag: str) -> Manifest | None:
        """Looks a name up in the layout's index."""
        blobs = LayoutBlobs(self._folder)
        index = layout_index(blobs.document("index.json", _MAX_INDEX_BYTES), where=str(self._folder))
        for entry in index.manifests:
            if entry.annotations.get(REF_NAME) == tag:
                raw = blobs.document(f"blobs/{entry.digest.algorithm}/{entry.digest.hex}", _MAX_INDEX_BYTES)
                return _manifest(parse_manifest(raw, where=tag), tag)
        return None


def _manifest(found: Manifest | Index, tag: str) -> Manifest:
    if isinstance(found, Index):
        raise InvalidInputError("an index lies under that tag", where=tag)
    return found
