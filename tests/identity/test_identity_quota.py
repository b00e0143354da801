# SPDX-License-Identifier: Apache-2.0
"""Tenants and their quotas: counted as the shelf changes, refused in the same transaction, and right after anything."""

import json
import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from moved_clock import MovedClock
from sqlalchemy import Connection

from tidegate.artifact import Digest, Repository, Tag
from tidegate.artifact import media_type as mt
from tidegate.curation.consumer import Consumer
from tidegate.curation.shelf import Shelf
from tidegate.curation.shelf_blobs import BlobInUseError, BlobUnknownError, ShelfBlobs
from tidegate.errors import InvalidInputError, NotFoundError, UsageError
from tidegate.identity import quota, tenancy
from tidegate.identity.quota import QuotaExceededError
from tidegate.identity.tenancy import Quota, Tenant
from tidegate.storage.database import Database
from tidegate.storage.folder_blobs import FolderBlobs

ANNA = Consumer(name="anna")
APP, LIB, OTHER = Repository("team-a/app"), Repository("team-a/deep/lib"), Repository("team-b/app")


@dataclass(frozen=True, kw_only=True)
class Stand:
    """A shelf over a database, and its tenants."""

    database: Database
    blobs: ShelfBlobs
    shelf: Shelf
    clock: MovedClock

    def tenant(self, name: str = "team-a", *prefixes: str, **most: int) -> Tenant:
        with self.database.begin() as connection:
            return tenancy.create(connection, name, prefixes or [name], Quota(**most), by="root", at=self.clock())

    def used(self, name: str = "team-a") -> tuple[int, int, int]:
        with self.database.read() as connection:
            found = tenancy.find(connection, name).used
        return found.bytes, found.repositories, found.manifests

    def blob(self, data: bytes, repository: Repository = APP) -> Digest:
        upload = self.blobs.begin(repository)
        self.blobs.append(repository, upload, [data])
        return self.blobs.finish(repository, upload, Digest.of(data), by="anna").digest

    def image(self, name: str, repository: Repository = APP, *, by: str = "anna") -> Digest:
        layer, config = name.encode() * 10, b"{}"
        parts = [
            {"mediaType": kind, "digest": self.blob(data, repository), "size": len(data)}
            for kind, data in ((mt.OCI_CONFIG, config), (mt.OCI_LAYER, layer))
        ]
        document = {"schemaVersion": 2, "mediaType": mt.OCI_MANIFEST, "config": parts[0], "layers": parts[1:]}
        raw = json.dumps(document).encode()
        put = self.shelf.put_manifest
        return put(repository, Tag(name), raw, media_type=mt.OCI_MANIFEST, pushed_by=by, consumer=ANNA).digest


def hold(connection: Connection, *repositories: Repository) -> None:
    for repository in repositories:
        quota.manifest_held(connection, repository, by="anna")


@pytest.fixture
def stand(database: Database, clock: MovedClock, tmp_path: Path) -> Stand:
    blobs = ShelfBlobs(database, FolderBlobs(tmp_path / "content"), clock)
    return Stand(database=database, blobs=blobs, shelf=Shelf(database, blobs, clock), clock=clock)


def test_a_blob_counts_once_for_a_tenant(stand: Stand) -> None:
    stand.tenant()
    first = stand.blob(b"x" * 100)
    stand.blob(b"x" * 100)
    stand.blob(b"x" * 100, LIB)
    stand.blob(b"y" * 50, OTHER)
    assert stand.used() == (100, 0, 0)
    assert stand.blobs.mount(LIB, Digest.of(b"y" * 50), OTHER, by="anna")
    assert stand.used() == (150, 0, 0)
    stand.blobs.delete(APP, first)
    assert stand.used() == (150, 0, 0)
    stand.blobs.delete(LIB, first)
    assert stand.used() == (50, 0, 0)


def test_manifests_and_repositories_are_counted(stand: Stand) -> None:
    stand.tenant()
    one = stand.image("one")
    stand.image("one", LIB)
    stand.image("two")
    stand.image("one")  # again
    assert stand.used() == (2 + 30 + 30, 2, 3)
    stand.shelf.delete_manifest(APP, one, who="anna")
    assert stand.used() == (62, 2, 2)
    stand.shelf.delete_manifest(LIB, one, who="anna")
    assert stand.used() == (62, 1, 1)


