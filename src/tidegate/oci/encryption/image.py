# SPDX-License-Identifier: Apache-2.0
"""Whole images and indexes to and fro: manifests are built anew, configurations stay as they are.

Manifests keep what this house does not know of. Docker's become OCI's, since only those have encrypted layers. What an
index lists beside images (attestations, artifacts) is copied; where it names an image by digest, the new one is named.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, Protocol

from tidegate.artifact import Descriptor, Digest, Index, Manifest
from tidegate.artifact import media_type as mt
from tidegate.artifact.image_config import MAX_CONFIG_BYTES, parse_image_config
from tidegate.artifact.manifest import MAX_MANIFEST_BYTES
from tidegate.errors import BoundExceededError, InvalidInputError, UsageError
from tidegate.oci.blobs import Blobs, read_whole, verify
from tidegate.oci.choose import MAX_INDEX_DEPTH, MAX_INDEXES, check_diff_ids, load_manifest
from tidegate.oci.destination import Destination
from tidegate.oci.encryption.keys import DecryptionKey, RecipientKey
from tidegate.oci.encryption.layer import (
    LayerDecryption,
    LayerEncryption,
    OtherThanToldError,
    Proven,
    name_of,
    prove_tar,
    tells_tar,
)
from tidegate.oci.encryption.wrapping import (
    secret_of,
    unencrypted_annotations,
    with_recipients,
    without_recipients,
    wrapped_annotations,
)
from tidegate.values import Struct, field, replace
from tidegate.wire import from_json, to_json

_OF_DOCKER: Final = {
    mt.DOCKER_CONFIG: mt.OCI_CONFIG,
    mt.DOCKER_LAYER: mt.OCI_LAYER,
    mt.DOCKER_LAYER_GZIP: mt.OCI_LAYER_GZIP,
    mt.DOCKER_LAYER + ".zstd": mt.OCI_LAYER_ZSTD,
    mt.DOCKER_LAYER_FOREIGN: mt.OCI_LAYER_NONDISTRIBUTABLE + "+gzip",
}
_REFERS_TO: Final = "vnd.docker.reference.digest"


class LayerMemory(Protocol):
    """Remembers which layers are encrypted already, for one that is broken off to go on."""

    def find(self, layer: Descriptor) -> Descriptor | None:
        """What became of a plain layer; None when it is to be encrypted, or what came of it is there no more."""
        ...

    def keep(self, layer: Descriptor, made: Descriptor) -> Descriptor:
        """Remembers it, and returns what counts: what somebody else remembered before."""
        ...


class Encryption(Struct, frozen=True, kw_only=True):
    """What is to be encrypted, and for whom.

    Attributes:
        recipients: who shall be able to decrypt.
        recipients_of: of images by digest, where those are others than `recipients`.
        memory: of layers that were encrypted before.
        layers: which, counted from 0 at the bottom or from -1 at the top; None for all.
        plain: layers that stay as they are wherever they come.
        keys: of layers that are encrypted already, to add recipients to.
        removed: thumbprints of those who shall no longer be recipients of such layers.
        is_anew: of such layers, those who were recipients before shall not be.
    """

    recipients: tuple[RecipientKey, ...]
    layers: tuple[int, ...] | None = None
    plain: frozenset[Digest] = frozenset()
    keys: tuple[DecryptionKey, ...] = ()
    removed: frozenset[str] = frozenset()
    is_anew: bool = False
    recipients_of: Mapping[Digest, tuple[RecipientKey, ...]] = field(default_factory=dict)
    memory: LayerMemory | None = None

    def recipients_in(self, image: Digest) -> tuple[RecipientKey, ...]:
        """Who shall be able to decrypt the layers of an image."""
        return self.recipients_of.get(image, self.recipients)


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of an image.

    Attributes:
        root: of the new image or index.
        changed: layers that were encrypted or decrypted; each counted once.
        rewrapped: layers that have other recipients than before.
        images: new digest of each manifest and index by its old one, where they differ.
    """

    root: Descriptor
    changed: int
    rewrapped: int
    images: dict[Digest, Digest]


