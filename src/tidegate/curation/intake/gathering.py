# SPDX-License-Identifier: Apache-2.0
"""The manifests of an image at its upstream, gathered before any layer is: what it is, how large, and how old.

An index is gathered with the platforms that are wanted; what else it names stays named and is not fetched. Nothing is
taken from an address that a manifest names by itself (`urls`): such an image is refused as a whole.
"""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tidegate.artifact import Descriptor, Digest, Index, Manifest, Reference, parse_image_config
from tidegate.artifact import media_type as mt
from tidegate.artifact.image_config import MAX_CONFIG_BYTES
from tidegate.artifact.manifest import MAX_MANIFEST_BYTES
from tidegate.bounds import read_bounded
from tidegate.clock import parse_rfc3339
from tidegate.curation.intake.upstream import Upstream
from tidegate.errors import BoundExceededError, DigestMismatchError, InvalidInputError, NotFoundError
from tidegate.oci.registry import RegistryClient
from tidegate.values import replace
from tidegate.wire import from_json

MAX_MANIFESTS: Final = 500
_MAX_DEPTH: Final = 4
_BUILDKIT_TYPE: Final = "vnd.docker.reference.type"
_BUILDKIT_SUBJECT: Final = "vnd.docker.reference.digest"
_UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What lies behind a name.

    Attributes:
        nodes: manifests and indexes, what is named before what names it; the last one is the name's own.
        left_out: platforms that are named and were not wanted.
        created: of the youngest image; None when one does not say.
        size: of all blobs, in bytes.
    """

    nodes: tuple[Manifest | Index, ...]
    left_out: tuple[str, ...]
    created: datetime | None
    size: int

    @property
    def digest(self) -> Digest:
        """What the name means."""
        return self.nodes[-1].digest

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """Every configuration and layer, each once."""
        parts = (part for node in self.nodes if isinstance(node, Manifest) for part in (node.config, *node.layers))
        return tuple({part.digest: part for part in parts}.values())


def gather(
    client: RegistryClient, upstream: Upstream, reference: Reference, digest: Digest, *, max_bytes: int
) -> Gathered:
    """Gathers an image by its digest.

    Args:
        client: asks the upstream.
        upstream: whose platforms are wanted.
        reference: names the repository.
        digest: of the manifest or index.
        max_bytes: the largest image taken, all platforms together.

    Raises:
        BoundExceededError: it is larger, or names too many manifests.
        DigestMismatchError: a manifest or configuration is not what its digest says.
        InvalidInputError: something in it is broken, names an address to fetch from, or no platform is wanted.
        NotFoundError: the upstream does not have it.
        OutsideError: the upstream cannot be reached or refuses.
    """
    gathering = _Gathering(client, upstream, reference)
    gathering.take(digest, depth=0)
    nodes = tuple(gathering.nodes.values())
    images = [node for node in nodes if isinstance(node, Manifest)]
    if not images:
        wanted = ", ".join(map(str, upstream.platforms)) or "any"
        raise InvalidInputError(f"has no image for {wanted}", where=str(reference), remedy="add a platform it is for")
    whole = Gathered(nodes=nodes, left_out=tuple(gathering.left_out), created=None, size=0)
    size = sum(part.size for part in whole.blobs)
    if size > max_bytes:
        raise BoundExceededError("intake.max_image_bytes", max_bytes, where=str(reference))
    return Gathered(nodes=nodes, left_out=whole.left_out, created=gathering.youngest(images), size=size)


def fetch_document(client: RegistryClient, reference: Reference, part: Descriptor, *, max_bytes: int) -> bytes:
    """A small blob, checked against its digest.

    Raises:
        BoundExceededError: it is larger than `max_bytes`.
        DigestMismatchError: it is something else.
        InvalidInputError: it is missing, or of another size than said.
        OutsideError: the upstream cannot be reached or refuses.
    """
    if part.size > max_bytes:
        raise BoundExceededError("max_bytes", max_bytes, where=f"{reference} {part.digest}")
    with client.blob(reference, part) as body:
        content = read_bounded(body, max_bytes=part.size, what=f"{reference} {part.digest}")
    check_digest(content, part.digest, where=str(reference))
    return content


def check_digest(content: bytes, digest: Digest, *, where: str) -> None:
    """Makes sure of what arrived.

    Raises:
        DigestMismatchError: it is something else.
    """
    actual = f"{digest.algorithm}:{hashlib.new(digest.algorithm, content).hexdigest()}"
    if actual != digest:
        raise DigestMismatchError(digest, actual, where=where)


def check_places(raw: bytes, *, where: str) -> None:
    """Refuses a manifest whose bytes are to be fetched from elsewhere.

    Raises:
        InvalidInputError: a descriptor names addresses, or a layer is one of those that registries do not hold.
    """
    document = from_json(raw, dict[str, Any], what=where, max_bytes=MAX_MANIFEST_BYTES)
    parts = [document.get("config"), *(document.get("layers") or []), *(document.get("manifests") or [])]
    for part in parts:
        if not isinstance(part, dict):
            continue
        kept_elsewhere = str(part.get("mediaType", "")).startswith(
            (mt.OCI_LAYER_NONDISTRIBUTABLE, mt.DOCKER_LAYER_FOREIGN)
        )
        if part.get("urls") or kept_elsewhere:
            raise InvalidInputError(
                f"names other addresses for {str(part.get('digest'))[:80]}, which are not followed",
                where=where,
                remedy="have it pushed with all its layers",
            )


class _Gathering:
    def __init__(self, client: RegistryClient, upstream: Upstream, reference: Reference) -> None:
        self._client = client
        self._upstream = upstream
        self._reference = reference
        self.nodes: dict[Digest, Manifest | Index] = {}
        self.left_out: dict[str, None] = {}

    def take(self, digest: Digest, *, depth: int) -> None:
        if digest in self.nodes:
            return
        if depth > _MAX_DEPTH or len(self.nodes) >= MAX_MANIFESTS:
            raise BoundExceededError("max_manifests", MAX_MANIFESTS, where=str(self._reference))
        node = self._fetched(digest, depth)
        check_places(node.raw, where=str(self._reference))
        if isinstance(node, Index):
            for child in self._wanted(node):
                self.take(child.digest, depth=depth + 1)
        self.nodes[digest] = node if node.digest == digest else replace(node, digest=digest)

    def _fetched(self, digest: Digest, depth: int) -> Manifest | Index:
        try:
            return self._client.manifest(self._reference.at(digest))
        except NotFoundError as error:
            if not depth:
                raise
            raise InvalidInputError(
                f"its index names {digest}, which is not there",
                where=str(self._reference),
                remedy="name the platforms that are wanted, if it is for another",
            ) from error

    def _wanted(self, index: Index) -> Iterator[Descriptor]:
        images = []
        for child in index.manifests:
            if child.annotations.get(_BUILDKIT_TYPE):
                continue
            if self._upstream.wants(child.platform):
                images.append(child.digest)
                yield child
            else:
                self.left_out[str(child.platform)] = None
        for child in index.manifests:
            # BuildKit's attestations: they go with the image they speak of.
            if child.annotations.get(_BUILDKIT_TYPE) and child.annotations.get(_BUILDKIT_SUBJECT) in images:
                yield child

    def youngest(self, images: list[Manifest]) -> datetime | None:
        """When the youngest image was created; None when one does not say, or says no moment."""
        found = []
        for image in images:
            if not image.is_image or image.config.media_type not in mt.IMAGE_CONFIGS:
                continue
            raw = fetch_document(self._client, self._reference, image.config, max_bytes=MAX_CONFIG_BYTES)
            created = None
            with suppress(InvalidInputError):
                created = parse_rfc3339(parse_image_config(raw, where=str(self._reference)).created)
            if created is None:
                return None
            found.append(created)
        return max(found, default=None)


def manifest_or_none(client: RegistryClient, reference: Reference) -> Manifest | Index | None:
    """A manifest, or None when there is none or it is broken: for what travels along and is not asked for."""
    try:
        node = client.manifest(reference)
        check_places(node.raw, where=str(reference))
    except (InvalidInputError, NotFoundError):
        return None
    return node
