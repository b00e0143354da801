# SPDX-License-Identifier: Apache-2.0
"""Makes the encrypted copy of an admitted image: layers encrypted, and a signed statement of what it is a copy of.

    asked ──► each layer encrypted, its key wrapped for the server ──► wrapped for who may have it, all at once

It is work that goes on after a kill: a layer that is done is remembered with its wrapped key, one that was under way is
begun anew. Whose keys it is wrapped for is decided last, image by image, with the states held: an index may list images
that one of its consumers may not have. Then manifests, statements, the record and the tag become true in one
transaction, so nobody ever judges a copy without knowing what it is one of.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from tidegate.admission.encrypted import encryption_statement
from tidegate.admission.gate import Gate
from tidegate.artifact import Descriptor, Digest, parse_manifest
from tidegate.clock import Clock
from tidegate.curation import attachments, tags
from tidegate.curation.consumer import Consumer
from tidegate.curation.encryption.copies import EncryptedCopy, copy_of, note_copy
from tidegate.curation.encryption.copy_job import (
    CopyJob,
    JobState,
    NotWrapped,
    Order,
    ask_for,
    change_job,
    end_job,
    find_job,
    job_number,
    list_jobs,
    order_of,
    renew,
)
from tidegate.curation.encryption.copy_places import Memory, Prepared, Progress, Source, Target
from tidegate.curation.encryption.copy_wish import CopyWish
from tidegate.curation.encryption.entitled import demand_admitted, images_in, refusal_for
from tidegate.curation.encryption.recipients import keys_of
from tidegate.curation.shelf import Shelf
from tidegate.curation.shelf_blobs import ShelfBlobs
from tidegate.curation.shelved import manifest_of
from tidegate.curation.states import hold
from tidegate.curation.stock import MissingContentError, require_content, store_manifest
from tidegate.curation.tag_rules import NO_TAG_RULES, ImmutableTags
from tidegate.errors import NotFoundError, OutsideError, TidegateError, UsageError
from tidegate.events import Event, EventKind
from tidegate.evidence.restriction import Zones
from tidegate.ledger import take_turn
from tidegate.oci.encryption.image import Encryption, Outcome, encrypt_image
from tidegate.oci.encryption.keys import DecryptionKey, RecipientKey
from tidegate.storage.database import Database
from tidegate.storage.durable import Steps
from tidegate.storage.outbox import publish
from tidegate.values import Struct

__all__ = ["CopyWish", "Encrypting"]
_OUTSIDE: Final = 3
_MAX_UNFINISHED: Final = 1000


def _silent(_done: int, _total: int) -> None:
    return


class _Copied(Struct, frozen=True, kw_only=True):
    """One image or index: the plain one, and its copy before recipients were chosen."""

    plain: Digest
    draft: Digest


class Encrypting:
    """Makes encrypted copies. Safe for threads.

    Args:
        shelf: hands out what is admitted.
        gate: signs the statements.
        keys: the server's own, newest first: it is a recipient of every copy, so that it can release keys later.
        tag_rules: which tags are immutable.
        zones: which addresses the places have that restrictions name.
    """

    def __init__(
        self,
        *,
        database: Database,
        blobs: ShelfBlobs,
        shelf: Shelf,
        gate: Gate,
        keys: tuple[DecryptionKey, ...],
        clock: Clock,
        tag_rules: ImmutableTags = NO_TAG_RULES,
        zones: Zones | None = None,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._shelf = shelf
        self._gate = gate
        self._keys = keys
        self._own = keys[0].recipient
        self._clock = clock
        self._tag_rules = tag_rules
        self._zones = zones or {}

    def ask(self, wish: CopyWish, consumer: Consumer) -> CopyJob:
        """Puts a copy on record; `carry_out` makes it. The same wish again is the same copy, as long as that is there.

        Args:
            wish: of what, and for whom.
            consumer: who wants it; must be served the plain image.

        Raises:
            ManifestUnknownError: there is no such image.
            WithheldError: it is not admitted, or not for this consumer.
            NotFoundError: a consumer has no public key.
            UsageError: it is an encrypted copy itself.
        """
        served = self._shelf.get_manifest(wish.source, wish.locator, consumer)
        if served.objection is not None:  # observe mode serves it; nothing is vouched for anew
            raise served.objection
        order = Order(
            plain=served.digest,
            source=wish.source,
            target=wish.target,
            tag=wish.tag,
            consumers=wish.consumers,
            who=consumer.name,
            groups=tuple(sorted(consumer.groups)),
            address=consumer.address,
            is_anonymous=consumer.is_anonymous,
        )
        with self._database.begin() as connection:
            known = copy_of(connection, served.digest)
            if known is not None:
                raise UsageError(
                    "is an encrypted copy", where=served.digest, remedy=f"encrypt {known.plain}, which it is a copy of"
                )
            kids = [*(key.kid for key in keys_of(connection, wish.consumers)), *wish.consumers]
            job = ask_for(connection, job_number(order, kids), order, at=self._clock())
            return job if self._is_there(connection, job, order) else renew(connection, job.id, at=self._clock())

    def carry_out(self, number: str, progress: Progress = _silent) -> CopyJob:
        """Makes the copy that was asked for by its number, or goes on with it; again changes nothing.

        Raises:
            NotFoundError: no such copy was asked for; a consumer has no public key any more.
            OutsideError: disk or database failed; worth trying again.
            TidegateError: it may not be made, or not any more.
        """
        with self._database.read() as connection:
            job, order = find_job(connection, number), order_of(connection, number)
        if job.state is JobState.DONE:
            return job
        try:
            return self._make(number, order, progress)
        except TidegateError as error:
            if error.exit_status != _OUTSIDE:
                with self._database.begin() as connection:
                    change_job(connection, number, state=JobState.FAILED, problem=str(error))
            raise

    def make(self, wish: CopyWish, consumer: Consumer) -> EncryptedCopy:
        """Asks for a copy and makes it, in one call.

        Raises:
            TidegateError: as `ask` and `carry_out`.
        """
        done = self.carry_out(self.ask(wish, consumer).id)
        with self._database.read() as connection:
            made = copy_of(connection, Digest(done.encrypted))
        if made is None:
            raise NotFoundError("the copy was made, and is there no more", where=done.encrypted)
        return made

    def unfinished(self) -> Sequence[CopyJob]:
        """Copies that were asked for and are not done, the newest first."""
        with self._database.read() as connection:
            return list_jobs(connection, state=JobState.ASKED, limit=_MAX_UNFINISHED)

    def work(self, steps: Steps, argument: str) -> str:
        """A copy as durable work; the argument is its number."""
        return steps.run("encrypt", self.encrypt, argument)

    def encrypt(self, number: str) -> str:
        """Carries out what was asked for by its number, and says what became of it."""
        try:
            return self.carry_out(number).state
        except TidegateError as error:
            if error.exit_status == _OUTSIDE:  # the engine tries the step again
                raise
            return JobState.FAILED

    def _is_there(self, connection: Connection, job: CopyJob, order: Order) -> bool:
        """Whether what a job made is there still, under the name that was wanted; True for one that is not done."""
        if job.state is not JobState.DONE:
            return True
        made = Digest(job.encrypted)
        named = order.tag is None or tags.resolve(connection, order.target, order.tag) == made
        return named and attachments.holds(connection, order.target, made)

    def _make(self, number: str, order: Order, progress: Progress) -> CopyJob:
        with self._database.read() as connection:
            self._demand_served(connection, order, at=self._clock())
            plain = manifest_of(connection, order.plain)
            layers = {
                layer.digest: layer.size for image in images_in(connection, order.plain) for layer in image.layers
            }
        root = Descriptor(media_type=plain.media_type, digest=order.plain, size=len(plain.raw))
        source = Source(self._database, self._blobs, order.source)
        total = sum(layers.values())
        memory = Memory(self._database, number, self._blobs, order.target, total, progress)
        to = Target(self._blobs, order.source, order.target, by=order.who, told=memory.told)
        made = encrypt_image(root, source, to, Encryption(recipients=(self._own,), memory=memory))
        prepared = Prepared(to.manifests, source)
        try:
            return self._conclude(number, order, made, prepared)
        except MissingContentError as error:
            raise OutsideError(
                "layers were collected before the copy was done", where=order.target, remedy="it is tried again"
            ) from error

    def _conclude(self, number: str, order: Order, made: Outcome, prepared: Prepared) -> CopyJob:
        """Chooses whom each image is for, and puts the copy on the shelf."""
        copied = [_Copied(plain=plain, draft=draft) for plain, draft in made.images.items()]
        at = self._clock()
        with self._database.begin() as connection:
            if find_job(connection, number, is_held=True).state is JobState.DONE:
                return find_job(connection, number)
            hold(connection, [order.plain, *(one.plain for one in copied)])
            self._demand_served(connection, order, at=at)  # making it takes its time
            recipients, withheld = self._recipients(connection, order, copied, at=at)
            take_turn(connection)  # before anything of blobs, as whoever judges does
            done = encrypt_image(
                made.root,
                prepared,
                prepared,
                Encryption(recipients=(self._own,), recipients_of=recipients, keys=self._keys, is_anew=True),
            )
            plain_of = {done.images[one.draft]: one.plain for one in copied if one.draft in done.images}
            for descriptor, raw in prepared.manifests:
                parsed = parse_manifest(raw, media_type=descriptor.media_type, where=order.target)
                digest = descriptor.digest
                require_content(connection, order.target, parsed)
                if digest in plain_of:
                    kids = self._kids(connection, plain_of[digest], copied, recipients)
                    self._vouch(connection, order, digest, plain_of[digest], kids, at=at)
                store_manifest(connection, order.target, digest, parsed, who=order.who, at=at)
            root = done.root.digest
            if order.tag is not None:
                tags.point(connection, order.target, order.tag, root, who=order.who, at=at, rules=self._tag_rules)
            end_job(connection, number, root, withheld, at=at)
            return find_job(connection, number)

    def _recipients(
        self, connection: Connection, order: Order, copied: Sequence[_Copied], *, at: datetime
    ) -> tuple[Mapping[Digest, tuple[RecipientKey, ...]], list[NotWrapped]]:
        """Whose keys open each image, by the digest of its draft, and who is left to ask for them."""
        found: dict[Digest, tuple[RecipientKey, ...]] = {}
        withheld: list[NotWrapped] = []
        keys = {name: keys_of(connection, (name,)) for name in order.consumers}
        for one in copied:
            for_it = {self._own.kid: self._own}
            for name in order.consumers:
                images = dict.fromkeys((order.plain, one.plain))
                refused = refusal_for(connection, name, images, order.target, self._zones, at=at)
                if refused is None:
                    for_it |= {key.kid: key for key in keys[name]}
                else:
                    withheld.append(NotWrapped(consumer=name, image=one.plain, why=str(refused)))
            found[one.draft] = tuple(for_it.values())
        return found, withheld

    def _kids(
        self,
        connection: Connection,
        plain: Digest,
        copied: Sequence[_Copied],
        recipients: Mapping[Digest, tuple[RecipientKey, ...]],
    ) -> list[str]:
        """Thumbprints of the keys that open an image, or one at least of an index."""
        within = {image.digest for image in images_in(connection, plain)}
        keys = [key for one in copied if one.plain in within for key in recipients[one.draft]]
        return sorted({key.kid for key in keys})

    def _vouch(
        self, connection: Connection, order: Order, digest: Digest, plain: Digest, kids: Sequence[str], *, at: datetime
    ) -> None:
        """Says what a manifest is the encryption of: signed, on record, told."""
        statement = encryption_statement(digest, plain, name=f"{order.target}@{digest}", recipients=kids)
        self._gate.add(connection, statement, at=at)
        copy = EncryptedCopy(encrypted=digest, plain=plain, consumers=order.consumers, made_at=at, made_by=order.who)
        note_copy(connection, copy)
        data = {
            "digest": digest,
            "plain": plain,
            "repository": order.target,
            "consumers": list(order.consumers),
            "who": order.who,
        }
        kind = EventKind.IMAGE_ENCRYPTED
        publish(connection, Event(id=f"{digest}/encrypted", kind=kind, subject=digest, time=at, data=data))

    def _demand_served(self, connection: Connection, order: Order, *, at: datetime) -> None:
        consumer = Consumer(
            name=order.who,
            groups=frozenset(order.groups),
            address=order.address,
            is_anonymous=order.is_anonymous,
        )
        demand_admitted(connection, order.plain, order.source, consumer, self._zones, at=at)
