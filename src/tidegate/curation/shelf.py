# SPDX-License-Identifier: Apache-2.0
"""The shelf: manifests in their repositories, taken in to quarantine and handed out by state."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, exists, or_, select

from tidegate.artifact import Digest, Repository, Tag, parse_manifest
from tidegate.artifact import media_type as mt
from tidegate.clock import Clock
from tidegate.curation import attachments, tags
from tidegate.curation.blob_access import blob_objection, not_to_build_upon, require_claim
from tidegate.curation.consumer import NOBODY, Consumer
from tidegate.curation.consumer_pulls import ConsumerPulls
from tidegate.curation.keeping.taking_out import take_out
from tidegate.curation.kind import Kind
from tidegate.curation.known_blobs import KnownBlobs
from tidegate.curation.lifecycle import UNDECIDED, State
from tidegate.curation.pulls import PullNotes
from tidegate.curation.referrers import ReferrersPage, list_referrers
from tidegate.curation.referrers_tag import names_subject, referrers_by_tag
from tidegate.curation.refusals import note_refusal
from tidegate.curation.served import Served
from tidegate.curation.serving import Asked, may_be_kept, objection, withheld_platforms
from tidegate.curation.shelf_blobs import BlobUnknownError, HeldBlob, ShelfBlobs
from tidegate.curation.standing import standing_of
from tidegate.curation.stock import MissingContentError, Stored, require_content, store_manifest
from tidegate.curation.tag_rules import NO_TAG_RULES, ImmutableTags, TagImmutableError
from tidegate.curation.whole import require_whole
from tidegate.curation.withheld import WithheldError
from tidegate.errors import DigestMismatchError, NotFoundError, OutsideError
from tidegate.evidence.restriction import Zones
from tidegate.storage.database import Database
from tidegate.storage.schema import manifest, repository_blob, repository_manifest, state, tag

_log = logging.getLogger(__name__)
# Built once: building a query takes longer than running it, and every pull runs one of these.
_HELD: Final = (
    select(
        manifest.c.digest,
        manifest.c.media_type,
        manifest.c.document,
        manifest.c.kind,
        state.c.state,
        state.c.expires_at,
        may_be_kept().label("is_kept"),
    )
    .join(repository_manifest, repository_manifest.c.digest == manifest.c.digest)
    .join(state, state.c.digest == manifest.c.digest)
    .where(repository_manifest.c.repository == bindparam("repository"))
)
_BY_DIGEST: Final = _HELD.where(manifest.c.digest == bindparam("locator"))
_BY_TAG: Final = _HELD.join(
    tag, (tag.c.repository == repository_manifest.c.repository) & (tag.c.digest == manifest.c.digest)
).where(tag.c.name == bindparam("locator"))

__all__ = [
    "ManifestUnknownError",
    "MissingContentError",
    "NameUnknownError",
    "Served",
    "Shelf",
    "Stored",
    "TagImmutableError",
    "WithheldError",
]
OWN_HAND: Final = "tidegate"
"""Who hangs the outcome of a judgement on what was judged."""


class ManifestUnknownError(NotFoundError):
    """A repository holds no such manifest or tag."""

    def __init__(self, repository: Repository, locator: str) -> None:
        super().__init__("no such manifest", where=f"{repository}:{locator}")


class NameUnknownError(NotFoundError):
    """There is no such repository."""

    def __init__(self, repository: Repository) -> None:
        super().__init__("no such repository", where=repository)


class Shelf:
    """All repositories of a registry. Safe for threads.

    Args:
        database: migrated.
        blobs: their blobs.
        clock: the moment recorded.
        observes: serves what it should withhold, and says so: for the time before a gate is closed.
        tag_rules: which tags are immutable.
        zones: which addresses the places have that restrictions name.
        pulls: where pulls are noted.
        consumers: where it is noted who pulls.
    """

    def __init__(
        self,
        database: Database,
        blobs: ShelfBlobs,
        clock: Clock,
        *,
        observes: bool = False,
        tag_rules: ImmutableTags = NO_TAG_RULES,
        zones: Zones | None = None,
        pulls: PullNotes | None = None,
        consumers: ConsumerPulls | None = None,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._clock = clock
        self._observes = observes
        self._tag_rules = tag_rules
        self._zones = zones or {}
        self._pulls = pulls
        self._consumers = consumers
        self.known_blobs = KnownBlobs(database, clock, blobs.path, observes=observes)

    def put_manifest(
        self,
        repository: Repository,
        locator: Tag | Digest,
        raw: bytes,
        *,
        media_type: str,
        pushed_by: str,
        consumer: Consumer = NOBODY,
        more_tags: Sequence[Tag] = (),
    ) -> Stored:
        """Takes a manifest in: document, links, tag, state and events are there at once, or nothing is.

        A digest seen before keeps its state: pushing again does not reopen a verdict. `more_tags` point to it as well.
        Each blob it names is one that the `consumer` may have or sent (`not_to_build_upon`).

        Raises:
            InvalidInputError: not a manifest, over a bound, or other sizes than the blobs have.
            DigestMismatchError: `locator` is another digest than the document's.
            MissingContentError: the repository does not hold all it names, as far as this consumer may build upon it.
            TagImmutableError: `locator` is a tag that points elsewhere and is held there; nothing is stored then.
        """
        parsed = parse_manifest(raw, media_type=media_type, where=f"{repository}:{locator}")
        digest, at = _digest(raw, locator), self._clock()
        names = [*([locator] if isinstance(locator, Tag) else []), *more_tags]
        named = any(map(names_subject, names))
        with self._database.begin() as connection:
            require_content(connection, repository, parsed)
            if not self._observes:
                require_claim(connection, repository, digest, parsed, consumer, self._zones, at=at)
            stored = store_manifest(connection, repository, digest, parsed, who=pushed_by, at=at, named=named)
            for name in sorted(names):
                tags.point(connection, repository, name, digest, who=pushed_by, at=at, rules=self._tag_rules)
        return stored

    def get_manifest(
        self, repository: Repository, locator: Tag | Digest, consumer: Consumer = NOBODY, *, is_patient: bool = False
    ) -> Served:
        """Hands a manifest out, if its state allows that now; a refusal is put on record.

        Args:
            repository: it is asked from.
            locator: its tag or digest.
            consumer: who asks.
            is_patient: they ask again when there is a verdict: that there is none yet is no refusal.

        Raises:
            ManifestUnknownError: the repository holds no such thing.
            WithheldError: its state, the end of the decision behind it, or a restriction forbids. Not in observe mode.
        """
        at = self._clock()
        with self._database.read() as connection:
            row = self._find(connection, repository, locator)
            require_whole(repository, Digest(row.digest), bytes(row.document))
            refused = objection(connection, _asked(row), repository, consumer, self._zones, at=at)
            served = self._told(connection, row, at)
        if refused is None:
            if self._pulls is not None:
                self._pulls.note(repository, served.digest)
            if self._consumers is not None:
                self._consumers.note(served.digest, repository, consumer.name)
            return served
        if not (is_patient and refused.state in UNDECIDED):
            self._note(repository, refused, consumer)
        if not self._observes:
            raise refused
        return replace(served, objection=refused)

    def head_manifest(self, repository: Repository, locator: Tag | Digest) -> Served:
        """What is known of a manifest without handing it out: whatever its state, `document` must not leave.

        Raises:
            ManifestUnknownError: the repository holds no such thing.
        """
        with self._database.read() as connection:
            return self._told(connection, self._find(connection, repository, locator), self._clock())

    def open_blob(self, repository: Repository, digest: Digest, consumer: Consumer) -> HeldBlob:
        """Where a blob lies that a consumer may have, by what refers to it (`blob_objection`).

        Raises:
            WithheldError: it may not. Not in observe mode.
            BlobUnknownError: there is none.
        """
        with self._database.read() as connection:
            if (refused := self._objection(connection, repository, digest, consumer)) is not None:
                raise refused
            return self._blobs.held(connection, repository, digest)

    def tell_of_blob(self, repository: Repository, digest: Digest, consumer: Consumer) -> None:
        """Makes sure a consumer may be told that a blob is here, so that they need not send it.

        Raises:
            BlobUnknownError: it is not here for them. Not in observe mode.
        """
        with self._database.read() as connection:
            at, zones = self._clock(), self._zones
            if not self._observes and not_to_build_upon(connection, repository, [digest], consumer, zones, at=at):
                raise BlobUnknownError(repository, digest)

    def mount(self, repository: Repository, digest: Digest, source: Repository, consumer: Consumer) -> bool:
        """Lets a repository hold a blob of another one, for a consumer who may have it there.

        Returns:
            False when it may not, or the other one holds none: then it is uploaded.
        """
        with self._database.read() as connection:
            refused = self._objection(connection, source, digest, consumer)
        return refused is None and self._blobs.mount(repository, digest, source, by=consumer.name)

    def attach(
        self,
        connection: Connection,
        repository: Repository,
        subject: Digest,
        envelope: bytes,
        *,
        artifact_type: str,
        annotations: Mapping[str, str] | None = None,
        who: str = OWN_HAND,
    ) -> Digest:
        """Hangs an envelope on a subject, in the caller's transaction; again changes nothing.

        Args:
            connection: inside a transaction that writes.
            repository: which must hold the subject for clients to find it.
            subject: a stored manifest.
            envelope: DSSE, JSON.
            artifact_type: under which it is found.
            annotations: of the manifest; no moment of now, or it is another manifest each time.
            who: recorded as the pusher.

        Returns:
            The digest of the manifest that hangs there.

        Raises:
            NotFoundError: no such subject.
        """
        raw = attachments.attachment_manifest(
            connection, subject, envelope, artifact_type=artifact_type, annotations=annotations or {}
        )
        digest = Digest.of(raw)
        if not attachments.holds(connection, repository, digest):
            attachments.before_attaching(connection, [Digest.of(envelope)])
            self._blobs.put(connection, repository, attachments.EMPTY)
            self._blobs.put(connection, repository, envelope)
            store_manifest(connection, repository, digest, parse_manifest(raw), who=who, at=self._clock())
        return digest

    def attach_record(self, connection: Connection, repository: Repository, subject: Digest, envelope: Digest) -> None:
        """Hangs a statement on record on a subject, in the caller's transaction; again changes nothing.

        Raises:
            NotFoundError: no such subject, or no such statement.
        """
        content, kind, notes = attachments.recorded_envelope(connection, envelope)
        self.attach(connection, repository, subject, content, artifact_type=kind, annotations=notes)

    def referrers(
        self, repository: Repository, subject: Digest, *, artifact_type: str = "", last: str = ""
    ) -> ReferrersPage:
        """What hangs on a subject (`list_referrers`)."""
        with self._database.read() as connection:
            return list_referrers(connection, repository, subject, artifact_type=artifact_type, last=last)

    def referrers_by_tag(self, repository: Repository, name: Tag) -> Served:
        """The same for clients that look under the tag the specification had before there was an API for it.

        Raises:
            ManifestUnknownError: the tag has no such form, or nothing hangs there.
        """
        with self._database.read() as connection:
            document = referrers_by_tag(connection, repository, name)
        if document is None:
            raise ManifestUnknownError(repository, name)
        return Served(digest=Digest.of(document), media_type=mt.OCI_INDEX, document=document, state=State.ATTACHED)

    def list_tags(self, repository: Repository, *, limit: int, last: str = "") -> Sequence[Tag]:
        """At most `limit` tags past `last`, in the order of their bytes.

        Raises:
            NameUnknownError: there is no such repository.
        """
        with self._database.read() as connection:
            found = tags.list_tags(connection, repository, limit=limit, last=last)
            if not found and not _exists(connection, repository):
                raise NameUnknownError(repository)
        return found

    def list_repositories(self, *, limit: int, last: str = "") -> Sequence[Repository]:
        """At most `limit` repositories past `last`, in the order of their bytes."""
        with self._database.read() as connection:
            return tags.list_repositories(connection, limit=limit, last=last)

    def delete_tag(self, repository: Repository, name: Tag, *, who: str) -> None:
        """Removes a tag; the manifest stays.

        Raises:
            ManifestUnknownError: there is no such tag.
            TagImmutableError: it is held.
        """
        with self._database.begin() as connection:
            if not tags.remove(connection, repository, name, who=who, at=self._clock(), rules=self._tag_rules):
                raise ManifestUnknownError(repository, name)

    def delete_manifest(self, repository: Repository, digest: Digest, *, who: str) -> None:
        """Takes a manifest and its tags out of a repository. What is known of the digest, verdict included, stays.

        Raises:
            ManifestUnknownError: the repository does not hold it.
            TagImmutableError: a tag that is held points to it, or to an index that names it.
        """
        with self._database.begin() as connection:
            if not attachments.holds(connection, repository, digest):
                raise ManifestUnknownError(repository, digest)
            at, rules = self._clock(), self._tag_rules
            take_out(connection, repository, digest, who=who, at=at, rules=rules, grace=self._blobs.grace)

    def _objection(
        self, connection: Connection, name: Repository, digest: Digest, by: Consumer
    ) -> WithheldError | None:
        return None if self._observes else blob_objection(connection, name, digest, by, self._zones, at=self._clock())

    def _told(self, connection: Connection, row: Any, at: datetime) -> Served:
        served = _served(row)
        if served.state is State.DEPRECATED:
            served = replace(served, standing=standing_of(connection, served.digest))
        if row.kind == Kind.INDEX:
            platforms = withheld_platforms(connection, served.document, served.media_type, at=at)
            served = replace(served, withheld_platforms=platforms)
        return served

    def _note(self, repository: Repository, objection: WithheldError, consumer: Consumer) -> None:
        try:
            with self._database.begin() as connection:
                note_refusal(connection, repository, objection, consumer, enforced=not self._observes, at=self._clock())
        except OutsideError as error:
            # Whether it is served does not hang on the note: the refusal stands, and observing withholds nothing.
            _log.warning("a refusal of %s to %s is not on record: %s", objection.digest, consumer.name, error)

    def _find(self, connection: Connection, repository: Repository, locator: Tag | Digest) -> Any:
        query = _BY_DIGEST if isinstance(locator, Digest) else _BY_TAG
        row = connection.execute(query, {"repository": repository, "locator": locator}).first()
        if row is None:
            raise ManifestUnknownError(repository, locator)
        return row


def _asked(row: Any) -> Asked:
    return Asked(
        digest=Digest(row.digest), state=State(row.state), expires_at=row.expires_at, is_kept=bool(row.is_kept)
    )


def _served(row: Any) -> Served:
    return Served(
        digest=Digest(row.digest), media_type=row.media_type, document=bytes(row.document), state=State(row.state)
    )


def _digest(raw: bytes, locator: Tag | Digest) -> Digest:
    if not isinstance(locator, Digest):
        return Digest.of(raw)
    actual = Digest(f"{locator.algorithm}:{hashlib.new(locator.algorithm, raw).hexdigest()}")
    if actual != locator:
        raise DigestMismatchError(locator, actual, where="manifest")
    return actual


def _exists(connection: Connection, repository: Repository) -> bool:
    held = (
        exists().where(repository_manifest.c.repository == repository),
        exists().where(repository_blob.c.repository == repository),
    )
    return bool(connection.scalar(select(or_(*held))))
