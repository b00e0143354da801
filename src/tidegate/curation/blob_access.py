# SPDX-License-Identifier: Apache-2.0
"""May this consumer have this blob, or build upon it? Not merely because they know its digest.

A blob goes out when a manifest of the repository that refers to it may be served to whoever asks, or when they uploaded
it there themselves. Attachments skip the gate, so they open only blobs that nothing judged refers to. Whoever nobody
knows uploaded nothing, once a judged manifest refers to it. One query, by indexes; a few more where a restriction may
stand on it.

A manifest opens the blobs it names, so it is taken only of somebody who may have each of them, or had its bytes: a
digest that was overheard opens nothing, whether by another image, by an attachment or by a mount. What somebody may not
build upon they are told is not here (`HEAD`), and so their client sends the bytes, which is the proof.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Exists, bindparam, exists, or_, select

from tidegate.artifact import Digest, Index, Manifest, Repository
from tidegate.clock import rfc3339
from tidegate.curation.attachments import EMPTY, holds
from tidegate.curation.blob_uploaders import sent_too
from tidegate.curation.consumer import Consumer
from tidegate.curation.lifecycle import State
from tidegate.curation.serving import Asked, objection
from tidegate.curation.stock import MissingContentError
from tidegate.curation.withheld import WithheldError
from tidegate.evidence.restriction import Zones
from tidegate.storage.schema import manifest_blob, repository_blob, repository_manifest, state
from tidegate.storage.vending_schema import restriction

_EMPTY_DIGEST: Final = Digest.of(EMPTY)
_MAX_LOOKED_AT: Final = 200
"""Manifests that refer to one blob and are asked one by one; of more, the newest verdicts."""


def _refers(*conditions: ColumnElement[bool]) -> Exists:
    # Asked of each manifest that names the blob, not joined: SQLite would begin with all that the repository holds.
    held = exists().where(
        repository_manifest.c.repository == bindparam("repository"),
        repository_manifest.c.digest == manifest_blob.c.manifest,
    )
    so = exists().where(state.c.digest == manifest_blob.c.manifest, *conditions)
    return exists().where(
        manifest_blob.c.blob == bindparam("digest"),
        held.correlate_except(repository_manifest),
        so.correlate_except(state),
    )


_HOLDS: Final = or_(state.c.expires_at == "", state.c.expires_at > bindparam("now"))
# Built once: building a query takes longer than running it.
LOOK: Final = select(
    repository_blob.c.uploaded_by,
    _refers(or_(state.c.state == State.ADMITTED, state.c.state == State.DEPRECATED), _HOLDS).label("is_open"),
    _refers(state.c.state == State.ATTACHED).label("is_attached"),
    _refers(state.c.state != State.ATTACHED).label("is_judged"),
    exists().where(restriction.c.lifted_at == "").label("is_kept"),
    sent_too(bindparam("who")).label("is_sent"),
).where(repository_blob.c.repository == bindparam("repository"), repository_blob.c.digest == bindparam("digest"))
"""By `repository`, `digest`, `who` asks and `now`: a row for `is_plainly_had`; none when the repository has no such."""


def blob_objection(
    connection: Connection, repository: Repository, digest: Digest, consumer: Consumer, zones: Zones, *, at: datetime
) -> WithheldError | None:
    """Why a consumer may not have a blob of a repository; None when it may, and when there is none.

    Args:
        connection: for reading.
        repository: it is asked from.
        digest: of the blob.
        consumer: who asks.
        zones: addresses of places.
        at: the moment of the pull.
    """
    found = {"repository": repository, "digest": digest, "now": rfc3339(at), "who": consumer.name}
    row = connection.execute(LOOK, found).first()
    if row is None or digest == _EMPTY_DIGEST or is_plainly_had(row, consumer):
        return None
    refused = None
    for asked in _referring(connection, repository, digest):
        said = objection(connection, asked, repository, consumer, zones, at=at)
        if said is None:
            return None
        refused = refused or said
    nothing = "nothing that was judged refers to it"
    return refused or WithheldError(digest, State.SUBMITTED, nothing, "push the manifest it belongs to")


def is_plainly_had(row: Any, consumer: Consumer) -> bool:
    """Whether a row of `LOOK` alone tells that a consumer may have the blob; else its manifests are looked at."""
    return _is_open(row) or _is_theirs(row, consumer)


def not_to_build_upon(
    connection: Connection,
    repository: Repository,
    digests: Collection[Digest],
    consumer: Consumer,
    zones: Zones,
    *,
    at: datetime,
) -> list[Digest]:
    """Which blobs of a repository a consumer may not name in a manifest: neither did they have the bytes, nor may they.

    All whom nobody knows are one here: they prove nothing by naming what one of them uploaded, and it opens no blob to
    them that something judged refers to.

    Args:
        connection: for reading.
        repository: that the manifest is pushed to.
        digests: of the blobs it names.
        consumer: who pushes it.
        zones: addresses of places.
        at: the moment of the push.
    """
    sent = sent_too(consumer.name)
    query = select(repository_blob.c.digest).where(
        repository_blob.c.repository == repository,
        repository_blob.c.digest.in_(list(digests)),
        or_(repository_blob.c.uploaded_by == consumer.name, sent),
    )
    theirs = set(connection.scalars(query))
    return sorted(
        digest
        for digest in digests
        if digest not in theirs and blob_objection(connection, repository, digest, consumer, zones, at=at) is not None
    )


def require_claim(
    connection: Connection,
    repository: Repository,
    digest: Digest,
    parsed: Manifest | Index,
    consumer: Consumer,
    zones: Zones,
    *,
    at: datetime,
) -> None:
    """Makes sure that a consumer may push a manifest, by the blobs it names (`not_to_build_upon`).

    An index opens nothing: its images are had by their own state. Nor does a manifest that is here already.

    Raises:
        MissingContentError: some are not theirs to build upon; for them those are not here.
    """
    if isinstance(parsed, Index):
        return
    named = {part.digest for part in (parsed.config, *parsed.layers)}
    others = not_to_build_upon(connection, repository, named, consumer, zones, at=at)
    if others and not holds(connection, repository, digest):
        raise MissingContentError(repository, others)


def _is_open(row: Any) -> bool:
    return bool((row.is_open and not row.is_kept) or (row.is_attached and not row.is_judged))


def _is_theirs(row: Any, consumer: Consumer) -> bool:
    return (row.uploaded_by == consumer.name or row.is_sent) and not (consumer.is_anonymous and row.is_judged)


def _referring(connection: Connection, repository: Repository, digest: Digest) -> list[Asked]:
    held = exists().where(
        repository_manifest.c.repository == repository, repository_manifest.c.digest == manifest_blob.c.manifest
    )
    query = (
        select(state.c.digest, state.c.state, state.c.expires_at)
        .join(manifest_blob, manifest_blob.c.manifest == state.c.digest)
        .where(manifest_blob.c.blob == digest, held.correlate_except(repository_manifest))
        .where(state.c.state != State.ATTACHED)
        .order_by(state.c.since.desc(), state.c.digest)
        .limit(_MAX_LOOKED_AT)
    )
    return [
        Asked(digest=Digest(row.digest), state=State(row.state), expires_at=row.expires_at, is_kept=True)
        for row in connection.execute(query)
    ]
