# SPDX-License-Identifier: Apache-2.0
"""Taking an image in from its upstream, as durable work for one name: look, fetch, store to quarantine.

    asked ── look ──► what the name means now ── fetch ──► blobs, evidence, manifests in one transaction ──► quarantined

The name is answered for by one piece of work at a time, whoever asks and however many. Each step is idempotent: what is
here already is not fetched again. From quarantine on it is an image like any other (`tidegate.curation.workflow`).
"""

import hashlib
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection, select

from tidegate.artifact import Descriptor, Digest, Index, Manifest, Reference, Repository, Tag
from tidegate.clock import Clock, rfc3339
from tidegate.curation import attachments, tags
from tidegate.curation.intake.entry import (
    Entry,
    Outcome,
    ask,
    ended,
    entry_of,
    find_entry,
    hold_entry,
    located,
    see,
    write,
)
from tidegate.curation.intake.fetching import BlobFetcher
from tidegate.curation.intake.gathering import Gathered, gather
from tidegate.curation.intake.travelling import Brought, bring
from tidegate.curation.intake.upstream import Upstream, Upstreams
from tidegate.curation.lifecycle import VENDED
from tidegate.curation.shelf import Shelf
from tidegate.curation.states import state_of
from tidegate.curation.stock import MissingContentError, require_content, store_manifest
from tidegate.curation.tag_rules import ImmutableTags
from tidegate.errors import InvalidInputError, NotFoundError, OutsideError, RefusedError, TidegateError
from tidegate.events import Event, EventKind
from tidegate.oci.registry import RegistryClient
from tidegate.outbound.pace import UsedUpError
from tidegate.storage.database import Database
from tidegate.storage.durable import Steps
from tidegate.storage.outbox import publish
from tidegate.storage.schema import intake
from tidegate.values import replace
from tidegate.wire import from_json, to_json

_log = logging.getLogger(__name__)
_FAILED_AGAIN_S: Final = 5.0
_LEAST_AGAIN_S: Final = 30.0
_MAX_ORDER_BYTES: Final = 4096
_JITTER: Final = 0.1
ENVELOPE_NOTE: Final = "dev.tidegate.intake.from"


