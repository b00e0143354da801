# SPDX-License-Identifier: Apache-2.0
"""Putting a manifest on the shelf: what it needs must be there, then its rows and its first state are written."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, func, insert, select, update

from tidegate.artifact import Descriptor, Digest, Index, Manifest, Repository
from tidegate.artifact import media_type as mt
from tidegate.clock import rfc3339
from tidegate.curation.kind import Kind, kind_of
from tidegate.curation.lifecycle import State
from tidegate.curation.referrers_tag import lists_attachments_only
from tidegate.curation.states import advance, state_of
from tidegate.errors import InvalidInputError, NotFoundError
from tidegate.events import Event, EventKind
from tidegate.identity import quota
from tidegate.storage.insert import insert_once
from tidegate.storage.lock_order import Rank, taking
from tidegate.storage.outbox import publish
from tidegate.storage.schema import blob, manifest, manifest_blob, manifest_child, repository_blob, repository_manifest


class MissingContentError(NotFoundError):
    """A manifest names what its repository does not hold.

    Args:
        repository: where it was pushed.
        digests: what is missing.
    """

    def __init__(self, repository: Repository, digests: Sequence[Digest]) -> None:
        first = ", ".join(digests[:3]) + (f" and {len(digests) - 3} more" if digests[3:] else "")
        super().__init__(f"{repository} does not hold {first}", remedy="push what the manifest names first")
        self.digests = tuple(digests)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What became of a pushed manifest.

    Attributes:
        subject: what it hangs on; None for most.
        is_new_here: the repository did not hold it before.
    """

    digest: Digest
    kind: Kind
    state: State
    subject: Digest | None = None
    is_new_here: bool = True


def require_content(connection: Connection, repository: Repository, parsed: Manifest | Index) -> None:
    """Makes sure a repository holds all that a manifest names, in the sizes it says.

    Layers that may lie elsewhere need not be here; an image with such a one cannot be examined, and is not admitted.

    Raises:
        MissingContentError: it does not.
        InvalidInputError: a size is another.
    """
    if isinstance(parsed, Index):
        wanted, present = parsed.manifests, _manifest_sizes(connection, repository, parsed.manifests)
    else:
        wanted = (parsed.config, *parsed.layers)
        present = _blob_sizes(connection, repository, wanted)
    absent = [part for part in wanted if part.digest not in present and not mt.may_lie_elsewhere(part.media_type)]
    if absent:
        raise MissingContentError(repository, sorted({part.digest for part in absent}))
    for part in wanted:
        size = present.get(part.digest, part.size)
        if size != part.size:
            raise InvalidInputError(f"says {part.digest} has {part.size} bytes; it has {size}", where=repository)


def store_manifest(
    connection: Connection,
    repository: Repository,
    digest: Digest,
    parsed: Manifest | Index,
    *,
    who: str,
    at: datetime,
    named: bool = False,
) -> Stored:
    """Writes a manifest and links it to a repository; a digest seen before keeps its state.

    Args:
        connection: inside a transaction that writes.
        repository: to be linked to.
        digest: of the document.
        parsed: the manifest.
        who: the pusher.
        at: the moment recorded.
        named: a tag it is pushed by names its subject (`tidegate.curation.referrers_tag`).
    """
    kind = kind_of(parsed, named=named)
    if named and isinstance(parsed, Index) and lists_attachments_only(connection, parsed):
        kind = Kind.ATTACHMENT
    subject = parsed.subject.digest if parsed.subject else None
    row = {
        "digest": digest,
        "media_type": parsed.media_type,
        "artifact_type": artifact_type_of(parsed),
        "kind": kind,
        "subject": subject,
        "document": parsed.raw,
        "stored_at": rfc3339(at),
    }
    if insert_once(connection, manifest, **row):
        _link(connection, digest, parsed)
    else:  # what is stored may be damaged; these bytes have the digest
        other = (manifest.c.digest == digest) & (manifest.c.document != parsed.raw)
        connection.execute(update(manifest).where(other).values(document=parsed.raw))
    pushed = {"repository": repository, "digest": digest, "pushed_at": rfc3339(at), "pushed_by": who}
    new_here = insert_once(connection, repository_manifest, **pushed)
    if new_here:
        quota.manifest_held(connection, repository, by=who)
    state = state_of(connection, digest)
    if new_here and state is not None and kind is not Kind.ATTACHMENT:
        # Known elsewhere: what was judged for there is judged for here too.
        publish(connection, _shelved(digest, repository, who=who, at=at))
    if state is None:
        state = State.ATTACHED if kind is Kind.ATTACHMENT else State.QUARANTINED
        advance(connection, digest, state, who=who, why=f"pushed to {repository}", at=at)
    return Stored(digest=digest, kind=kind, state=state, subject=subject, is_new_here=new_here)


def _shelved(digest: Digest, repository: Repository, *, who: str, at: datetime) -> Event:
    data = {"digest": digest, "repository": repository, "who": who}
    return Event(id=uuid4().hex, kind=EventKind.IMAGE_SHELVED, subject=digest, time=at, data=data)


def artifact_type_of(parsed: Manifest | Index) -> str:
    """What referrers are filtered by: the stated type, or that of the configuration (distribution-spec 1.1)."""
    return parsed.artifact_type or ("" if isinstance(parsed, Index) else parsed.config.media_type)


def _link(connection: Connection, digest: Digest, parsed: Manifest | Index) -> None:
    if isinstance(parsed, Index):
        table, column = manifest_child, "child"
        digests = {part.digest for part in parsed.manifests}
        rows = [{"parent": digest, column: child} for child in sorted(digests)]
    else:
        table = manifest_blob
        digests = {part.digest for part in (parsed.config, *parsed.layers)}
        rows = [{"manifest": digest, "blob": part} for part in sorted(digests)]
    if rows:
        connection.execute(insert(table), rows)


def _blob_sizes(connection: Connection, repository: Repository, parts: Iterable[Descriptor]) -> Mapping[str, int]:
    held = repository_blob
    taking(connection, Rank.HELD, ["blob"])
    query = (
        select(blob.c.digest, blob.c.size)
        .join(held, held.c.digest == blob.c.digest)
        .where(held.c.repository == repository, blob.c.digest.in_({part.digest for part in parts}))
        # A blob that is being let go at this moment must not be built upon.
        .with_for_update(read=True)
    )
    return _sizes(connection.execute(query))


def _manifest_sizes(connection: Connection, repository: Repository, parts: Iterable[Descriptor]) -> Mapping[str, int]:
    held = repository_manifest
    query = (
        select(manifest.c.digest, func.length(manifest.c.document))
        .join(held, held.c.digest == manifest.c.digest)
        .where(held.c.repository == repository, manifest.c.digest.in_({part.digest for part in parts}))
    )
    return _sizes(connection.execute(query))


def _sizes(rows: Iterable[Any]) -> Mapping[str, int]:
    return dict(tuple(row) for row in rows)
