# SPDX-License-Identifier: Apache-2.0
"""Gives the keys of an encrypted copy to a consumer, as long as what it is a copy of is admitted for them.

The server is a recipient of each copy. It unwraps the keys and wraps them anew for the key the consumer shows; neither
they nor its own key leave. Each release and each refusal is a row and an event.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, insert, select

from tidegate.artifact import Digest, Repository
from tidegate.artifact import media_type as mt
from tidegate.clock import Clock, rfc3339
from tidegate.curation.consumer import Consumer
from tidegate.curation.encryption.copies import EncryptedCopy, copy_of
from tidegate.curation.encryption.entitled import GROUP, demand_admitted, images_in
from tidegate.curation.shelf import Shelf
from tidegate.curation.withheld import WithheldError
from tidegate.errors import NotFoundError, RefusedError, TidegateError
from tidegate.events import Event, EventKind
from tidegate.evidence.restriction import Zones
from tidegate.oci.encryption.keys import DecryptionKey, RecipientKey
from tidegate.oci.encryption.layer import name_of
from tidegate.oci.encryption.wrapping import secret_of, wrapped_annotations
from tidegate.storage import encryption_schema
from tidegate.storage.database import Database
from tidegate.storage.outbox import publish
from tidegate.values import Struct

_MAX_WHY_CHARS: Final = 600


class ReleasedLayer(Struct, frozen=True, kw_only=True):
    """The annotations of one layer that carry its key, wrapped for whoever asked."""

    digest: Digest
    annotations: dict[str, str]


class Released(Struct, frozen=True, kw_only=True):
    """What a consumer is given.

    Attributes:
        kid: thumbprint of the key the layers' keys are wrapped for.
    """

    digest: Digest
    plain: Digest
    kid: str
    layers: tuple[ReleasedLayer, ...]


class ReleaseRecord(Struct, frozen=True, kw_only=True):
    """One release or refusal, as it is on record; `why` is "" for a release."""

    encrypted: str
    plain: str
    principal: str
    address: str
    kid: str
    at: str
    granted: bool
    why: str


class KeyRelease:
    """Releases keys. Safe for threads.

    Args:
        shelf: says whether the copy itself is served.
        keys: the server's own, old ones too.
        zones: which addresses the places have that restrictions name.
    """

    def __init__(
        self,
        *,
        database: Database,
        shelf: Shelf,
        keys: tuple[DecryptionKey, ...],
        clock: Clock,
        zones: Zones | None = None,
    ) -> None:
        self._database = database
        self._shelf = shelf
        self._keys = keys
        self._clock = clock
        self._zones = zones or {}

    def release(
        self, digest: Digest, recipient: RecipientKey, consumer: Consumer, repositories: Sequence[Repository]
    ) -> Released:
        """Gives the keys of a copy.

        Args:
            digest: of the encrypted image, or of an index of such images.
            recipient: the public key shown.
            consumer: who asks.
            repositories: those that hold the copy and that the consumer may pull from.

        Raises:
            NotFoundError: there is no such encrypted copy.
            RefusedError: the consumer may not pull it, it was made for others, it or the plain image is withheld.
        """
        with self._database.read() as connection:
            copy = copy_of(connection, digest)
        if copy is None:
            raise NotFoundError("no encrypted copy made here", where=digest, remedy="check the digest")
        try:
            repository = self._check(copy, consumer, repositories)
            layers = self._layers(digest, recipient, consumer, repository)
        except TidegateError as error:
            self._record(copy, recipient, consumer, why=str(error))
            raise
        self._record(copy, recipient, consumer, why="")
        return Released(digest=digest, plain=copy.plain, kid=recipient.kid, layers=layers)

    def _check(self, copy: EncryptedCopy, consumer: Consumer, repositories: Sequence[Repository]) -> Repository:
        """The first repository that the consumer may have the copy from now."""
        if not repositories:
            raise RefusedError("you may not pull this image", where=copy.encrypted, remedy="ask for a grant to pull it")
        if not _is_for(copy, consumer):
            raise RefusedError(
                "this copy was made for others", where=copy.encrypted, remedy="ask for a copy made for you too"
            )
        refused: WithheldError | None = None
        for repository in repositories:
            try:
                self._demand_served(copy, repository, consumer)
            except WithheldError as error:
                refused = refused or error
            else:
                return repository
        assert refused is not None  # noqa: S101 - of the last repository
        raise refused

    def _demand_served(self, copy: EncryptedCopy, repository: Repository, consumer: Consumer) -> None:
        served = self._shelf.get_manifest(repository, copy.encrypted, consumer)
        if served.objection is not None:  # observe mode serves manifests; keys cannot be taken back
            raise served.objection
        with self._database.read() as connection:
            demand_admitted(connection, copy.plain, repository, consumer, self._zones, at=self._clock())

    def _layers(
        self, digest: Digest, recipient: RecipientKey, consumer: Consumer, repository: Repository
    ) -> tuple[ReleasedLayer, ...]:
        """The keys of an image, or of those images of an index that are not withheld from the consumer themselves."""
        found: dict[Digest, ReleasedLayer] = {}
        with self._database.read() as connection:
            images = images_in(connection, digest)
            said = {one.digest: self._withheld(connection, one.digest, consumer, repository) for one in images}
        said.pop(digest, None)  # which was asked about before
        if (objections := [one for one in said.values() if one is not None]) and len(objections) == len(images):
            raise objections[0]
        for image in images:
            if said.get(image.digest) is not None:
                continue
            for layer in image.layers:
                if mt.is_encrypted(layer.media_type) and layer.digest not in found:
                    secret = secret_of(layer, self._keys, where=name_of(layer))
                    annotations = wrapped_annotations(secret, [recipient])
                    found[layer.digest] = ReleasedLayer(digest=layer.digest, annotations=annotations)
        return tuple(found.values())

    def _withheld(
        self, connection: Connection, image: Digest, consumer: Consumer, repository: Repository
    ) -> RefusedError | None:
        copy = copy_of(connection, image)
        if copy is not None and not _is_for(copy, consumer):
            return RefusedError("this copy was made for others", where=image, remedy="ask for a copy made for you too")
        try:
            for one in (image,) if copy is None else (image, copy.plain):
                demand_admitted(connection, one, repository, consumer, self._zones, at=self._clock())
        except RefusedError as error:
            return error
        return None

    def _record(self, copy: EncryptedCopy, recipient: RecipientKey, consumer: Consumer, *, why: str) -> None:
        at = self._clock()
        row = {
            "encrypted": copy.encrypted,
            "plain": copy.plain,
            "principal": consumer.name,
            "address": consumer.address,
            "kid": recipient.kid,
            "at": rfc3339(at),
            "granted": int(not why),
            "why": why[:_MAX_WHY_CHARS],
        }
        with self._database.begin() as connection:
            key = connection.execute(insert(encryption_schema.key_release).values(row)).inserted_primary_key
            kind = EventKind.KEYS_REFUSED if why else EventKind.KEYS_RELEASED
            told = {name: value for name, value in row.items() if name != "granted"}
            number = key[0] if key else ""
            event = Event(id=f"{copy.encrypted}/keys/{number}", kind=kind, subject=copy.encrypted, time=at, data=told)
            publish(connection, event)


def list_releases(
    connection: Connection, *, encrypted: Digest | None = None, principal: str = "", limit: int = 100
) -> tuple[ReleaseRecord, ...]:
    """Releases and refusals, newest first."""
    table = encryption_schema.key_release
    query = select(table).order_by(table.c.id.desc()).limit(limit)
    if encrypted is not None:
        query = query.where(table.c.encrypted == encrypted)
    if principal:
        query = query.where(table.c.principal == principal)
    return tuple(_release(row) for row in connection.execute(query).mappings())


def _release(row: Any) -> ReleaseRecord:
    values = {name: row[name] for name in ReleaseRecord.__struct_fields__}
    return ReleaseRecord(**{**values, "granted": bool(row["granted"])})


def _is_for(copy: EncryptedCopy, consumer: Consumer) -> bool:
    names = {consumer.name, *(f"{GROUP}{group}" for group in consumer.groups)}
    return not copy.consumers or bool(names & set(copy.consumers))
