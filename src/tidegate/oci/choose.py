# SPDX-License-Identifier: Apache-2.0
"""From a descriptor to the one image meant: through indexes, by platform, every document verified."""

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from tidegate.artifact import Descriptor, Digest, ImageConfig, Index, Manifest, Platform, parse_manifest
from tidegate.artifact import media_type as mt
from tidegate.artifact.image_config import MAX_CONFIG_BYTES, parse_image_config
from tidegate.artifact.manifest import MAX_MANIFEST_BYTES
from tidegate.bounds import printable
from tidegate.errors import BoundExceededError, InvalidInputError, NotFoundError, UsageError
from tidegate.oci.blobs import BlobLayer, Blobs, read_whole, verify
from tidegate.oci.image import Image, Layer
from tidegate.values import Struct, replace

MAX_INDEX_DEPTH: Final = 4
MAX_INDEXES: Final = 64
_ATTESTATION: Final = "vnd.docker.reference.type"
_MACHINES: Final = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def host_platform() -> Platform:
    """The platform whose images this machine runs."""
    name = os.uname().machine
    return Platform(os="linux", architecture=_MACHINES.get(name, name))


Unlock = Callable[[BlobLayer], Layer]
"""Makes of an encrypted layer one that can be read."""


def choose_image(
    roots: Sequence[Descriptor], blobs: Blobs, *, wanted: Platform | None, name: str, unlock: Unlock | None = None
) -> Image:
    """Opens the one image meant by some descriptors, of manifests or indexes.

    Args:
        roots: where to begin; several are taken like the children of one index.
        blobs: where everything lies.
        wanted: the platform asked for; None takes the only one there is, or this machine's.
        name: as the user wrote it.
        unlock: makes encrypted layers readable; None refuses an image that has some.

    Raises:
        BoundExceededError: nested deeper than 4 indexes, or over 64 of them; a document too large.
        DigestMismatchError: a manifest or the configuration is not what its descriptor says.
        InvalidInputError: a document is broken, missing, of a wrong type, or a layer is encrypted.
        NotFoundError: there is no image for that platform; tells which there are.
    """
    leaves = _Walk(blobs).leaves(roots)
    leaf = _pick(leaves, wanted, blobs)
    return _image(leaf, blobs, wanted=wanted, name=name, unlock=unlock)


def leaves_of(roots: Sequence[Descriptor], blobs: Blobs) -> tuple[Manifest, ...]:
    """The manifests below some descriptors, of every platform, without what builders list beside images.

    Raises:
        BoundExceededError, DigestMismatchError, InvalidInputError: as for `choose_image`.
    """
    found = []
    for leaf in _Walk(blobs).leaves(roots):
        node = leaf.manifest or load_manifest(leaf.descriptor, blobs)
        if isinstance(node, Manifest):
            found.append(node)
    return tuple(found)


class _Leaf(Struct, frozen=True, kw_only=True):
    descriptor: Descriptor
    manifest: Manifest | None


