# SPDX-License-Identifier: Apache-2.0
"""Where state and blobs are kept, from settings: the home folder, unless a URL says otherwise."""

from dataclasses import dataclass

from tidegate.assembly.home import Home
from tidegate.settings import Settings
from tidegate.storage.blobs import BlobStore
from tidegate.storage.database import Database
from tidegate.storage.folder_blobs import FolderBlobs
from tidegate.storage.migrations import migrate


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
    return Database(url)


def open_blobs(settings: Settings) -> BlobStore:
    """Opens the blobs.

    Raises:
        OutsideError: they are not to be reached.
    """
    return FolderBlobs(settings.storage.blobs_folder)
