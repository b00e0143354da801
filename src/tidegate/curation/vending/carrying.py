# SPDX-License-Identifier: Apache-2.0
"""Carries promotions out: within the registry at once, to other registries as work that goes on after a kill."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import datetime
from fnmatch import fnmatchcase
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Connection, select

from tidegate.admission.gate import Gate
from tidegate.artifact import Descriptor, Digest, Index, Manifest, Reference, Repository, Tag
from tidegate.clock import Clock, rfc3339
from tidegate.curation import attachments, tags
from tidegate.curation.consumer import Consumer
from tidegate.curation.shelf import Shelf
from tidegate.curation.shelf_blobs import ShelfBlobs
from tidegate.curation.shelved import manifest_of, pushers_of
from tidegate.curation.stock import store_manifest
from tidegate.curation.tag_rules import ImmutableTags
from tidegate.curation.vending.promotion import (
    NotPromotableError,
    Promotion,
    belongings,
    check_promotion,
    demand_nothing_withheld,
    parse_tag,
    promotion_statement,
)
from tidegate.errors import InvalidInputError, NotFoundError, TidegateError
from tidegate.events import Event, EventKind
from tidegate.identity.duties import Actor, Separation, named_on_record, separate
from tidegate.ledger import take_turn
from tidegate.oci.push import Pusher
from tidegate.storage.database import Database
from tidegate.storage.durable import Steps
from tidegate.storage.insert import insert_or_update
from tidegate.storage.outbox import publish
from tidegate.storage.vending_schema import promotion
from tidegate.values import Struct, replace
from tidegate.wire import from_json, to_builtins, to_json

_MAX_BYTES: Final = 1 << 20


class Promoted(Struct, frozen=True, kw_only=True):
    """A promotion on record.

    Attributes:
        state: `asked`, `done` or `failed`.
        problem: why it failed; "" otherwise.
        manifests: how many are at the target for it.
        statement: the envelope on record; "" before it is done.
    """

    id: str
    digest: str
    source: str
    target: str
    tag: str
    who: str
    why: str
    state: str
    problem: str
    manifests: int
    statement: str
    asked_at: str
    done_at: str


class Vending:
    """Promotes.

    Args:
        pusher: opens a way to another registry's repository.
        tag_rules: which tags are immutable here.
        registries: patterns of registries that images may be promoted to.
    """

    def __init__(
        self,
        *,
        database: Database,
        shelf: Shelf,
        blobs: ShelfBlobs,
        gate: Gate,
        pusher: Callable[[Reference], AbstractContextManager[Pusher]],
        tag_rules: ImmutableTags,
        registries: tuple[str, ...],
        clock: Clock,
    ) -> None:
        self._database = database
        self._shelf = shelf
        self._blobs = blobs
        self._gate = gate
        self._pusher = pusher
        self._tag_rules = tag_rules
        self._registries = registries
        self._clock = clock

    def promote_here(self, wish: Promotion, consumer: Consumer | None = None) -> Promoted:
        """Promotes to another repository of this registry: all at once, or nothing.

        Args:
            wish: what is to go where.
            consumer: who must be served the image where it is, or its name elsewhere would open what is kept for
                others; None for those who administer.

        Raises:
            TidegateError: as `check_promotion`; a tag that is held elsewhere.
            WithheldError: a restriction keeps it for others.
        """
        if consumer is not None:
            self._shelf.get_manifest(wish.source, wish.digest, consumer)
        target, at = Repository(wish.target), self._clock()
        with self._database.begin() as connection:
            decision = check_promotion(connection, self._gate, wish, at=at)
            moved = belongings(connection, wish.source, wish.digest)
            take_turn(connection)  # of two promotions the second sees what the first did
            tag, known = parse_tag(wish.tag), self._known(connection, wish)
            if known is not None and known.state == "done" and _is_there(connection, target, tag, wish.digest, moved):
                return known
            # Locks in their order (`tidegate.storage.lock_order`): the ledger's, the blobs', the tag's.
            envelope = self._gate.conclude(connection, decision, resource_uri=f"{target}@{wish.digest}", at=at).digest
            manifests = {digest: manifest_of(connection, digest) for digest in moved}
            parts = {part.digest for one in manifests.values() for part in _blobs_of(one)}
            attachments.before_attaching(connection, [*parts, envelope])
            self._blobs.share(connection, wish.source, target, parts, by=wish.who)
            for digest, parsed in manifests.items():
                store_manifest(connection, target, digest, parsed, who=wish.who, at=at)
            self._shelf.attach_record(connection, target, wish.digest, envelope)
            if tag is not None:
                tags.point(connection, target, tag, wish.digest, who=wish.who, at=at, rules=self._tag_rules)
            return self._done(connection, wish, moved, envelope, at)

    def ask(self, wish: Promotion, *, by: Actor | None = None, alone: str = "") -> Promoted:
        """Puts a promotion to another registry on record; `carry_out` does it.

        Args:
            wish: what and where to.
            by: who that is where it counts that two are not the same one; None for tidegate itself.
            alone: why an administrator sends out what they pushed themselves; "" where another does.

        Raises:
            TidegateError: as `check_promotion`; the settings do not open that registry.
            SameHandError: whoever pushed it wants to send it out.
        """
        self.outside(wish)
        at = self._clock()
        with self._database.begin() as connection:
            if by is not None:
                pushers = [named_on_record(name) for name in pushers_of(connection, wish.digest)]
                broke = separate(Separation.PROMOTED, doer=by, earlier=pushers, alone=alone, where=wish.digest)
                wish = replace(wish, why=f"{wish.why} (alone: {broke})") if broke and alone else wish
            check_promotion(connection, self._gate, wish, at=at)
            demand_nothing_withheld(connection, belongings(connection, wish.source, wish.digest), at=at)
            known = self._known(connection, wish)
            if known is not None and known.state == "asked":
                return known
            row = {"state": "asked", "problem": "", "manifests": 0, "statement": "", "done_at": ""}
            return self._write(connection, wish, at, **row, asked_at=rfc3339(at))

    def carry_out(self, wish: Promotion) -> Promoted:
        """Copies an image with its belongings to another registry; what is there already is passed over.

        Raises:
            OutsideError: the registry failed; worth trying again.
            TidegateError: it may not be promoted any more.
        """
        reference = self.outside(wish)
        with self._database.read() as connection:
            check_promotion(connection, self._gate, wish, at=self._clock())
            moved = belongings(connection, wish.source, wish.digest)
            demand_nothing_withheld(connection, moved, at=self._clock())
        with self._pusher(reference) as pusher:
            for digest in moved:
                self._push(pusher, wish, digest)
        at = self._clock()
        with self._database.begin() as connection:
            # Copying takes its time: what was recalled meanwhile is not said to have passed after that.
            decision = check_promotion(connection, self._gate, wish, at=at)
            envelope = self._gate.conclude(
                connection, decision, resource_uri=f"{wish.target}@{wish.digest}", at=at
            ).digest
            return self._done(connection, wish, moved, envelope, at)

    def work(self, steps: Steps, argument: str) -> str:
        """A promotion to another registry as durable work; the argument is its number."""
        return steps.run("copy", self.copy, argument)

    def copy(self, number: str) -> str:
        """Carries out what was asked for by its number, and says what became of it."""
        with self._database.read() as connection:
            row = connection.execute(select(promotion).where(promotion.c.id == number)).mappings().first()
        if row is None:
            return "gone"
        wish = from_json(row["document"].encode(), Promotion, what=number, max_bytes=_MAX_BYTES)
        try:
            return self.carry_out(wish).state
        except TidegateError as error:
            with self._database.begin() as connection:
                self._write(connection, wish, self._clock(), state="failed", problem=str(error)[:2000])
            if error.exit_status == 3:  # noqa: PLR2004 - something outside: the engine tries the step again
                raise
            return "failed"

    def listed(self, connection: Connection, *, limit: int = 100) -> list[Promoted]:
        """Promotions, the newest first."""
        query = select(promotion).order_by(promotion.c.asked_at.desc(), promotion.c.id).limit(limit)
        return [_promoted(row) for row in connection.execute(query).mappings()]

    def named(self, connection: Connection, number: str) -> Promoted:
        """One promotion.

        Raises:
            NotFoundError: there is none.
        """
        row = connection.execute(select(promotion).where(promotion.c.id == number)).mappings().first()
        if row is None:
            raise NotFoundError("no such promotion", where=number)
        return _promoted(row)

    def outside(self, wish: Promotion) -> Reference:
        """The place at another registry.

        Raises:
            NotPromotableError: the settings do not open that registry.
        """
        reference = Reference.parse(f"{wish.target}:{wish.tag}" if wish.tag else f"{wish.target}@{wish.digest}")
        if not any(fnmatchcase(reference.registry, pattern) for pattern in self._registries):
            raise NotPromotableError(
                "this registry is not open for promotion",
                where=reference.registry,
                remedy="name it in curation.vend_to",
            )
        return reference

    def _push(self, pusher: Pusher, wish: Promotion, digest: Digest) -> None:
        with self._database.read() as connection:
            parsed = manifest_of(connection, digest)
        for part in _blobs_of(parsed):
            with self._blobs.as_file(wish.source, part.digest) as path:
                pusher.push_blob(path, part.digest)
        tag = parse_tag(wish.tag) if digest == wish.digest else None
        pusher.push_manifest(parsed.raw, parsed.media_type, tag=tag)

    def _done(
        self, connection: Connection, wish: Promotion, moved: tuple[Digest, ...], decision: Digest, at: datetime
    ) -> Promoted:
        statement = self._gate.add(connection, promotion_statement(wish, moved, decision, at=at), at=at).digest
        data = {**to_builtins(wish), "manifests": len(moved), "decision": decision, "evidence": statement}
        # Its id is told to who may not see the source, so nothing is in it that a guessed name could be tried on.
        told_as, kind = f"promotion/{statement}", EventKind.IMAGE_PROMOTED
        event = Event(id=told_as, kind=kind, subject=wish.digest, time=at, data=data)
        publish(connection, event)
        done = {"state": "done", "problem": "", "manifests": len(moved), "statement": statement}
        return self._write(connection, wish, at, **done, done_at=rfc3339(at))

    def _known(self, connection: Connection, wish: Promotion) -> Promoted | None:
        row = connection.execute(select(promotion).where(promotion.c.id == _number(wish))).mappings().first()
        return _promoted(row) if row is not None else None

    def _write(self, connection: Connection, wish: Promotion, at: datetime, **values: Any) -> Promoted:
        known = self._known(connection, wish)
        before = (
            to_builtins(known) if known else {"asked_at": rfc3339(at), "manifests": 0, "statement": "", "done_at": ""}
        )
        row = {**before, **to_builtins(wish), **values, "id": _number(wish), "document": to_json(wish).decode()}
        insert_or_update(connection, promotion, **row)
        del row["document"]
        return Promoted(**row)


def _number(wish: Promotion) -> str:
    """The same for the same image, places and tag."""
    return sha256(f"{wish.digest} {wish.source} {wish.target} {wish.tag}".encode()).hexdigest()[:32]


def _blobs_of(parsed: Manifest | Index) -> tuple[Descriptor, ...]:
    return () if isinstance(parsed, Index) else (parsed.config, *parsed.layers)


def _is_there(
    connection: Connection, target: Repository, tag: Tag | None, digest: Digest, moved: Iterable[Digest]
) -> bool:
    """Whether everything is at the target, and the tag means it."""
    named = tag is None or tags.resolve(connection, target, tag) == digest
    return named and all(attachments.holds(connection, target, one) for one in moved)


def _promoted(row: Any) -> Promoted:
    return Promoted(**{name: row[name] for name in Promoted.__struct_fields__})


def parse_target(text: str) -> tuple[str, str, bool]:
    """A target as people write it: `team/app:1` is here, `registry.example/team/app:1` is another registry.

    Returns:
        The name without the tag, the tag or "", and whether it is here.

    Raises:
        InvalidInputError: it has another form, or a digest.
    """
    if "@" in text:
        raise InvalidInputError("a target has no digest: it keeps its own", where=text[:120], remedy="write name:tag")
    head, slash, rest = text.partition("/")
    has_host = bool(slash) and (head == "localhost" or any(mark in head for mark in ".:["))
    name, colon, tag = (rest if has_host else text).rpartition(":")
    name, tag = (name, tag) if colon else (tag, "")
    Repository(name)
    parse_tag(tag)
    return (f"{head}/{name}" if has_host else name), tag, not has_host