class _Walk:
    """Walks indexes in order and gathers the manifests at their ends."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._seen: dict[Digest, None] = {}
        self._indexes = 0

    def leaves(self, roots: Iterable[Descriptor], path: tuple[Digest, ...] = ()) -> list[_Leaf]:
        found: list[_Leaf] = []
        for root in roots:
            if not _is_image_entry(root) or root.digest in self._seen:
                continue
            self._seen[root.digest] = None
            if root.media_type in mt.MANIFESTS and root.platform is not None:
                found.append(_Leaf(descriptor=root, manifest=None))
                continue
            node = load_manifest(root, self._blobs, path)
            if isinstance(node, Manifest):
                found.append(_Leaf(descriptor=root, manifest=node))
            else:
                found += self._inside(node, (*path, root.digest))
        return found

    def _inside(self, index: Index, path: tuple[Digest, ...]) -> list[_Leaf]:
        self._indexes += 1
        if len(path) > MAX_INDEX_DEPTH:
            raise BoundExceededError("max_index_depth", MAX_INDEX_DEPTH, where=self._blobs.where)
        if self._indexes > MAX_INDEXES:
            raise BoundExceededError("max_indexes", MAX_INDEXES, where=self._blobs.where)
        return self.leaves(index.manifests, path)


def load_manifest(descriptor: Descriptor, blobs: Blobs, path: tuple[Digest, ...] = ()) -> Manifest | Index:
    """Reads one manifest or index and verifies it.

    Args:
        descriptor: what it must be.
        blobs: where it lies.
        path: digests of the indexes above it.

    Raises:
        DigestMismatchError, InvalidInputError, BoundExceededError: as for `choose_image`.
    """
    where = f"{blobs.where}: manifest {descriptor.digest.short}"
    if descriptor.media_type not in mt.MANIFESTS | mt.INDEXES:
        raise InvalidInputError(
            f"not the media type of a manifest: {printable(descriptor.media_type[:120])}", where=where
        )
    raw = read_whole(blobs.manifest(descriptor), descriptor, max_bytes=MAX_MANIFEST_BYTES, where=where)
    node = parse_manifest(raw, media_type=descriptor.media_type, where=where)
    if isinstance(node, Index) and any(child.digest in (*path, descriptor.digest) for child in node.manifests):
        raise InvalidInputError("manifest loop: an index lists itself or one above it", where=where)
    verify(raw, descriptor.digest, where=where)
    return node


def _is_image_entry(descriptor: Descriptor) -> bool:
    """False for attestations and other things that builders list beside images."""
    platform = descriptor.platform
    unknown = platform is not None and "unknown" in {platform.os, platform.architecture}
    return not unknown and _ATTESTATION not in descriptor.annotations


def _pick(leaves: Sequence[_Leaf], wanted: Platform | None, blobs: Blobs) -> _Leaf:
    where = blobs.where
    leaves = [leaf for leaf in leaves if leaf.manifest is None or leaf.manifest.is_image] or leaves[:1]
    if not leaves:
        raise InvalidInputError("holds no image", where=where)
    if len(leaves) == 1 and (wanted is None or leaves[0].descriptor.platform is None):
        return leaves[0]
    if len(leaves) > 1:
        leaves = [_with_platform(leaf, blobs) for leaf in leaves]
    asked = wanted or host_platform()
    fitting = [leaf for leaf in leaves if leaf.descriptor.platform and leaf.descriptor.platform.serves(asked)]
    exact = [leaf for leaf in fitting if leaf.descriptor.platform == asked]
    if not fitting:
        present = ", ".join(sorted({str(leaf.descriptor.platform or "unstated") for leaf in leaves}))
        raise NotFoundError(f"no image for {asked}", where=where, remedy=f"there are: {printable(present)}")
    return (exact or fitting)[0]


def _with_platform(leaf: _Leaf, blobs: Blobs) -> _Leaf:
    """The leaf with its configuration's platform where its descriptor states none."""
    if leaf.descriptor.platform is not None or leaf.manifest is None:
        return leaf
    _, config = _config(leaf.manifest, blobs)
    return replace(leaf, descriptor=replace(leaf.descriptor, platform=config.platform))


def _image(leaf: _Leaf, blobs: Blobs, *, wanted: Platform | None, name: str, unlock: Unlock | None) -> Image:
    node = leaf.manifest or load_manifest(leaf.descriptor, blobs)
    where = f"{blobs.where}: manifest {leaf.descriptor.digest.short}"
    if not isinstance(node, Manifest):
        raise InvalidInputError("is an index where a manifest was announced", where=where)
    _check_types(node, where, may_be_encrypted=unlock is not None)
    raw, config = _config(node, blobs)
    if wanted is not None and leaf.descriptor.platform is None and not config.platform.serves(wanted):
        raise NotFoundError(
            f"no image for {wanted}",
            where=blobs.where,
            remedy=f"there are: {printable(str(config.platform))}",
        )
    check_diff_ids(config, len(node.layers), where)
    for descriptor in node.layers:
        blobs.check(descriptor)
    pairs = zip(node.layers, config.diff_ids, strict=True)
    layers: tuple[Layer, ...] = tuple(
        BlobLayer(descriptor=layer, diff_id=diff_id, blobs=blobs) for layer, diff_id in pairs
    )
    if unlock is not None:
        layers = tuple(
            unlock(layer) if isinstance(layer, BlobLayer) and mt.is_encrypted(layer.descriptor.media_type) else layer
            for layer in layers
        )
    return Image(
        name=name, digest=leaf.descriptor.digest, config=config, config_bytes=raw, layers=layers, manifest=node
    )


