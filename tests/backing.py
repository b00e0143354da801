# SPDX-License-Identifier: Apache-2.0
"""What a registry may stand on, for tests that are asked of each: a database and a store of blobs."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from migrated import migrated
from object_server import ObjectServer
from postgres_server import wiped
from tidegate.storage.blobs import BlobBounds, BlobStore
from tidegate.storage.database import Database
from tidegate.storage.folder_blobs import FolderBlobs
from tidegate.storage.object_access import open_objects
from tidegate.storage.object_blobs import ObjectBlobs

ALONE = "sqlite+folder"
SHARED = "postgresql+objects"
FOLDER = "postgresql+folder"


@dataclass(frozen=True, kw_only=True)
class Backing:
    """Where a registry keeps its state and its blobs: SQLite and a folder, unless servers are named."""

    postgres: str = ""
    objects: ObjectServer | None = None
    request_seconds: float = 30

    def database(self, folder: Path) -> Database:
        """The state, migrated."""
        url = self.postgres or f"sqlite:///{folder / 'state.db'}"
        migrated(url)
        return Database(url)

    def store(self, folder: Path, database: Database, bounds: BlobBounds, *, link_seconds: float = 0) -> BlobStore:
        """The blobs; each folder has a prefix of its own in the object store."""
        if self.objects is None:
            return FolderBlobs(folder / "content", bounds)
        prefix = f"{folder.parent.name}/{folder.name}"
        objects = open_objects(
            self.objects.url.replace("some/prefix", prefix),
            credentials=self.objects.credentials,
            request_seconds=self.request_seconds,
            give_up_seconds=3,
        )
        return ObjectBlobs(objects, database, bounds, link_seconds=link_seconds or None)


def backing_of(request: pytest.FixtureRequest) -> Backing:
    """What a test's parameter names; SQLite and a folder without one. Needs `postgres` and `objects` as fixtures."""
    if getattr(request, "param", ALONE) == ALONE:
        return Backing()
    postgres = wiped(request.getfixturevalue("postgres"))
    if request.param == FOLDER:
        return Backing(postgres=postgres)
    return Backing(postgres=postgres, objects=request.getfixturevalue("objects"))
