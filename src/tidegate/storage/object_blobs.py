# SPDX-License-Identifier: Apache-2.0
"""Blobs in an object store, by content: `blobs/sha256/ab/<hex>`, as in a folder.

A put is atomic there: an object is there whole, or it is not. It is written under its digest only when the digest was
proved, so that writing it again changes nothing.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, Final
from uuid import uuid4

import obstore
from obstore.exceptions import AlreadyExistsError
from sqlalchemy import select

from tidegate.artifact import Digest
from tidegate.errors import NotFoundError
from tidegate.storage.blobs import BlobBounds
from tidegate.storage.database import Database
from tidegate.storage.object_access import Objects, asking
from tidegate.storage.object_reader import open_object
from tidegate.storage.object_uploads import ObjectUploads
from tidegate.storage.schema import upload as rows

_PLACED: Final = ".placed"
_FORGOTTEN_SECONDS: Final = 600.0


class ObjectBlobs(ObjectUploads):
    """A `BlobStore` in an object store, for all threads of all replicas.

    Args:
        objects: where the bytes go.
        database: where it is recorded how far each upload is.
        bounds: limits.
        link_seconds: how long links to blobs work; None for no links.

    Raises:
        OutsideError: any method, when the store or the database fails.
    """

    def __init__(
        self,
        objects: Objects,
        database: Database,
        bounds: BlobBounds | None = None,
        *,
        link_seconds: float | None = None,
    ) -> None:
        super().__init__(objects, database, bounds)
        self._link_seconds = link_seconds

    def path(self, digest: Digest) -> Path | None:
        """None: an object is no file."""
        del digest
        return None

    def link(self, digest: Digest) -> str | None:
        """A signed URL of a blob (`BlobReads.link`); the store is not asked."""
        if self._link_seconds is None:
            return None
        with asking():
            return obstore.sign(self._objects, "GET", self.key(digest), timedelta(seconds=self._link_seconds))

    def open(self, digest: Digest) -> BinaryIO:
        """Opens a blob for reading (`BlobReads.open`)."""
        try:
            return open_object(self._objects, self.key(digest))
        except NotFoundError as error:
            raise NotFoundError("no such blob", where=digest) from error

    def size(self, digest: Digest) -> int:
        """A blob's size in bytes (`BlobReads.size`)."""
        try:
            with asking(may_be_missing=True):
                return obstore.head(self._objects, self.key(digest))["size"]
        except NotFoundError as error:
            raise NotFoundError("no such blob", where=digest) from error

    def put(self, data: bytes) -> str:
        """Puts bytes at hand in their place (`BlobStore.put`).

        It may be part of a transaction, so nothing is recorded in the database: an object says what was placed.
        """
        digest, upload = Digest.of(data), uuid4().hex
        with asking():
            obstore.put(self._objects, f"uploads/{upload}/{digest.algorithm}-{digest.hex}{_PLACED}", b"")
            with suppress(AlreadyExistsError):
                obstore.put(self._objects, self.key(digest), data, mode="create")
        return upload

    def delete(self, digest: Digest) -> None:
        """Removes a blob (`BlobStore.delete`)."""
        self._remove(self.key(digest))

    def set_aside(self, digest: Digest) -> None:
        """Keeps damaged bytes elsewhere (`BlobStore.set_aside`)."""
        with asking(), suppress(FileNotFoundError):
            obstore.rename(self._objects, self.key(digest), _aside(digest))

    def open_aside(self, digest: Digest) -> BinaryIO:
        """Opens what was set aside (`BlobStore.open_aside`)."""
        try:
            return open_object(self._objects, _aside(digest))
        except NotFoundError as error:
            raise NotFoundError("nothing was set aside", where=digest) from error

    def drop_aside(self, digest: Digest) -> None:
        """Removes what was set aside (`BlobStore.drop_aside`)."""
        self._remove(_aside(digest))

    def digests(self) -> Iterator[Digest]:
        """Every blob that lies here (`BlobStore.digests`)."""
        with asking():
            for page in obstore.list(self._objects, "blobs", chunk_size=1000):
                for found in page:
                    algorithm, _, name = found["path"].split("/")[-3:]
                    yield Digest(f"{algorithm}:{name}")

    def sweep(self, reclaim: Callable[[Digest], object] | None = None) -> int:
        """Drops uploads that are idle for too long, and what no record speaks of (`BlobUploads.sweep`)."""
        self.forget_idle(min(self._bounds.upload_idle_seconds, _FORGOTTEN_SECONDS))
        before = int(time.time() - self._bounds.upload_idle_seconds)
        with self._database.read() as connection:
            open_ = {row.id: row for row in connection.execute(select(rows))}
        idle = [row for row in open_.values() if row.touched_at <= before]
        for row in idle:
            if reclaim is not None:
                # A process may die when the bytes are in their place and it was not recorded that they were sealed.
                for placed in {row.sealed, row.hashed} - {""}:
                    reclaim(Digest(placed))
            self.release(row.id)
        with asking():
            for page in obstore.list(self._objects, "uploads", chunk_size=1000):
                for found in page:
                    upload, name = found["path"].split("/")[-2:]
                    if upload not in open_ and found["last_modified"].timestamp() <= before:
                        self._drop_leftover(found["path"], name, reclaim)
        return len(idle)

    def _drop_leftover(self, key: str, name: str, reclaim: Callable[[Digest], object] | None) -> None:
        if name.endswith(_PLACED) and reclaim is not None:
            reclaim(Digest(name.removesuffix(_PLACED).replace("-", ":", 1)))
        self._remove(key)


def _aside(digest: Digest) -> str:
    return f"damaged/{digest.algorithm}-{digest.hex}"
