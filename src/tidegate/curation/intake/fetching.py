# SPDX-License-Identifier: Apache-2.0
"""Brings the blobs of an image from its upstream into a repository: each once, checked while it comes, resumed.

A blob that any repository holds is linked, not fetched. One that a kill interrupted goes on where it stopped, for its
upload is remembered; its digest is that of all its bytes in the end.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from sqlalchemy import delete, select

from tidegate.artifact import Descriptor, Digest, Reference, Repository
from tidegate.bounds import MIB
from tidegate.curation.shelf_blobs import BlobUnknownError, ShelfBlobs
from tidegate.errors import InvalidInputError, NotFoundError
from tidegate.oci.registry import RegistryClient
from tidegate.storage.database import Database
from tidegate.storage.insert import insert_or_update
from tidegate.storage.schema import fetch_part, repository_blob

_REMEMBERED_BYTES: Final = 4 * MIB
"""A smaller blob is fetched anew rather than resumed."""
_LASTING_BYTES: Final = 32 * MIB
"""So much is lost of a blob at most when the process is killed."""


class BlobFetcher:
    """Fetches blobs into repositories. Safe for threads.

    Args:
        database: remembers what is under way.
        blobs: where they go.
    """

    def __init__(self, database: Database, blobs: ShelfBlobs) -> None:
        self._database = database
        self._blobs = blobs

    def fetch(
        self,
        client: RegistryClient,
        reference: Reference,
        repository: Repository,
        parts: Sequence[Descriptor],
        *,
        at_once: int,
    ) -> int:
        """Brings what a repository does not hold yet; returns how many bytes came from the upstream.

        Raises:
            DigestMismatchError: a blob is something else.
            InvalidInputError: a blob is missing, or of another size than said.
            OutsideError: the upstream or the store failed; what came is kept for the next try.
        """
        with ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="fetch") as threads:
            work = [threads.submit(self._bring, client, reference, repository, part) for part in parts]
            try:
                return sum(one.result() for one in work)
            except BaseException:
                for one in work:
                    one.cancel()
                raise

    def _bring(self, client: RegistryClient, reference: Reference, repository: Repository, part: Descriptor) -> int:
        with suppress(BlobUnknownError):
            return self._held(repository, part)
        other = self._held_elsewhere(part.digest)
        if other is not None and self._blobs.mount(repository, part.digest, other):
            return self._held(repository, part)
        upload, have = self._begun(repository, part)
        fetched = self._receive(client, reference, repository, part, upload, have) if have < part.size else 0
        self._blobs.finish(repository, upload, part.digest)
        self._forget(repository, part)
        return fetched

    def _held(self, repository: Repository, part: Descriptor) -> int:
        size = self._blobs.find(repository, part.digest).size
        if size != part.size:
            raise InvalidInputError(f"says {part.digest} has {part.size} bytes; it has {size}", where=repository)
        return 0

    def _held_elsewhere(self, digest: Digest) -> Repository | None:
        held = repository_blob
        with self._database.read() as connection:
            name = connection.scalar(select(held.c.repository).where(held.c.digest == digest).limit(1))
        return None if name is None else Repository(name)

    def _begun(self, repository: Repository, part: Descriptor) -> tuple[str, int]:
        """The upload to go on with, and how much of it is here."""
        here = (fetch_part.c.repository == repository) & (fetch_part.c.digest == part.digest)
        with self._database.read() as connection:
            upload = connection.scalar(select(fetch_part.c.upload).where(here))
        if upload is not None:
            with suppress(NotFoundError):
                have = self._blobs.offset(repository, upload)
                if have <= part.size:
                    return str(upload), have
                self._blobs.cancel(repository, upload)
        return self._anew(repository, part), 0

    def _anew(self, repository: Repository, part: Descriptor) -> str:
        upload = self._blobs.begin(repository, algorithm=part.digest.algorithm)
        if part.size >= _REMEMBERED_BYTES:
            with self._database.begin() as connection:
                insert_or_update(connection, fetch_part, repository=repository, digest=part.digest, upload=upload)
        return upload

    def _receive(
        self,
        client: RegistryClient,
        reference: Reference,
        repository: Repository,
        part: Descriptor,
        upload: str,
        have: int,
    ) -> int:
        try:
            with client.blob(reference, part, start=have) as body:
                began = body.position
                while body.position < have:  # the server begins anew: what is here already is passed over
                    body.read(min(MIB, have - body.position))
                at = lasting = have
                while chunk := body.read(MIB):
                    at = self._blobs.append(repository, upload, [chunk], at=at)
                    if at - lasting >= _LASTING_BYTES:
                        self._blobs.flush(repository, upload)
                        lasting = at
                return at - began
        except InvalidInputError:
            # It lies about its size: nothing of it is worth keeping.
            with suppress(NotFoundError):
                self._blobs.cancel(repository, upload)
            self._forget(repository, part)
            raise

    def _forget(self, repository: Repository, part: Descriptor) -> None:
        if part.size < _REMEMBERED_BYTES:
            return
        with self._database.begin() as connection:
            here = (fetch_part.c.repository == repository) & (fetch_part.c.digest == part.digest)
            connection.execute(delete(fetch_part).where(here))
