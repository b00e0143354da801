# SPDX-License-Identifier: Apache-2.0
"""Where an encrypted copy is made of, and where it goes: repositories of the shelf, as `tidegate.oci` sees them."""

import hashlib
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from io import BytesIO
from typing import Final

from tidegate.artifact import Descriptor, Digest, Index, Repository, parse_manifest
from tidegate.artifact.image_config import MAX_CONFIG_BYTES
from tidegate.bounds import MIB, Readable, read_bounded
from tidegate.curation.encryption.copy_job import change_job, find_layer, forget_layer, keep_layer
from tidegate.curation.shelf_blobs import BlobUnknownError, ShelfBlobs
from tidegate.curation.shelved import manifest_of
from tidegate.errors import NotFoundError
from tidegate.identity.quota import OWN_HAND
from tidegate.storage.database import Database

_CHUNK_BYTES: Final = MIB
_TELL_EVERY_SECONDS: Final = 1.0
Progress = Callable[[int, int], object]
"""Told how many bytes of plain layers are done, and how many there are."""


class Source:
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
        with self._database.read() as connection:
            return BytesIO(manifest_of(connection, descriptor.digest).raw)


class Target:
    """The repository of the copy (a `tidegate.oci.destination.Destination`); manifests wait until all is there."""

    def __init__(
        self, blobs: ShelfBlobs, source: Repository, target: Repository, *, by: str, told: Callable[[int], object]
    ) -> None:
        self._blobs = blobs
        self._source = source
        self._target = target
        self._by = by
        self._told = told
        self.manifests: list[tuple[Descriptor, bytes]] = []

    def holds(self, descriptor: Descriptor) -> bool:
        """True when the repository has the blob, or now has it from the other one: by nobody's hand but the server's.

        Whoever wants the copy may not have every image of an index, so they are not said to have had its blobs.
        """
        try:
            self._blobs.find(self._target, descriptor.digest)
        except BlobUnknownError:
            return self._blobs.mount(self._target, descriptor.digest, self._source, by=OWN_HAND)
        return True

    def take(self, source: Readable, *, algorithm: str = "sha256") -> Digest:
        """Reads a blob to its end and keeps it."""
        upload = self._blobs.begin(self._target, algorithm=algorithm)
        hashed = hashlib.new(algorithm)
        try:
            while chunk := source.read(_CHUNK_BYTES):
                hashed.update(chunk)
                self._blobs.append(self._target, upload, [chunk])
                self._told(len(chunk))
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


class Prepared:
    """A copy that is whole but for its recipients: manifests and configurations in memory, layers where they are.

    Both a source and a target: what is written are manifests alone.
    """

    def __init__(self, manifests: Sequence[tuple[Descriptor, bytes]], source: Source) -> None:
        self.where = source.where
        self._raw = {made.digest: raw for made, raw in manifests}
        self._configs: dict[Digest, bytes] = {}
        for made, raw in manifests:
            parsed = parse_manifest(raw, media_type=made.media_type)
            if not isinstance(parsed, Index) and parsed.is_image:
                with source.open(parsed.config) as file:
                    what = f"configuration {parsed.config.digest.short}"
                    self._configs[parsed.config.digest] = read_bounded(file, max_bytes=MAX_CONFIG_BYTES, what=what)
        self.manifests: list[tuple[Descriptor, bytes]] = []

    def check(self, descriptor: Descriptor) -> None:
        """Nothing: `open` tells."""

    def open(self, descriptor: Descriptor) -> AbstractContextManager[Readable]:
        """Streams a configuration."""
        found = self._configs.get(descriptor.digest)
        if found is None:
            raise NotFoundError("no configuration of this copy", where=descriptor.digest)
        return BytesIO(found)

    def manifest(self, descriptor: Descriptor) -> AbstractContextManager[Readable]:
        """Streams a manifest."""
        return BytesIO(self._raw[descriptor.digest])

    def holds(self, descriptor: Descriptor) -> bool:
        """True: it went there before."""
        del descriptor
        return True

    def take(self, source: Readable, *, algorithm: str = "sha256") -> Digest:
        """Never asked for: all is there."""
        raise NotImplementedError

    def put_manifest(self, raw: bytes, media_type: str) -> Descriptor:
        """Remembers a manifest."""
        made = Descriptor(media_type=media_type, digest=Digest.of(raw), size=len(raw))
        self.manifests.append((made, raw))
        return made

    def finish(self, root: Descriptor) -> None:
        """Nothing."""


class Memory:
    """Which layers of a job are encrypted, and how far it is; on record at most once a second and after each layer."""

    def __init__(
        self, database: Database, number: str, blobs: ShelfBlobs, target: Repository, total: int, progress: Progress
    ) -> None:
        self._database = database
        self._number = number
        self._blobs = blobs
        self._target = target
        self._total = total
        self._progress = progress
        self._done = 0
        self._before = 0
        self._told_at = 0.0
        self.told(0)

    def find(self, layer: Descriptor) -> Descriptor | None:
        """What became of a layer; None when it is to be encrypted, or what came of it was collected meanwhile."""
        with self._database.read() as connection:
            made = find_layer(connection, self._number, layer)
        if made is None:
            return None
        try:
            self._blobs.find(self._target, made.digest)
        except BlobUnknownError:
            with self._database.begin() as connection:
                forget_layer(connection, self._number, layer)
            return None
        self._blobs.promise(self._target, made.digest)
        self._ended(layer)
        return made

    def keep(self, layer: Descriptor, made: Descriptor) -> Descriptor:
        """Remembers it; what another worker remembered before counts."""
        with self._database.begin() as connection:
            keep_layer(connection, self._number, layer, made)
            found = find_layer(connection, self._number, layer) or made
        self._ended(layer)
        return found

    def told(self, count: int) -> None:
        """So many bytes more are done."""
        self._done += count
        self._progress(self._done, self._total)
        if time.monotonic() - self._told_at >= _TELL_EVERY_SECONDS:
            self._record()

    def _ended(self, layer: Descriptor) -> None:
        self._before += layer.size
        self._done = self._before
        self._progress(self._done, self._total)
        self._record()

    def _record(self) -> None:
        self._told_at = time.monotonic()
        with self._database.begin() as connection:
            change_job(connection, self._number, done_bytes=self._done, total_bytes=self._total)
