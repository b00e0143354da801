# SPDX-License-Identifier: Apache-2.0
"""What others hung on an artifact of the shelf: envelopes with statements, as they came; nothing is verified here."""

from typing import Final

from sqlalchemy import Connection, select

from tidegate.artifact import Digest, Index, parse_manifest
from tidegate.artifact import media_type as mt
from tidegate.bounds import read_bounded
from tidegate.errors import InvalidInputError, NotFoundError
from tidegate.signing.bounds import MAX_ENVELOPE_BYTES
from tidegate.storage.blobs import BlobStore
from tidegate.storage.schema import manifest

MAX_ATTACHED: Final = 100
"""Manifests looked at for one subject; of more, those with the lowest digests."""
MAX_ENVELOPES: Final = 100


def attached_envelopes(connection: Connection, blobs: BlobStore, subject: Digest) -> tuple[bytes, ...]:
    """The DSSE envelopes that hang on a subject, by the digest of what carries them."""
    query = (
        select(manifest.c.document, manifest.c.media_type)
        .where(manifest.c.subject == subject)
        .order_by(manifest.c.digest)
        .limit(MAX_ATTACHED)
    )
    found: list[bytes] = []
    for row in connection.execute(query):
        parsed = parse_manifest(bytes(row.document), media_type=row.media_type, where=str(subject))
        for layer in () if isinstance(parsed, Index) else parsed.layers:
            if layer.media_type == mt.DSSE and layer.size <= MAX_ENVELOPE_BYTES and len(found) < MAX_ENVELOPES:
                found += _read(blobs, layer.digest)
    return tuple(found)


def _read(blobs: BlobStore, digest: Digest) -> tuple[bytes, ...]:
    try:
        with blobs.open(digest) as file:
            return (read_bounded(file, max_bytes=MAX_ENVELOPE_BYTES, what=str(digest)),)
    except (InvalidInputError, NotFoundError):
        return ()