def encrypt_image(root: Descriptor, blobs: Blobs, to: Destination, encryption: Encryption) -> Outcome:
    """Copies an image, or an index with all below, with layers encrypted.

    Args:
        root: the manifest or index.
        blobs: where everything lies.
        to: where it goes; its `finish` is the caller's to call.
        encryption: what is to be done.

    Raises:
        BoundExceededError, DigestMismatchError, InvalidInputError: something is broken or hostile.
        NotAddressedError: a layer is encrypted already, and none of the keys can decrypt it.
        OutsideError: the disk or the registry failed.
        UsageError: there is no such layer, or nothing to do.
    """
    rewriting = _Rewriting(blobs, to, lambda work, layer, _: _encrypted(work, layer, encryption))
    rewriting.recipients_in = encryption.recipients_in
    rewriting.chosen = encryption.layers
    rewriting.plain = encryption.plain
    made = rewriting.outcome(root)
    if not made.changed and not made.rewrapped:
        raise UsageError("no layer was to be encrypted", where=blobs.where, remedy="choose layers, or other recipients")
    return made


def decrypt_image(
    root: Descriptor,
    blobs: Blobs,
    to: Destination,
    keys: Collection[DecryptionKey],
    released: Mapping[Digest, Mapping[str, str]] | None = None,
) -> Outcome:
    """Copies an image, or an index with all below, with every layer decrypted.

    Args:
        root: the manifest or index.
        blobs: where everything lies.
        to: where it goes; its `finish` is the caller's to call.
        keys: private keys of recipients.
        released: annotations of layers by digest, where a registry wrapped their keys for one of these; they take the
            place of the manifest's own.

    Raises:
        BoundExceededError, DigestMismatchError, InvalidInputError: something is broken, tampered with or hostile.
        NotAddressedError: none of the keys can decrypt a layer.
        OutsideError: the disk or the registry failed.
        UsageError: nothing is encrypted.
    """
    given = released or {}

    def change(work: _Rewriting, layer: Descriptor, diff_id: Digest | None) -> Descriptor:
        others = given.get(layer.digest)
        if others is not None:
            layer = replace(layer, annotations={**unencrypted_annotations(layer.annotations), **others})
        return _decrypted(work, layer, diff_id, keys)

    made = _Rewriting(blobs, to, change).outcome(root)
    if not made.changed:
        raise UsageError("no layer is encrypted", where=blobs.where, remedy="copy it as it is")
    return made


