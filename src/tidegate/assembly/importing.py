# SPDX-License-Identifier: Apache-2.0
"""Taking images in by one command: handed to the server that runs over this folder, or done by one started here."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from tidegate.assembly.home import Home
from tidegate.assembly.intake import UpstreamClients, intake_rules
from tidegate.assembly.server import build_server
from tidegate.assembly.stores import open_database
from tidegate.clock import system_clock
from tidegate.curation.intake.imports import ImportReport, Line, begin_import, import_report
from tidegate.curation.intake.internal_base import BaseVersion, versions_of
from tidegate.curation.intake.named_images import NamedImage
from tidegate.curation.intake.names import IntakeName, intake_names
from tidegate.curation.intake.preview import Preview
from tidegate.errors import UsageError
from tidegate.settings import Settings
from tidegate.storage.database import Database

_LOOK_AGAIN_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Importing:
    """The record of what is taken in, as a command sees it."""

    settings: Settings
    database: Database

    def preview(self, named: Sequence[NamedImage]) -> list[Line]:
        """What taking a list in would do."""
        clients = UpstreamClients(self.settings, self.database)
        try:
            rules, most = intake_rules(self.settings, self.database), self.settings.intake.max_image_bytes
            preview = Preview(
                self.database, lambda: rules.now.upstreams, clients.of, system_clock, max_image_bytes=most
            )
            return preview.lines(named)
        finally:
            clients.close()

    def names(self, *, upstream: str = "", watched: bool = False, limit: int) -> list[IntakeName]:
        """Names that were asked for, and how they stand."""
        with self.database.read() as connection:
            return intake_names(connection, upstream=upstream, watched=watched, limit=limit)

    def base_versions(self) -> list[BaseVersion]:
        """The versions of every internal base, newest first."""
        rules = intake_rules(self.settings, self.database)
        with self.database.read() as connection:
            return [version for base in rules.now.bases for version in versions_of(connection, base.name)]


@contextmanager
def open_importing(settings: Settings) -> Iterator[Importing]:
    """Opens the record.

    Raises:
        TidegateError: the home folder or the database cannot be used.
    """
    Home(folder=settings.home).make()
    database = open_database(settings)
    try:
        yield Importing(settings=settings, database=database)
    finally:
        database.close()


def take_in(
    settings: Settings,
    named: Sequence[NamedImage],
    *,
    name: str,
    who: str,
    told: Callable[[ImportReport], None],
) -> ImportReport:
    """Takes a list in and waits for every verdict; broken off, it is gone on with by the next server or command.

    Args:
        settings: where everything is kept.
        named: the images.
        name: of the list.
        who: asks.
        told: called after each change.

    Raises:
        TidegateError: nothing can be kept, or the intake file is wrong.
    """
    with ExitStack() as stack:
        upstreams = intake_rules(settings, stack.enter_context(open_importing(settings)).database).now.upstreams
        if not upstreams.all:
            remedy = "name a file with intake.file, or tidegate intake rule set; see docs/reference/intake.md"
            raise UsageError("no upstreams are set up", remedy=remedy)
        try:
            stack.enter_context(Home(folder=settings.home).taken())
        except UsageError:
            # A server runs here: it takes up what is put on record.
            database = stack.enter_context(open_importing(settings)).database
        else:
            server = build_server(settings)
            server.start()
            stack.callback(server.stop)
            database = server.database
        id_ = begin_import(database, upstreams, named, name=name, who=who, at=system_clock())
        return _watch(database, id_, told)


def _watch(database: Database, id_: str, told: Callable[[ImportReport], None]) -> ImportReport:
    before: Counter[str] | None = None
    while True:
        seen = database.commits.count
        report = import_report(database, id_)
        if report.counts != before:
            before = report.counts
            told(report)
        if report.is_done:
            return report
        database.commits.wait(seen, timeout=_LOOK_AGAIN_SECONDS)
