# SPDX-License-Identifier: Apache-2.0
"""An image on the shelf, opened for reading as any other image is."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, select

from tidegate.artifact import Descriptor, Digest, Index, Manifest, Repository, parse_image_config, parse_manifest
from tidegate.artifact import media_type as mt
from tidegate.artifact.image_config import MAX_CONFIG_BYTES
from tidegate.bounds import Readable, read_bounded
from tidegate.errors import DigestMismatchError, InvalidInputError, NotFoundError
from tidegate.oci.image import Image
from tidegate.policy.context import Context
from tidegate.storage import schema
from tidegate.storage.blobs import BlobStore


def manifest_of(connection: Connection, digest: Digest) -> Manifest | Index:
    """The manifest or index stored under a digest.

    Raises:
        NotFoundError: there is none.
    """
    table = schema.manifest
    query = select(table.c.document, table.c.media_type).where(table.c.digest == digest)
    row = connection.execute(query).first()
    if row is None:
        raise NotFoundError("no manifest with this digest", where=digest)
    return parse_manifest(bytes(row.document), media_type=row.media_type, where=digest)


def repositories_of(connection: Connection, digest: Digest) -> tuple[Repository, ...]:
    """Names of the repositories that hold a manifest, sorted."""
    table = schema.repository_manifest
    query = select(table.c.repository).where(table.c.digest == digest).order_by(table.c.repository)
    return tuple(Repository(name) for name in connection.scalars(query))


def pushers_of(connection: Connection, digest: Digest) -> tuple[str, ...]:
    """Who pushed a manifest, anywhere, sorted."""
    table = schema.repository_manifest
    return tuple(sorted(set(connection.scalars(select(table.c.pushed_by).where(table.c.digest == digest)))))


def context_of(connection: Connection, digest: Digest, *, reference: str = "") -> Context:
    """What policy is told of an artifact beside its evidence: where it lies, and who brought it."""
    names, pushers = repositories_of(connection, digest), pushers_of(connection, digest)
    return Context(
        repository=names[0] if names else "",
        repositories=names,
        reference=reference,
        pushed_by=pushers[0] if pushers else "",
        pushers=pushers,
    )


def open_shelved(manifest: Manifest, blobs: BlobStore, *, name: str) -> Image:
    """An image whose manifest and blobs lie here.

    Raises:
        InvalidInputError: it is no image a runtime could run, its configuration is broken, or names another number of
            layers than the manifest.
        DigestMismatchError: the configuration on disk is not what the manifest says.
    """
    if not manifest.is_image or manifest.config.media_type not in mt.IMAGE_CONFIGS:
        raise InvalidInputError(
            f"nothing here can examine {manifest.artifact_type or manifest.config.media_type}",
            where=name,
            remedy="name its type in curation.artifacts, push it as an attachment (subject), or as an image",
        )
    for layer in manifest.layers:
        if not mt.is_layer(layer.media_type):
            # A runtime may make something else of it than the tar that we would look for.
            raise InvalidInputError(
                f"nothing here can examine a layer of type {layer.media_type}",
                where=name,
                remedy="push its layers as tar, tar+gzip or tar+zstd (OCI image-spec)",
            )
    with blobs.open(manifest.config.digest) as source:
        config_bytes = read_bounded(source, max_bytes=MAX_CONFIG_BYTES, what=f"{name} config")
    if Digest.of(config_bytes) != manifest.config.digest:
        raise DigestMismatchError(manifest.config.digest, Digest.of(config_bytes), where=f"{name} config")
    config = parse_image_config(config_bytes, where=f"{name} config")
    if len(config.diff_ids) != len(manifest.layers):
        raise InvalidInputError(
            f"{len(manifest.layers)} layers, but the configuration names {len(config.diff_ids)}", where=name
        )
    layers = tuple(
        _ShelvedLayer(descriptor=descriptor, diff_id=diff_id, blobs=blobs)
        for descriptor, diff_id in zip(manifest.layers, config.diff_ids, strict=True)
    )
    return Image(
        name=name, digest=manifest.digest, config=config, config_bytes=config_bytes, layers=layers, manifest=manifest
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _ShelvedLayer:
    descriptor: Descriptor
    diff_id: Digest | None
    blobs: BlobStore

    @contextmanager
    def open(self) -> Iterator[Readable]:
        with self.blobs.open(self.descriptor.digest) as source:
            yield source
