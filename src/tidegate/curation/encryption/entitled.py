# SPDX-License-Identifier: Apache-2.0
"""Who may have the keys of an image now: asked when keys are wrapped into a copy, and when they are released."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from tidegate.artifact import Digest, Index, Manifest, Repository
from tidegate.curation.consumer import Consumer
from tidegate.curation.serving import Asked, objection
from tidegate.curation.shelved import manifest_of
from tidegate.curation.states import State
from tidegate.errors import RefusedError
from tidegate.evidence.restriction import Zones
from tidegate.storage import schema

GROUP: Final = "group:"
_MAX_INDEX_DEPTH: Final = 4


def demand_admitted(
    connection: Connection, image: Digest, repository: Repository, consumer: Consumer, zones: Zones, *, at: datetime
) -> None:
    """Makes sure that an image is for this consumer now: a plain one, whatever became of its copies meanwhile.

    Raises:
        RefusedError: it is not.
    """
    table = schema.state
    row = connection.execute(select(table.c.state, table.c.expires_at).where(table.c.digest == image)).first()
    if row is None:
        raise RefusedError("nothing is known any more of what it is a copy of", where=image)
    asked = Asked(digest=image, state=State(row.state), expires_at=row.expires_at, is_kept=True)
    if (refused := objection(connection, asked, repository, consumer, zones, at=at)) is not None:
        raise refused


def refusal_for(
    connection: Connection,
    name: str,
    images: Iterable[Digest],
    repository: Repository,
    zones: Zones,
    *,
    at: datetime,
) -> RefusedError | None:
    """Why the keys of images are not for a registered recipient now; None when they are.

    Nothing is known of it but its name, which may be a group's: where it pulls from, and what groups it belongs to, is
    seen when it asks. So what is kept for a place or for a group of theirs is not had by being named.

    Args:
        connection: for reading.
        name: of the recipient.
        images: all of which it must be allowed: an image, and the index it is had by.
        repository: where it shall have them.
        zones: addresses of places.
        at: now.
    """
    is_group = name.startswith(GROUP)
    groups = frozenset({name.removeprefix(GROUP)}) if is_group else frozenset[str]()
    consumer = Consumer(name="" if is_group else name, groups=groups)
    try:
        for image in images:
            demand_admitted(connection, image, repository, consumer, zones, at=at)
    except RefusedError as error:
        return error
    return None


def images_in(connection: Connection, digest: Digest, depth: int = 0) -> list[Manifest]:
    """An image, or those of an index at any depth."""
    node = manifest_of(connection, digest)
    if isinstance(node, Manifest):
        return [node]
    if depth >= _MAX_INDEX_DEPTH or not isinstance(node, Index):
        return []
    return [image for child in node.manifests for image in images_in(connection, child.digest, depth + 1)]
