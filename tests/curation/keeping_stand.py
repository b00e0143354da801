# SPDX-License-Identifier: Apache-2.0
"""A shelf on SQLite, on PostgreSQL and with an object store (where installed), and the means to fill it quickly."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from backing import Backing
from migrated import migrated
from object_server import ObjectServer, start_objects
from postgres_server import emptied, start_postgres, wiped
from tidegate.artifact import Digest, Repository, Tag
from tidegate.artifact import media_type as mt
from tidegate.curation import tags
from tidegate.curation.shelf import Shelf
from tidegate.curation.shelf_blobs import ShelfBlobs
from tidegate.curation.tag_rules import TagRules
from tidegate.events import EventKind
from tidegate.storage import schema
from tidegate.storage.blobs import BlobBounds, BlobStore
from tidegate.storage.database import Database
from tidegate.storage.folder_blobs import FolderBlobs
from tidegate.storage.outbox import read_after

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
APP, OTHER = Repository("team/app"), Repository("other")


class Hands:
    """A clock whose hands are set."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        return self.at


@dataclass(frozen=True, kw_only=True)
class Stand:
    database: Database
    store: BlobStore
    blobs: ShelfBlobs
    shelf: Shelf
    clock: Hands
    folder: Path
    url: str = ""

    def with_rules(self, rules: TagRules) -> "Stand":
        return replace(self, shelf=Shelf(self.database, self.blobs, self.clock, tag_rules=rules))

    def blob(self, data: bytes, repository: Repository = APP) -> dict[str, object]:
        upload = self.blobs.begin(repository)
        self.blobs.append(repository, upload, [data])
        held = self.blobs.finish(repository, upload, Digest.of(data))
        return {"mediaType": mt.OCI_LAYER, "digest": held.digest, "size": held.size}

    def image(
        self, name: str = "one", tag: str = "v1", repository: Repository = APP, layers: tuple[bytes, ...] = ()
    ) -> Digest:
        config = {**self.blob(f'{{"name":"{name}"}}'.encode(), repository), "mediaType": mt.OCI_CONFIG}
        parts = [self.blob(data, repository) for data in layers or (name.encode(),)]
        return self.put({"config": config, "layers": parts}, mt.OCI_MANIFEST, tag, repository)

    def index(self, tag: str, *children: Digest, repository: Repository = APP) -> Digest:
        with self.database.read() as connection:
            table = schema.manifest
            sizes = {
                child: connection.scalar(select(func.length(table.c.document)).where(table.c.digest == child))
                for child in children
            }
        parts = [{"mediaType": mt.OCI_MANIFEST, "digest": child, "size": size} for child, size in sizes.items()]
        return self.put({"manifests": parts}, mt.OCI_INDEX, tag, repository)

    def put(self, body: dict[str, object], media_type: str, tag: str, repository: Repository = APP) -> Digest:
        raw = json.dumps({"schemaVersion": 2, "mediaType": media_type, **body}).encode()
        locator = Tag(tag) if tag else Digest.of(raw)
        return self.shelf.put_manifest(repository, locator, raw, media_type=media_type, pushed_by="me").digest

    def resolve(self, tag: str, repository: Repository = APP) -> Digest:
        with self.database.read() as connection:
            found = tags.resolve(connection, repository, Tag(tag))
        assert found is not None, tag
        return found

    def bytes_of(self, repository: Repository, digest: Digest) -> bytes:
        with self.blobs.open(self.blobs.find(repository, digest)) as file:
            return file.read()

    def events(self, kind: EventKind) -> list[str]:
        with self.database.read() as connection:
            return [event.subject for _, event in read_after(connection, 0, 10_000) if event.kind is kind]

    def count(self, table: str) -> int:
        with self.database.read() as connection:
            return int(connection.scalar(select(func.count()).select_from(schema.metadata.tables[table])) or 0)


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with start_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.tools)])
def both_engines(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stand]:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    if request.param == "postgresql":
        url = emptied(request.getfixturevalue("postgres"))
    with stand_on(url, tmp_path) as stand:
        yield stand


class stand_on:  # noqa: N801 - reads as a function
    """A stand over a database, closed with the block."""

    def __init__(self, url: str, folder: Path) -> None:
        migrated(url)
        clock = Hands()
        database, store = Database(url), FolderBlobs(folder / "content")
        blobs = ShelfBlobs(database, store, clock)
        self.stand = Stand(
            database=database,
            store=store,
            blobs=blobs,
            shelf=Shelf(database, blobs, clock),
            clock=clock,
            folder=folder,
            url=url,
        )

    def __enter__(self) -> Stand:
        return self.stand

    def __exit__(self, *_error: object) -> None:
        self.stand.database.close()


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    with start_objects(tmp_path_factory.mktemp("objects")) as running:
        yield running


@pytest.fixture
def with_objects(postgres: str, objects: ObjectServer, tmp_path: Path) -> Iterator[Stand]:
    """A stand on PostgreSQL and an object store, as replicas share them."""
    backing = Backing(postgres=wiped(postgres), objects=objects)
    clock, database = Hands(), backing.database(tmp_path)
    store = backing.store(tmp_path, database, BlobBounds())
    blobs = ShelfBlobs(database, store, clock)
    shelf = Shelf(database, blobs, clock)
    yield Stand(database=database, store=store, blobs=blobs, shelf=shelf, clock=clock, folder=tmp_path)
    database.close()
