# SPDX-License-Identifier: Apache-2.0
"""Makes the encrypted copy of an admitted image: layers encrypted, and a signed statement of what it is a copy of.

The copy's manifests, the statements about them, the record and the tag become true in one transaction, so nobody ever
judges a copy without knowing what it is one of. A kill before leaves blobs that no manifest names.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from tidegate.admission.encrypted import encryption_statement
from tidegate.admission.gate import Gate
from tidegate.artifact import Descriptor, Digest, Reference, Repository, Tag, parse_manifest
from tidegate.bounds import MIB, Readable
from tidegate.clock import Clock
from tidegate.curation import tags
from tidegate.curation.consumer import Consumer
from tidegate.curation.encryption.copies import EncryptedCopy, copy_of, note_copy
from tidegate.curation.encryption.recipients import keys_of
from tidegate.curation.shelf import Shelf
from tidegate.curation.shelf_blobs import BlobUnknownError, ShelfBlobs
from tidegate.curation.shelved import manifest_of
from tidegate.curation.stock import require_content, store_manifest
from tidegate.curation.tag_rules import NO_TAG_RULES, TagRules
from tidegate.errors import BoundExceededError, InvalidInputError, UsageError
from tidegate.events import Event, EventKind
from tidegate.oci.encryption.image import Encryption, Outcome, encrypt_image
from tidegate.oci.encryption.keys import DecryptionKey, RecipientKey
from tidegate.storage.database import Database
from tidegate.storage.outbox import publish
from tidegate.values import Struct

_CHUNK_BYTES: Final = MIB
MAX_CONSUMERS: Final = 100


class CopyWish(Struct, frozen=True, kw_only=True):
    """What is to be copied, whereto, and for whom.

    Attributes:
        source: the repository that holds the image.
        locator: its tag or digest there.
        target: the repository of the copy; may be the same.
        tag: of the copy; None for none.
        consumers: names of registered recipients; none makes a copy whose keys are had by release alone.
    """

    source: Repository
    locator: Tag | Digest
    target: Repository
    tag: Tag | None
    consumers: tuple[str, ...]


def copy_wish(source: str, target: str, consumers: Sequence[str]) -> CopyWish:
    """Reads what is to be copied and whereto, as people write it: names of this registry without its host.

    Args:
        source: `repository:tag` or `repository@digest`.
        target: `repository:tag`.
        consumers: names of registered recipients.

    Raises:
        BoundExceededError: more than 100 consumers.
        InvalidInputError: one of the names is none.
    """
    if len(consumers) > MAX_CONSUMERS:
        raise BoundExceededError("MAX_CONSUMERS", MAX_CONSUMERS, where=target)
    plain, copy = (Reference.parse(f"localhost/{text}") for text in (source, target))
    if copy.digest is not None:
        raise InvalidInputError("a copy has a digest of its own", where=target, remedy="write repository:tag")
    locator = plain.digest or plain.tag
    if locator is None:
        raise InvalidInputError("names no tag and no digest", where=source, remedy="write repository:tag")
    return CopyWish(
        source=plain.repository,
        locator=locator,
        target=copy.repository,
        tag=copy.tag,
        consumers=tuple(dict.fromkeys(consumers)),
    )


class Encrypting:
    """Makes encrypted copies. Safe for threads.

    Args:
        shelf: hands out what is admitted.
        gate: signs the statements.
        keys: the server's own, newest first: it is a recipient of every copy, so that it can release keys later.
        tag_rules: which tags are immutable.
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
        tag_rules: TagRules = NO_TAG_RULES,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._shelf = shelf
        self._gate = gate
        self._own = keys[0].recipient
        self._clock = clock
        self._tag_rules = tag_rules

    def make(self, wish: CopyWish, consumer: Consumer) -> EncryptedCopy:
        """Makes a copy.

        Args:
            wish: of what, and for whom.
            consumer: who wants it; must be served the plain image.

        Raises:
            ManifestUnknownError: there is no such image.
            WithheldError: it is not admitted, or not for this consumer.
            NotFoundError: a consumer has no public key.
            UsageError: it is an encrypted copy itself, or has no layer.
        """
        served = self._shelf.get_manifest(wish.source, wish.locator, consumer)
        if served.objection is not None:  # observe mode serves it; nothing is vouched for anew
            raise served.objection
        with self._database.read() as connection:
            known = copy_of(connection, served.digest)
            recipients = keys_of(connection, wish.consumers)
        if known is not None:
            raise UsageError(
                "is an encrypted copy", where=served.digest, remedy=f"encrypt {known.plain}, which it is a copy of"
            )
        root = Descriptor(media_type=served.media_type, digest=served.digest, size=len(served.document))
        everybody = (self._own, *(key for key in recipients if key.kid != self._own.kid))
        to = _Copy(self._blobs, wish.source, wish.target, by=consumer.name)
        source = _Shelved(self._database, self._blobs, wish.source)
        made = encrypt_image(root, source, to, Encryption(recipients=everybody))
        return self._store(wish, made, to, everybody, who=consumer.name)

    def _store(
        self, wish: CopyWish, made: Outcome, to: "_Copy", recipients: tuple[RecipientKey, ...], *, who: str
    ) -> EncryptedCopy:
        at = self._clock()
        plain = {encrypted: old for old, encrypted in made.images.items()}
        with self._database.begin() as connection:
            for descriptor, raw in to.manifests:
                parsed = parse_manifest(raw, media_type=descriptor.media_type, where=wish.target)
                digest = descriptor.digest
                require_content(connection, wish.target, parsed)
                if digest in plain:
                    statement = encryption_statement(
                        digest,
                        plain[digest],
                        name=f"{wish.target}@{digest}",
                        recipients=[key.kid for key in recipients],
                    )
                    self._gate.add(connection, statement, at=at)
                    copy = EncryptedCopy(
                        encrypted=digest, plain=plain[digest], consumers=wish.consumers, made_at=at, made_by=who
                    )
                    note_copy(connection, copy)
                    _tell(connection, copy, wish.target, at)
                store_manifest(connection, wish.target, digest, parsed, who=who, at=at)
            if wish.tag is not None:
                tags.point(connection, wish.target, wish.tag, made.root.digest, who=who, at=at, rules=self._tag_rules)
        return copy  # the root comes last


