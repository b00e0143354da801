# SPDX-License-Identifier: Apache-2.0
"""Where state and blobs are kept, from settings: the home folder, unless a URL says otherwise."""

import socket
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

from tidegate.assembly.home import Home
from tidegate.execution.captures import MAX_CAPTURE_BYTES
from tidegate.settings import Settings
from tidegate.storage.blobs import BlobBounds, BlobStore
from tidegate.storage.database import Database, DatabaseOptions
from tidegate.storage.folder_blobs import FolderBlobs
from tidegate.storage.migrations import migrate

ALONE: Final = "tidegate-0"
"""The name of a server that shares nothing."""
_CAPTURES: Final = "captures"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseUrls:
    """URLs of the two databases; with PostgreSQL they are one, and the durable engine has a schema of its own in it."""

    state: str
    work: str
    is_shared: bool


def database_urls(settings: Settings) -> DatabaseUrls:
    """Where the state and the durable work are kept."""
    home = Home(folder=settings.home)
    if settings.database_url:
        is_file = settings.database_url.startswith("sqlite")
        work = home.work_url if is_file else settings.database_url
        return DatabaseUrls(state=settings.database_url, work=work, is_shared=not is_file)
    return DatabaseUrls(state=home.database_url, work=home.work_url, is_shared=False)


def open_database(settings: Settings) -> Database:
    """Opens the state, brought up to date.

    Raises:
        UsageError: the URL is of no database known here.
        OutsideError: it is not there, or was written by a newer tidegate.
    """
    url = database_urls(settings).state
    migrate(url)
    return Database(url, DatabaseOptions(max_connections=settings.storage.database_connections))


def open_blobs(settings: Settings, database: Database) -> BlobStore:
    """Opens the blobs: the object store that is named, else the folder.

    Raises:
        TidegateError: the URL or the credentials are wrong, or the folder cannot be made.
    """
    return _open_blobs(settings, database, below="", max_bytes=settings.server.max_upload_bytes)


def open_capture_blobs(settings: Settings, database: Database) -> BlobStore:
    """Opens the archives of forensic captures: beside the blobs, where nothing that serves or collects those looks.

    Raises:
        TidegateError: as `open_blobs`.
    """
    return _open_blobs(settings, database, below=_CAPTURES, max_bytes=MAX_CAPTURE_BYTES)


def _open_blobs(settings: Settings, database: Database, *, below: str, max_bytes: int) -> BlobStore:
    options = settings.storage
    bounds = BlobBounds(max_blob_bytes=max_bytes)
    if not options.blobs_url:
        return FolderBlobs(options.blobs_folder / below, bounds)
    # Loaded only where it is wanted: it takes a tenth of a second.
    from tidegate.storage.object_access import open_objects
    from tidegate.storage.object_blobs import ObjectBlobs

    parts = urlsplit(options.blobs_url)
    url = urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{below}")) if below else options.blobs_url
    objects = open_objects(url, credentials=options.credentials_file)
    return ObjectBlobs(objects, database, bounds, link_seconds=options.redirect_seconds or None)


def replica_name(settings: Settings) -> str:
    """What this replica is called in leases and in the work it has in flight: one server alone keeps its name."""
    if not database_urls(settings).is_shared:
        return ALONE
    return settings.server.replica or f"{socket.gethostname()[:64]}-{uuid4().hex[:12]}"