class _Rewriting:
    """One image on its way: walks indexes, changes layers, and writes what comes of it from the leaves up."""

    def __init__(self, blobs: Blobs, to: Destination, change: "_Change") -> None:
        self.blobs = blobs
        self.to = to
        self.chosen: tuple[int, ...] | None = None
        self.plain: frozenset[Digest] = frozenset()
        self.changed = 0
        self.rewrapped = 0
        self._change = change
        self.image: Digest | None = None
        self.recipients_in: Callable[[Digest], tuple[RecipientKey, ...]] = lambda _: ()
        self._layers: dict[bytes, Descriptor] = {}
        self._images: dict[Digest, Digest] = {}
        self._done: dict[Digest, Descriptor] = {}
        self._indexes = 0

    def outcome(self, root: Descriptor) -> Outcome:
        made = self._rewrite(root, ())
        return Outcome(root=made, changed=self.changed, rewrapped=self.rewrapped, images=self._images)

    def copy(self, descriptor: Descriptor) -> None:
        """Brings a blob over as it is, unless it is there."""
        if self.to.holds(descriptor):
            return
        where = f"{self.blobs.where}: blob {descriptor.digest.short}"
        with self.blobs.open(descriptor) as source:
            proven = Proven(source, digest=descriptor.digest, size=descriptor.size, where=where)
            self.to.take(proven, algorithm=descriptor.digest.algorithm)

    def _rewrite(self, descriptor: Descriptor, path: tuple[Digest, ...]) -> Descriptor:
        if descriptor.digest in self._done:
            return self._done[descriptor.digest]
        node = load_manifest(descriptor, self.blobs, path)
        if isinstance(node, Index):
            made = self._rewrite_index(node, (*path, descriptor.digest))
        else:
            made = self._rewrite_manifest(node)
        if made.digest != descriptor.digest:
            self._images[descriptor.digest] = made.digest
        self._done[descriptor.digest] = made
        return made

    def _rewrite_index(self, index: Index, path: tuple[Digest, ...]) -> Descriptor:
        self._indexes += 1
        if len(path) > MAX_INDEX_DEPTH:
            raise BoundExceededError("max_index_depth", MAX_INDEX_DEPTH, where=self.blobs.where)
        if self._indexes > MAX_INDEXES:
            raise BoundExceededError("max_indexes", MAX_INDEXES, where=self.blobs.where)
        made = [self._rewrite(child, path) for child in index.manifests]
        document = _document(index)
        document["manifests"] = [
            self._entry(entry, new, was=old)
            for entry, new, old in zip(document["manifests"], made, index.manifests, strict=True)
        ]
        kind = mt.OCI_INDEX if self._images and index.media_type == mt.DOCKER_INDEX else index.media_type
        return self._put(index, document, kind)

    def _entry(self, entry: dict[str, Any], new: Descriptor, *, was: Descriptor) -> dict[str, Any]:
        """An index's entry for a child; of one that speaks of an image, what it says is brought up to date."""
        subject = was.annotations.get(_REFERS_TO, "")
        if renamed := {str(old): str(now) for old, now in self._images.items()}.get(subject):
            entry = {**entry, "annotations": {**entry["annotations"], _REFERS_TO: renamed}}
        return entry if new.digest == was.digest else _changed(entry, new)

    def _rewrite_manifest(self, manifest: Manifest) -> Descriptor:
        self.image = manifest.digest
        self.copy(manifest.config)
        chosen = self._chosen(manifest) if manifest.is_image else frozenset()
        diff_ids = self._diff_ids(manifest) if chosen else ()
        made: list[Descriptor] = []
        for at, layer in enumerate(manifest.layers):
            if at in chosen:
                made.append(self._changed_layer(layer, diff_ids[at] if diff_ids else None))
            else:
                self.copy(layer)
                made.append(layer)
        if made == list(manifest.layers):
            return self._put(manifest, None, manifest.media_type)
        document = _document(manifest)
        document["config"] = {**document["config"], "mediaType": _of_oci(manifest.config.media_type)}
        document["layers"] = [
            {**entry, "mediaType": _of_oci(old.media_type)} if new is old else _layer_entry(entry, new)
            for entry, new, old in zip(document["layers"], made, manifest.layers, strict=True)
        ]
        return self._put(manifest, document, mt.OCI_MANIFEST)

    def _chosen(self, manifest: Manifest) -> frozenset[int]:
        count = len(manifest.layers)
        if self.chosen is None:
            numbers = frozenset(range(count))
        else:
            for number in self.chosen:
                if not -count <= number < count:
                    where = f"{self.blobs.where}: manifest {manifest.digest.short}"
                    raise UsageError(
                        f"there is no layer {number}", where=where, remedy=f"it has {count}, counted from 0"
                    )
            numbers = frozenset(number % count for number in self.chosen)
        return frozenset(at for at in numbers if manifest.layers[at].digest not in self.plain)

    def _diff_ids(self, manifest: Manifest) -> tuple[Digest, ...]:
        """What the configuration says of each layer's tar stream; nothing when it is no image configuration."""
        own = manifest.config
        if own.media_type not in mt.IMAGE_CONFIGS:
            return ()
        where = f"{self.blobs.where}: image config {own.digest.short}"
        raw = read_whole(self.blobs.open(own), own, max_bytes=MAX_CONFIG_BYTES, where=where)
        verify(raw, own.digest, where=where)
        config = parse_image_config(raw, where=where)
        check_diff_ids(config, len(manifest.layers), f"{self.blobs.where}: manifest {manifest.digest.short}")
        return config.diff_ids

    def _changed_layer(self, layer: Descriptor, diff_id: Digest | None) -> Descriptor:
        """A layer that several images share is changed once for the same recipients."""
        recipients = [one.kid for one in self.recipients_in(self.image)] if self.image else []
        key = to_json([layer.digest, layer.media_type, layer.annotations, recipients])
        if key not in self._layers:
            self._layers[key] = self._change(self, layer, diff_id)
        return self._layers[key]

    def _put(self, node: Manifest | Index, document: dict[str, Any] | None, kind: str) -> Descriptor:
        raw = node.raw
        if document is not None and (kind != node.media_type or document != _document(node)):
            raw = to_json({**document, "mediaType": kind})
        return self.to.put_manifest(raw, kind)