def test_what_is_over_a_quota_is_refused_whole(stand: Stand) -> None:
    stand.tenant(bytes=100, repositories=1, manifests=2)
    stand.blob(b"x" * 60)
    with pytest.raises(QuotaExceededError) as raised:
        stand.blob(b"y" * 41)
    assert (raised.value.unit, raised.value.most) == ("bytes", 100)
    with pytest.raises(BlobUnknownError):
        stand.blobs.find(APP, Digest.of(b"y" * 41))
    assert stand.used() == (60, 0, 0)
    stand.blob(b"x" * 60, LIB)  # nothing more, for this tenant
    stand.blob(b"z" * 40)
    with pytest.raises(QuotaExceededError):  # before a byte is taken in
        stand.blobs.begin(APP)
    stand.blobs.begin(OTHER)
    with pytest.raises(QuotaExceededError), stand.database.begin() as connection:
        hold(connection, APP, LIB)
    assert stand.used() == (100, 0, 0)
    with stand.database.begin() as connection:  # what the server hangs on images waits for no room
        for _ in range(5):
            quota.manifest_held(connection, LIB, by="tidegate")
    assert stand.used() == (100, 1, 5)
    with pytest.raises(QuotaExceededError), stand.database.begin() as connection:
        quota.manifest_held(connection, LIB, by="anna")


def test_a_tenant_of_what_is_there_already(stand: Stand) -> None:
    stand.image("one")
    stand.image("one", LIB)
    stand.image("one", Repository("team-ab/app"))
    made = stand.tenant(bytes=10)
    assert (made.used.bytes, made.used.repositories, made.used.manifests) == (32, 2, 2)
    with stand.database.begin() as connection:
        tenancy.limit(connection, "team-a", Quota(), by="root", at=stand.clock())
    stand.image("two")
    with stand.database.begin() as connection:
        assert tenancy.recount(connection, "team-a").used == tenancy.find(connection, "team-a").used
        tenancy.remove(connection, "team-a", by="root", at=stand.clock())
        assert quota.owner_of(connection, APP) is None
        with pytest.raises(NotFoundError):
            tenancy.find(connection, "team-a")
    stand.image("three")


def test_prefixes_are_whole_parts_and_never_overlap(stand: Stand) -> None:
    stand.tenant("team-a", "team-a", "shared/a")
    with stand.database.read() as connection:
        owners = [
            quota.owner_of(connection, name) for name in ("team-a", "team-a/x/y", "team-ab", "shared", "shared/a/b")
        ]
    assert owners == ["team-a", "team-a", None, None, "team-a"]
    for prefixes in (["team-a/app"], ["shared"], ["team-a"]):
        with pytest.raises(UsageError, match="is tenant team-a's"):
            stand.tenant("other", *prefixes)
    with pytest.raises(UsageError, match="already"):
        stand.tenant("team-a", "elsewhere")
    for name, prefix in (("Team", "x"), ("t", "X"), ("t", "a/*")):
        with pytest.raises(InvalidInputError):
            stand.tenant(name, prefix)
    with pytest.raises(InvalidInputError):
        stand.tenant("t", "x", bytes=-1)


def test_whatever_happens_the_counts_are_what_a_recount_finds(stand: Stand) -> None:
    stand.tenant(bytes=400, repositories=3, manifests=6)
    repositories = [APP, LIB, OTHER, Repository("team-a/third"), Repository("team-a/fourth")]

    def work(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(12):
            repository, name = chance.choice(repositories), f"n{chance.randrange(6)}"
            data = name.encode() * 10
            with suppress(QuotaExceededError, BlobUnknownError, BlobInUseError, NotFoundError):
                match chance.randrange(5):
                    case 0 | 1:
                        stand.image(name, repository)
                    case 2:
                        stand.blobs.mount(repository, Digest.of(data), chance.choice(repositories), by="anna")
                    case 3:
                        digest = stand.shelf.head_manifest(repository, Tag(name)).digest
                        stand.shelf.delete_manifest(repository, digest, who="anna")
                    case _:
                        stand.blobs.delete(repository, Digest.of(data))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    before = stand.used()
    assert before[0] <= 400
    assert before[1] <= 3
    assert before[2] <= 6
    with stand.database.begin() as connection:
        tenancy.recount(connection, "team-a")
    assert stand.used() == before