def _check_types(manifest: Manifest, where: str, *, may_be_encrypted: bool) -> None:
    kind = manifest.config.media_type
    if kind not in mt.IMAGE_CONFIGS:
        raise InvalidInputError(f"not an image: its configuration is {printable(kind[:120])}", where=where)
    for at, layer in enumerate(manifest.layers):
        kind = layer.media_type
        if not mt.is_layer(kind):
            raise InvalidInputError(f"layer {at} is no file system layer: {printable(kind[:120])}", where=where)
        if mt.is_encrypted(kind) and not may_be_encrypted:
            raise InvalidInputError(
                f"layer {at} ({layer.digest}) is encrypted",
                where=where,
                remedy="name the private key of one of its recipients with --decryption-key",
            )


def _config(manifest: Manifest, blobs: Blobs) -> tuple[bytes, ImageConfig]:
    own = manifest.config
    where = f"{blobs.where}: image config {own.digest.short}"
    raw = read_whole(blobs.open(own), own, max_bytes=MAX_CONFIG_BYTES, where=where)
    verify(raw, own.digest, where=where)
    return raw, parse_image_config(raw, where=where)


def check_diff_ids(config: ImageConfig, layers: int, where: str) -> None:
    """Checks that a configuration speaks of as many layers as there are.

    Raises:
        InvalidInputError: it does not.
    """
    if len(config.diff_ids) != layers:
        raise InvalidInputError(f"has {layers} layers, its configuration {len(config.diff_ids)}", where=where)


REF_NAME: Final = "org.opencontainers.image.ref.name"
_CONTAINERD_NAME: Final = "io.containerd.image.name"
_SIGNATURE_NAME: Final = re.compile(r"sha(?:256|512)-[0-9a-f]{64,128}\.(?:sig|att|sbom)")


def choose_entry(entries: Sequence[Descriptor], *, tag: str, digest: Digest | None, where: str) -> Sequence[Descriptor]:
    """The entries of a layout's `index.json` that a tag or digest means; all of one name without either.

    Raises:
        NotFoundError: there is none of that name; tells which there are.
        UsageError: neither is given and there are several names.
    """
    if not tag and digest is None:
        entries = [entry for entry in entries if not _hangs(entry)] or entries
    names = _names(entries)
    present = ", ".join(printable(text) for text in sorted(names)[:20]) or "none has a name"
    if digest is not None:
        if found := [entry for entry in entries if entry.digest == digest]:
            return found[:1]
        raise NotFoundError(f"no image {digest}", where=where, remedy=f"there are: {present}")
    if tag:
        found = [entry for text, group in names.items() if _means(text, tag) for entry in group]
        if not found:
            raise NotFoundError(f"no image named {printable(tag[:200])!r}", where=where, remedy=f"there are: {present}")
        return found
    if len({entry.digest for entry in entries}) > 1 and len(names) > 1:
        raise UsageError("holds several images", where=where, remedy=f"append :NAME, one of {present}")
    return entries


def _names(entries: Sequence[Descriptor]) -> Mapping[str, list[Descriptor]]:
    names: dict[str, list[Descriptor]] = {}
    for entry in entries:
        text = entry.annotations.get(_CONTAINERD_NAME) or entry.annotations.get(REF_NAME)
        if text:
            names.setdefault(text, []).append(entry)
    return names


def _hangs(entry: Descriptor) -> bool:
    """True for what layouts list beside their images: referrers, and cosign's signatures by name."""
    return bool(entry.artifact_type or _SIGNATURE_NAME.fullmatch(entry.annotations.get(REF_NAME, "")))


def _means(name: str, asked: str) -> bool:
    """`alpine:3` is meant by itself, by `3`, and when it is short for `docker.io/library/alpine:3`."""
    tail = name.rpartition("/")[2]
    return asked == name or name.endswith(f"/{asked}") or (":" in tail and tail.partition(":")[2] == asked)
