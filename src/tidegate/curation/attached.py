# SPDX-License-Identifier: Apache-2.0
"""What others hung on an artifact of the shelf: envelopes with statements, as they came; nothing is verified here."""

from typing import Final

from sqlalchemy import Connection, or_, select

from tidegate.artifact import Digest, Index, parse_manifest
from tidegate.bounds import read_bounded
from tidegate.errors import InvalidInputError, NotFoundError
from tidegate.oci.attached import holds_statement
from tidegate.signing.bounds import MAX_ENVELOPE_BYTES
from tidegate.storage.blobs import BlobStore
from tidegate.storage.schema import manifest, tag

MAX_ATTACHED: Final = 100
"""Manifests looked at for one subject; of more, those with the lowest digests."""
MAX_ENVELOPES: Final = 100


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


def _read(blobs: BlobStore, digest: Digest) -> tuple[bytes, ...]:
    try:
        with blobs.open(digest) as file:
            return (read_bounded(file, max_bytes=MAX_ENVELOPE_BYTES, what=str(digest)),)
    except (InvalidInputError, NotFoundError):
        return ()