class _Shelved:
    """The blobs and manifests of a repository (a `tidegate.oci.blobs.Blobs`)."""

    def __init__(self, database: Database, blobs: ShelfBlobs, repository: Repository) -> None:
        self.where = str(repository)
        self._database = database
        self._blobs = blobs
        self._repository = repository

    def check(self, descriptor: Descriptor) -> None:
        """Nothing: `open` tells."""

    def open(self, descriptor: Descriptor) -> AbstractContextManager[Readable]:
        """Streams a blob."""
        return self._blobs.open(self._blobs.find(self._repository, descriptor.digest))

    def manifest(self, descriptor: Descriptor) -> AbstractContextManager[Readable]:
        """Streams a manifest."""
        from io import BytesIO

        with self._database.read() as connection:
            return BytesIO(manifest_of(connection, descriptor.digest).raw)


class _Copy:
    """The repository of the copy (a `tidegate.oci.destination.Destination`); manifests wait until all is there."""

    def __init__(self, blobs: ShelfBlobs, source: Repository, target: Repository, *, by: str) -> None:
        self._blobs = blobs
        self._source = source
        self._target = target
        self._by = by
        self.manifests: list[tuple[Descriptor, bytes]] = []

    def holds(self, descriptor: Descriptor) -> bool:
        """True when the repository has the blob, or now has it from the other one."""
        try:
            self._blobs.find(self._target, descriptor.digest)
        except BlobUnknownError:
            return self._blobs.mount(self._target, descriptor.digest, self._source, by=self._by)
        return True

    def take(self, source: Readable, *, algorithm: str = "sha256") -> Digest:
        """Reads a blob to its end and keeps it."""
        import hashlib

        upload = self._blobs.begin(self._target, algorithm=algorithm)
        hashed = hashlib.new(algorithm)
        try:
            while chunk := source.read(_CHUNK_BYTES):
                hashed.update(chunk)
                self._blobs.append(self._target, upload, [chunk])
        except BaseException:
            self._blobs.cancel(self._target, upload)
            raise
        digest = Digest(f"{algorithm}:{hashed.hexdigest()}")
        self._blobs.finish(self._target, upload, digest, by=self._by)
        return digest

    def put_manifest(self, raw: bytes, media_type: str) -> Descriptor:
        """Remembers a manifest."""
        made = Descriptor(media_type=media_type, digest=Digest.of(raw), size=len(raw))
        self.manifests.append((made, raw))
        return made

    def finish(self, root: Descriptor) -> None:
        """Nothing: names are given with the manifests."""


def _tell(connection: Connection, copy: EncryptedCopy, repository: Repository, at: datetime) -> None:
    data = {
        "digest": copy.encrypted,
        "plain": copy.plain,
        "repository": repository,
        "consumers": list(copy.consumers),
        "who": copy.made_by,
    }
    kind = EventKind.IMAGE_ENCRYPTED
    publish(connection, Event(id=f"{copy.encrypted}/encrypted", kind=kind, subject=copy.encrypted, time=at, data=data))
