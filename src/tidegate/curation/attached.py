# SPDX-License-Identifier: Apache-2.0
"""What others hung on an artifact of the shelf: envelopes with statements, as they came; nothing is verified here."""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, or_, select

from tidegate.artifact import Descriptor, Digest, Index, Manifest, parse_manifest
from tidegate.bounds import read_bounded
from tidegate.errors import InvalidInputError, NotFoundError
from tidegate.oci.attached import holds_statement
from tidegate.oci.signatures import MAX_MANIFESTS, MAX_ONE_BYTES, TAG_ENDINGS, PassedOver, signature_tag
from tidegate.signing.bounds import MAX_ENVELOPE_BYTES
from tidegate.storage.blobs import BlobStore
from tidegate.storage.schema import manifest, manifest_child, tag

MAX_ATTACHED: Final = 100
"""Manifests looked at for one subject; of more, those with the lowest digests."""
MAX_ENVELOPES: Final = 100
MAX_INDEXES: Final = 20
"""Indexes asked for signatures on behalf of an image they name."""


def attached_envelopes(connection: Connection, blobs: BlobStore, subject: Digest) -> tuple[bytes, ...]:
    """What hangs on a subject and may hold statements: DSSE envelopes and Sigstore bundles, as they came.

    Looked at are its referrers, and cosign's attestations under the tag that names it, by the digest of what carries
    them.
    """
    tagged = select(tag.c.digest).where(tag.c.name == f"{subject.algorithm}-{subject.hex[:64]}.att")
    query = (
        select(manifest.c.document, manifest.c.media_type)
        .where(or_(manifest.c.subject == subject, manifest.c.digest.in_(tagged)))
        .order_by(manifest.c.digest)
        .limit(MAX_ATTACHED)
    )
    found: list[bytes] = []
    for row in connection.execute(query):
        parsed = parse_manifest(bytes(row.document), media_type=row.media_type, where=str(subject))
        for layer in () if isinstance(parsed, Index) else parsed.layers:
            if holds_statement(layer.media_type) and layer.size <= MAX_ENVELOPE_BYTES and len(found) < MAX_ENVELOPES:
                found += _read(blobs, layer.digest)
    return tuple(found)


def indexes_of(connection: Connection, digest: Digest) -> tuple[Digest, ...]:
    """The indexes that name a manifest, at most `MAX_INDEXES`."""
    named = manifest_child
    query = select(named.c.parent).where(named.c.child == digest).order_by(named.c.parent).limit(MAX_INDEXES)
    return tuple(Digest(str(one)) for one in connection.scalars(query))


class ShelfPlace:
    """The shelf, as far as signatures are asked for (a `tidegate.oci.signatures.SignaturePlace`)."""

    def __init__(self, connection: Connection, blobs: BlobStore) -> None:
        self._connection = connection
        self._blobs = blobs

    def manifests(self, subject: Digest) -> Iterator[Manifest | PassedOver]:
        """The manifests under cosign's tags in any repository, and the referrers."""
        tags = [signature_tag(subject, ending) for ending in TAG_ENDINGS]
        tagged = select(tag.c.digest).where(tag.c.name.in_(tags))
        query = (
            select(manifest.c.document, manifest.c.media_type, manifest.c.digest)
            .where(or_(manifest.c.subject == subject, manifest.c.digest.in_(tagged)))
            .order_by(manifest.c.digest)
            .limit(MAX_MANIFESTS + 1)
        )
        for row in self._connection.execute(query):
            found = parse_manifest(bytes(row.document), media_type=row.media_type, where=str(row.digest))
            if isinstance(found, Index):
                yield PassedOver(where=str(row.digest), why="is an index")
            else:
                yield found

    def read(self, layer: Descriptor) -> bytes:
        """Reads a blob of the store."""
        with self._blobs.open(layer.digest) as file:
            return read_bounded(file, max_bytes=min(layer.size, MAX_ONE_BYTES), what=str(layer.digest))


def _read(blobs: BlobStore, digest: Digest) -> tuple[bytes, ...]:
    try:
        with blobs.open(digest) as file:
            return (read_bounded(file, max_bytes=MAX_ENVELOPE_BYTES, what=str(digest)),)
    except (InvalidInputError, NotFoundError):
        return ()
