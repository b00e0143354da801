# SPDX-License-Identifier: Apache-2.0
"""Who had the bytes of a blob that another one uploaded to the repository before: that is proof, as theirs is."""

from typing import Any

from sqlalchemy import Connection, Exists, delete, exists, select

from tidegate.artifact import Digest, Repository
from tidegate.storage.insert import insert_once
from tidegate.storage.schema import blob_uploader, repository_blob


def sent_too(who: Any) -> Exists:
    """A condition for queries over `repository_blob`: somebody sent the blob of the row after the first one did."""
    return exists().where(
        blob_uploader.c.repository == repository_blob.c.repository,
        blob_uploader.c.digest == repository_blob.c.digest,
        blob_uploader.c.who == who,
    )


def note_uploader(connection: Connection, repository: Repository, digest: Digest, who: str) -> None:
    """Remembers that somebody had the bytes of a blob the repository held already, in the caller's transaction."""
    here = (repository_blob.c.repository == repository) & (repository_blob.c.digest == digest)
    if connection.scalar(select(repository_blob.c.uploaded_by).where(here)) != who:
        insert_once(connection, blob_uploader, repository=repository, digest=digest, who=who)


def forget_uploaders(connection: Connection, repository: Repository, digest: Digest) -> None:
    """Forgets them with the blob, in the caller's transaction."""
    here = (blob_uploader.c.repository == repository) & (blob_uploader.c.digest == digest)
    connection.execute(delete(blob_uploader).where(here))