class Intake:
    """Takes images in.

    Args:
        upstreams: gives those in force.
        connect: gives the client of an upstream, which holds it to its reach and its pace.
        submit: asks for durable work: a key (twice is once) and an argument for `work`.
        max_image_bytes: the largest image, all platforms together.
        watch_every: between two looks at a watched name.
        tag_rules: which tags are immutable.
    """

    def __init__(
        self,
        *,
        database: Database,
        shelf: Shelf,
        fetcher: BlobFetcher,
        upstreams: Callable[[], Upstreams],
        connect: Callable[[Upstream], RegistryClient],
        submit: Callable[[str, str], None],
        clock: Clock,
        max_image_bytes: int,
        watch_every: timedelta,
        tag_rules: ImmutableTags,
    ) -> None:
        self._upstreams = upstreams
        self._database = database
        self._shelf = shelf
        self._fetcher = fetcher
        self._connect = connect
        self._submit = submit
        self._clock = clock
        self._max_image_bytes = max_image_bytes
        self._watch_every = watch_every
        self._tag_rules = tag_rules

    @property
    def upstreams(self) -> Upstreams:
        """Those in force now."""
        return self._upstreams()

    def ask(
        self,
        upstream: Upstream,
        repository: Repository,
        locator: Tag | Digest,
        *,
        source: Reference,
        who: str,
        watched: bool = False,
    ) -> Entry:
        """Has a name looked at, and fetched if need be; asking while it is under way is asking once."""
        wanted = Entry(
            repository=repository,
            locator=locator,
            upstream=upstream.name,
            source=str(source),
            who=who,
            digest=source.digest or "",
            watched=watched,
        )
        with self._database.begin() as connection:
            entry, mine = ask(connection, wanted, at=self._clock())
        if mine:
            self.submit(entry)
        return entry

    def submit(self, entry: Entry) -> None:
        """Submits the work of an entry under way; again changes nothing."""
        order = {"repository": entry.repository, "locator": entry.locator, "attempt": entry.attempt}
        self._submit(f"{entry.repository}:{entry.locator}:{entry.attempt}", to_json(order).decode())

    def work(self, steps: Steps, argument: str) -> str:
        """Takes one name in; durable work for `tidegate.storage.durable`. Its entry says what came of it."""
        digest = steps.run("look", self.look, argument)
        if digest:
            steps.run("fetch", self.fetch, argument, digest)
        return "done"

    def look(self, argument: str) -> str:
        """Asks what the name means now.

        Returns:
            The digest to fetch; "" when there is nothing to fetch, and the entry says why.
        """
        entry = self._entry(argument)
        if entry is None:
            return ""
        upstream = self.upstreams.named(entry.upstream)
        if upstream is None:
            self._end(entry, Outcome.REFUSED, reason=f"there is no upstream {entry.upstream} any more")
            return ""
        source = Reference.parse(entry.source)
        try:
            digest = source.digest or self._means(upstream, source, entry)
        except TidegateError as error:
            self._end_badly(entry, error)
            return ""
        if digest is None:
            self._end(entry, Outcome.ABSENT, reason=f"{source} is not there")
            return ""
        with self._database.begin() as connection:
            see(connection, _place(source), digest, at=self._clock())
            self._tell_move(connection, entry, digest)
            held = attachments.holds(connection, Repository(entry.repository), digest)
            if held:
                self._arrive(connection, replace(entry, digest=digest))
        if held:
            self._database.commits.notify()
        return "" if held else digest

    def fetch(self, argument: str, digest: str) -> None:
        """Brings what the name means into quarantine, with all that travels along; the entry says what came of it."""
        entry = self._entry(argument)
        upstream = self.upstreams.named(entry.upstream) if entry else None
        if entry is None or upstream is None:
            return
        entry = replace(entry, digest=digest)
        try:
            self._fetch(upstream, entry, Reference.parse(entry.source), Digest(digest))
        except TidegateError as error:
            self._end_badly(entry, error)
        except Exception as error:  # noqa: BLE001 - said below
            # Whatever an upstream did to us, its image is not taken, and the next one is.
            _log.exception("taking in %s failed", entry.source)
            self._end(entry, Outcome.REFUSED, reason=f"it could not be taken in: {type(error).__name__}")

    def point_when_vended(self, digest: Digest) -> None:
        """Points the tags whose upstream means a digest to it, now that it may be vended."""
        with self._database.begin() as connection:
            # Not only those that arrived last: one of them may be looked at again at this very moment.
            rows = connection.execute(select(intake).where(intake.c.digest == digest)).mappings()
            found = [entry_of(row) for row in rows.all()]
            for entry in sorted(found, key=lambda one: f"{one.repository}:{one.locator}"):
                if attachments.holds(connection, Repository(entry.repository), digest):
                    self._point(connection, entry, digest)

    def _fetch(self, upstream: Upstream, entry: Entry, source: Reference, digest: Digest) -> None:
        client, repository = self._connect(upstream), Repository(entry.repository)
        found = gather(client, upstream, source, digest, max_bytes=self._max_image_bytes)
        with self._database.begin() as connection:
            first = see(connection, _place(source), digest, at=self._clock())
        young = upstream.too_young(digest, created=found.created, first_seen=first, at=self._clock())
        if young is not None:
            left = (young.until - self._clock()).total_seconds()
            fresh = max(_LEAST_AGAIN_S, upstream.fresh.total_seconds())
            self._end(entry, Outcome.REFUSED, reason=young.why, again_s=min(left, fresh))
            return
        brought = self._bring(client, upstream, source, found)
        parts = (*found.blobs, *_documents(brought))
        self._fetcher.fetch(client, source, repository, parts, at_once=upstream.connections)
        self._store(upstream, entry, found, brought)

    def _means(self, upstream: Upstream, source: Reference, entry: Entry) -> Digest | None:
        client = self._connect(upstream)
        try:
            found = client.head(source, known=Digest(entry.digest) if entry.digest else None)
        except InvalidInputError:
            # Some registries name no digest in the answer to HEAD.
            with suppress(NotFoundError):
                return client.manifest(source).digest
            return None
        return found.digest if found else None

    def _bring(self, client: RegistryClient, upstream: Upstream, source: Reference, found: Gathered) -> Brought:
        if not upstream.evidence:
            return Brought()
        images = [node.digest for node in found.nodes if isinstance(node, Index) or node.is_image]
        try:
            return bring(client, source, images)
        except OutsideError as error:
            # The policy says whether an image may do without.
            _log.warning("evidence of %s stays behind: %s", source, error)
            return Brought()

    def _store(self, upstream: Upstream, entry: Entry, found: Gathered, brought: Brought) -> None:
        repository, who, at = Repository(entry.repository), f"intake/{upstream.name}", self._clock()
        with self._database.begin() as connection:
            # Locks in their order (`tidegate.storage.lock_order`): the entry's, the blobs', the tags'.
            hold_entry(connection, entry)
            attachments.before_attaching(connection, [Digest.of(envelope) for _, envelope in brought.envelopes])
            # Evidence first: it is there when the image is examined.
            for _, signature in brought.tagged:
                require_content(connection, repository, signature)
                store_manifest(connection, repository, signature.digest, signature, who=who, at=at, named=True)
            for node in (*brought.referrers, *found.nodes):
                if isinstance(node, Manifest):
                    require_content(connection, repository, node)
                store_manifest(connection, repository, node.digest, node, who=who, at=at)
            for subject, envelope in brought.envelopes:
                notes = {ENVELOPE_NOTE: entry.source}
                kind = "application/vnd.in-toto+dsse"
                self._shelf.attach(
                    connection, repository, subject, envelope, artifact_type=kind, annotations=notes, who=who
                )
            for tag, signature in sorted(brought.tagged, key=lambda one: one[0]):
                tags.point(connection, repository, tag, signature.digest, who=who, at=at)
            data = {
                "source": entry.source,
                "digest": entry.digest,
                "bytes": found.size,
                "left_out": list(found.left_out),
                "created": rfc3339(found.created) if found.created else "",
                "evidence": len(brought.manifests),
            }
            self._tell(connection, EventKind.INTAKE_ARRIVED, entry, data)
            self._arrive(connection, entry)

    def _arrive(self, connection: Connection, entry: Entry) -> None:
        hold_entry(connection, entry)
        self._point(connection, entry, Digest(entry.digest))
        write(connection, self._scheduled(ended(entry, Outcome.ARRIVED, at=self._clock())))

    def _point(self, connection: Connection, entry: Entry, digest: Digest) -> None:
        """Moves the tag, unless that would take from it an image that is vended for one that is not."""
        locator = located(entry.locator)
        if not isinstance(locator, Tag):
            return
        repository = Repository(entry.repository)
        local = tags.resolve(connection, repository, locator)
        serves = local is not None and state_of(connection, local) in VENDED
        if local == digest or (serves and state_of(connection, digest) not in VENDED):
            return
        try:
            who, at = f"intake/{entry.upstream}", self._clock()
            tags.point(connection, repository, locator, digest, who=who, at=at, rules=self._tag_rules)
        except RefusedError as error:
            _log.warning("%s:%s stays where it is: %s", repository, locator, error)

    def _end_badly(self, entry: Entry, error: TidegateError) -> None:
        if isinstance(error, UsedUpError):
            self._end(entry, Outcome.FAILED, reason=str(error), again_s=error.wait_s)
        elif isinstance(error, OutsideError | MissingContentError):  # collected while the rest was fetched: once more
            self._end(entry, Outcome.FAILED, reason=str(error), again_s=_FAILED_AGAIN_S)
        elif isinstance(error, NotFoundError):
            self._end(entry, Outcome.ABSENT, reason=str(error))
        else:
            self._end(entry, Outcome.REFUSED, reason=str(error))

    def _end(self, entry: Entry, outcome: Outcome, *, reason: str, again_s: float = _LEAST_AGAIN_S) -> None:
        with self._database.begin() as connection:
            if outcome is Outcome.REFUSED:
                data = {"source": entry.source, "digest": entry.digest, "why": reason}
                self._tell(connection, EventKind.INTAKE_REFUSED, entry, data)
            after = ended(entry, outcome, reason=reason, again_s=again_s, at=self._clock())
            write(connection, self._scheduled(after))
        self._database.commits.notify()

    def _scheduled(self, entry: Entry) -> Entry:
        """When a watched name is looked at next: later after each failure, never all at once."""
        if not entry.watched:
            return entry
        pause = self._watch_every * 2 ** min(entry.failures, 8) * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311
        return replace(entry, look_at=rfc3339((self._clock() + pause).replace(microsecond=0)))

    def _tell_move(self, connection: Connection, entry: Entry, digest: Digest) -> None:
        if not entry.digest or entry.digest == digest:
            return
        data = {"source": entry.source, "before": entry.digest, "after": digest}
        self._tell(connection, EventKind.UPSTREAM_MOVED, entry, data)
        write(connection, replace(entry, digest=digest, moved_at=rfc3339(self._clock())))

    def _tell(self, connection: Connection, kind: EventKind, entry: Entry, data: dict[str, Any]) -> None:
        name = {"repository": entry.repository, "locator": entry.locator, "upstream": entry.upstream, "who": entry.who}
        subject = f"{entry.repository}{'@' if ':' in entry.locator else ':'}{entry.locator}"
        # The same when a step runs twice, and short.
        own = hashlib.sha256(f"{kind} {subject} {entry.attempt}".encode()).hexdigest()
        publish(connection, Event(id=own, kind=kind, subject=subject, time=self._clock(), data={**name, **data}))

    def _entry(self, argument: str) -> Entry | None:
        """The entry an order is about; None when a later order took its place, or it ended already."""
        order = from_json(argument.encode(), dict[str, Any], what="order", max_bytes=_MAX_ORDER_BYTES)
        with self._database.read() as connection:
            entry = find_entry(connection, Repository(order["repository"]), located(order["locator"]))
        if entry is None or entry.attempt != order["attempt"] or entry.outcome is not Outcome.UNDER_WAY:
            return None
        return entry


def _documents(brought: Brought) -> tuple[Descriptor, ...]:
    parts = {part.digest: part for node in brought.manifests for part in (node.config, *node.layers)}
    return tuple(parts.values())


def _place(source: Reference) -> str:
    return f"{source.registry}/{source.repository}"