_Change = Callable[[_Rewriting, Descriptor, Digest | None], Descriptor]
"""Makes another layer of one, given what the configuration says of its tar stream."""


def _encrypted(rewriting: _Rewriting, layer: Descriptor, encryption: Encryption) -> Descriptor:
    recipients = encryption.recipients_in(rewriting.image) if rewriting.image else encryption.recipients
    if mt.is_encrypted(layer.media_type):
        rewriting.copy(layer)
        made = replace(layer, annotations=_rewrapped(layer, encryption, recipients))
        rewriting.rewrapped += made != layer
        return made
    if not recipients:
        rewriting.copy(layer)
        return layer
    rewriting.changed += 1
    if encryption.memory is not None and (known := encryption.memory.find(layer)) is not None:
        return known
    plain = replace(layer, media_type=_of_oci(layer.media_type))
    with rewriting.blobs.open(layer) as source:
        work = LayerEncryption(source, plain, recipients)
        digest = rewriting.to.take(work.stream)
    made = work.descriptor(digest)
    return made if encryption.memory is None else encryption.memory.keep(layer, made)


def _rewrapped(layer: Descriptor, encryption: Encryption, recipients: tuple[RecipientKey, ...]) -> dict[str, str]:
    where = name_of(layer)
    if encryption.is_anew:
        secret = secret_of(layer, encryption.keys, where=where)
        return {**unencrypted_annotations(layer.annotations), **wrapped_annotations(secret, recipients)}
    if recipients:
        secret = secret_of(layer, encryption.keys, where=where)
        layer = replace(layer, annotations=with_recipients(layer, secret, recipients, where=where))
    if encryption.removed:
        return without_recipients(layer, encryption.removed, where=where)
    return dict(layer.annotations)


def _decrypted(
    rewriting: _Rewriting, layer: Descriptor, diff_id: Digest | None, keys: Collection[DecryptionKey]
) -> Descriptor:
    if not mt.is_encrypted(layer.media_type):
        rewriting.copy(layer)
        return layer
    rewriting.changed += 1
    if diff_id is None:
        return _taken(rewriting, layer, keys)
    if tells_tar(layer, keys, diff_id):
        _prove(rewriting, layer, keys, diff_id)
        return _taken(rewriting, layer, keys, is_proved=True)
    try:
        return _taken(rewriting, layer, keys)
    except OtherThanToldError as other:
        try:
            _prove(rewriting, layer, keys, diff_id)
        except InvalidInputError:
            raise other from None
    return _taken(rewriting, layer, keys, is_proved=True)


def _prove(rewriting: _Rewriting, layer: Descriptor, keys: Collection[DecryptionKey], diff_id: Digest) -> None:
    with rewriting.blobs.open(layer) as source:
        prove_tar(source, layer, keys, diff_id)


def _taken(
    rewriting: _Rewriting, layer: Descriptor, keys: Collection[DecryptionKey], *, is_proved: bool = False
) -> Descriptor:
    with rewriting.blobs.open(layer) as source:
        work = LayerDecryption(source, layer, keys, is_proved=is_proved)
        rewriting.to.take(work.stream, algorithm=work.stream.digest.algorithm)
    return work.descriptor()


def _document(node: Manifest | Index) -> dict[str, Any]:
    return from_json(node.raw, dict[str, Any], what=f"manifest {node.digest.short}", max_bytes=MAX_MANIFEST_BYTES)


def _changed(entry: dict[str, Any], new: Descriptor) -> dict[str, Any]:
    """An entry for another blob: what it embedded of the old one, and where that was to be had, goes."""
    kept = {name: value for name, value in entry.items() if name not in {"data", "urls"}}
    return kept | {"mediaType": new.media_type, "digest": new.digest, "size": new.size}


def _layer_entry(entry: dict[str, Any], new: Descriptor) -> dict[str, Any]:
    kept = {name: value for name, value in _changed(entry, new).items() if name != "annotations"}
    return {**kept, "annotations": dict(new.annotations)} if new.annotations else kept


def _of_oci(media_type: str) -> str:
    return _OF_DOCKER.get(media_type, media_type)
