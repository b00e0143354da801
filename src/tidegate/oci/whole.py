# SPDX-License-Identifier: Apache-2.0
"""All of what a target names, opened for copying: one image, or an index with every platform below."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tidegate.artifact import Descriptor, Digest
from tidegate.artifact.manifest import MAX_MANIFEST_BYTES
from tidegate.errors import NotFoundError, UsageError
from tidegate.oci.blobs import Blobs
from tidegate.oci.choose import choose_entry, leaves_of
from tidegate.oci.layout import LayoutBlobs, check_marker, layout_index
from tidegate.oci.target import Scheme, Target
from tidegate.values import Struct, replace

if TYPE_CHECKING:
    from tidegate.oci.archive import ArchiveBlobs
    from tidegate.oci.registry import RegistryClient

_MAX_MARKER_BYTES = 4096


class Whole(Struct, frozen=True, kw_only=True):
    """A manifest or index, and where everything it names lies."""

    root: Descriptor
    blobs: Blobs

    def layers(self) -> frozenset[Digest]:
        """The layers of every image below.

        Raises:
            InvalidInputError: a manifest is broken or hostile.
            OutsideError: the disk or the registry failed.
        """
        return frozenset(layer.digest for leaf in leaves_of([self.root], self.blobs) for layer in leaf.layers)


@contextmanager
def open_whole(target: Target, *, registry: "RegistryClient | None" = None) -> Iterator[Whole]:
    """Opens a target; leaving the block closes every file, so read its blobs inside.

    Args:
        target: a layout, an archive of one, or a registry's.
        registry: for registry targets.

    Raises:
        InvalidInputError: it is broken or hostile.
        NotFoundError: it has no such name or digest.
        OutsideError: the disk or the registry failed.
        UsageError: it holds no manifest, or several images and none is named.
    """
    if target.scheme is Scheme.REGISTRY and target.reference is not None:
        if registry is None:
            raise UsageError("no registry can be asked here", where=target.text)
        yield _of_registry(target, registry)
    elif target.scheme is Scheme.OCI and target.path is not None:
        yield _of_layout(LayoutBlobs(target.path), target)
    elif target.scheme is Scheme.OCI_ARCHIVE and target.path is not None:
        from tidegate.oci.archive import ArchiveBlobs, open_tar

        with open_tar(target.path) as tar:
            yield _of_layout(ArchiveBlobs(tar), target)
    else:
        raise UsageError(
            "has no manifest to work on",
            where=target.text,
            remedy="write oci:DIR, oci-archive:FILE or registry:REFERENCE",
        )


def _of_layout(blobs: "LayoutBlobs | ArchiveBlobs", target: Target) -> Whole:
    check_marker(blobs.document("oci-layout", _MAX_MARKER_BYTES), where=blobs.where)
    index = layout_index(blobs.document("index.json", MAX_MANIFEST_BYTES), where=f"{blobs.where}: index.json")
    try:
        entries = choose_entry(index.manifests, tag=target.tag, digest=target.digest, where=blobs.where)
    except NotFoundError:
        unnamed = blobs.described(target.digest) if target.digest and isinstance(blobs, LayoutBlobs) else None
        if unnamed is None:
            raise
        entries = [unnamed]
    if len({entry.digest for entry in entries}) != 1:
        raise UsageError("holds several images", where=blobs.where, remedy="append @DIGEST")
    return Whole(root=replace(entries[0], annotations={}), blobs=blobs)


def _of_registry(target: Target, registry: "RegistryClient") -> Whole:
    from tidegate.oci.repository_blobs import RepositoryBlobs

    if target.reference is None:
        raise UsageError("names no image", where=target.text)
    node = registry.manifest(target.reference)
    digest = target.reference.digest or node.digest
    root = Descriptor(media_type=node.media_type, digest=digest, size=len(node.raw))
    return Whole(root=root, blobs=RepositoryBlobs(registry, target.reference, {digest: node.raw}))
