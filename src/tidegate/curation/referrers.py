# SPDX-License-Identifier: Apache-2.0
"""Referrers: the manifests of a repository that hang on another by `subject` (OCI distribution-spec 1.1)."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, exists, select

from tidegate.artifact import Digest, Repository, parse_manifest
from tidegate.artifact import media_type as mt
from tidegate.storage.schema import manifest, repository_manifest
from tidegate.wire import to_json

PAGE_BYTES: Final = 4 << 20
"""A page's longest form: what clients accept as a manifest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferrersPage:
    """A part of the answer.

    Attributes:
        document: the image index, made on the fly.
        count: how many there are in it.
        last: where the next page starts; "" when this is the last one.
    """

    document: bytes
    count: int
    last: str = ""


def list_referrers(
    connection: Connection,
    repository: Repository,
    subject: Digest,
    *,
    artifact_type: str = "",
    last: str = "",
    max_bytes: int = PAGE_BYTES,
) -> ReferrersPage:
    """The referrers of a subject, sorted by digest; nothing hangs on an unknown one.

    Args:
        connection: for reading.
        repository: where to look.
        subject: what they hang on.
        artifact_type: only these; "" for all.
        last: digest the page before ended with.
        max_bytes: longest page.
    """
    held = exists().where(
        repository_manifest.c.repository == repository, repository_manifest.c.digest == manifest.c.digest
    )
    query = (
        select(manifest.c.digest, manifest.c.media_type, manifest.c.artifact_type, manifest.c.document)
        # Asked of each that hangs there, not joined: a database may otherwise begin with all the repository holds.
        .where(manifest.c.subject == subject, manifest.c.digest > last, held)
        .order_by(manifest.c.digest)
    )
    if artifact_type:
        query = query.where(manifest.c.artifact_type == artifact_type)
    found: list[dict[str, Any]] = []
    size, reached = 0, ""
    for row in connection.execute(query):
        entry = _descriptor(row)
        size += len(to_json(entry)) + 1
        if found and size > max_bytes:
            return ReferrersPage(document=_index(found), count=len(found), last=reached)
        found.append(entry)
        reached = row.digest
    return ReferrersPage(document=_index(found), count=len(found))


def _descriptor(row: Any) -> dict[str, Any]:
    parsed = parse_manifest(bytes(row.document), media_type=row.media_type, where=row.digest)
    return {
        "mediaType": row.media_type,
        "digest": row.digest,
        "size": len(row.document),
        **({"artifactType": row.artifact_type} if row.artifact_type else {}),
        **({"annotations": dict(parsed.annotations)} if parsed.annotations else {}),
    }


def _index(entries: list[dict[str, Any]]) -> bytes:
    return to_json({"schemaVersion": 2, "mediaType": mt.OCI_INDEX, "manifests": entries})
