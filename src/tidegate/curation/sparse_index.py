# SPDX-License-Identifier: Apache-2.0
"""Indexes that are here with some of their images: what they say of one that is not."""

from sqlalchemy import Connection, select

from tidegate.artifact import Digest, Index, Platform, Repository, parse_manifest
from tidegate.storage.schema import manifest, manifest_child, repository_manifest

_MAX_PARENTS = 20


def named_by_index(connection: Connection, repository: Repository, digest: Digest) -> tuple[bool, Platform | None]:
    """Whether an index of the repository names a digest, and for which platform."""
    query = (
        select(manifest.c.document, manifest.c.media_type)
        .join(manifest_child, manifest_child.c.parent == manifest.c.digest)
        .join(repository_manifest, repository_manifest.c.digest == manifest.c.digest)
        .where(manifest_child.c.child == digest, repository_manifest.c.repository == repository)
        .order_by(manifest.c.digest)
        .limit(_MAX_PARENTS)
    )
    for row in connection.execute(query):
        index = parse_manifest(bytes(row.document), media_type=row.media_type, where=digest)
        for child in index.manifests if isinstance(index, Index) else ():
            if child.digest == digest:
                return True, child.platform
    return False, None
