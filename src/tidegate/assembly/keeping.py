# SPDX-License-Identifier: Apache-2.0
"""What is kept, from settings: the rules in force, and the record they speak of; for the server and for one command."""

import os
import pwd
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from tidegate.artifact import Repository, Tag
from tidegate.assembly.home import Home
from tidegate.assembly.outward import build_outbound, build_registry_client
from tidegate.assembly.rule_text import rule_text
from tidegate.assembly.stores import database_urls, open_blobs, open_database
from tidegate.clock import Clock, system_clock
from tidegate.curation.keeping.collector import Collected, Collector, Progress
from tidegate.curation.keeping.repair_source import FolderSource, RegistrySource, RepairSource
from tidegate.curation.keeping.retention import Plan, Retained, Retention
from tidegate.curation.keeping.retention import Progress as RetentionProgress
from tidegate.curation.keeping.rule_file import KeepingRules, laid_over, load_keeping_rules
from tidegate.curation.keeping.scrub import Progress as ScrubProgress
from tidegate.curation.keeping.scrub import Scrubbed, Scrubber
from tidegate.curation.keeping.set_aside import LetGo, SetAside
from tidegate.curation.keeping.upkeep import Task, record_run
from tidegate.curation.rule_sets import RuleKind
from tidegate.curation.rules_in_force import RulesInForce
from tidegate.curation.shelf_blobs import ShelfBlobs
from tidegate.errors import UsageError
from tidegate.oci.registry import RegistryClient
from tidegate.settings import Settings
from tidegate.storage.blobs import BlobStore
from tidegate.storage.database import Database
from tidegate.values import replace

SCRUB_SLICE_SECONDS: Final = 60.0
_LOOK_ASIDE_SECONDS: Final = 3600.0
MAX_TOLD: Final = 1000
"""Digests that the record of one run names; each has its own event too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """Everything that decides how long something is kept."""

    settings: Settings
    database: Database
    in_force: RulesInForce[KeepingRules]
    collector: Collector
    retention: Retention
    scrubber: Scrubber
    set_aside: SetAside
    clock: Clock

    @property
    def rules(self) -> KeepingRules:
        """Those in force now."""
        return self.in_force.now

    def collect(self, *, who: str, progress: Progress | None = None) -> Collected:
        """Collects what is due, and puts it on record.

        Raises:
            OutsideError: the database or the blob store failed.
        """
        began_at = self.clock()
        found = self.collector.run(progress=progress) if progress else self.collector.run()
        with self.database.begin() as connection:
            record_run(connection, "gc", found, who=who, began_at=began_at, ended_at=self.clock())
        return found

    def supposing(self, rules: KeepingRules) -> Plan:
        """What retention would take out now, were these the rules.

        Raises:
            OutsideError: the database failed.
        """
        return self.retention.supposing(rules.tags).plan(rules.retention)

    def retain(self, *, who: str, progress: RetentionProgress | None = None) -> Retained:
        """Takes out what the rules in force say, and puts it on record.

        Raises:
            OutsideError: the database failed.
        """
        began_at, rules = self.clock(), self.rules.retention
        found = self.retention.run(rules, progress=progress) if progress else self.retention.run(rules)
        with self.database.begin() as connection:
            told = replace(found, gone=found.gone[:MAX_TOLD])
            record_run(connection, "retention", told, who=who, began_at=began_at, ended_at=self.clock())
        return found

    def scrub(self, *, who: str, seconds: float | None, progress: ScrubProgress | None = None) -> Scrubbed:
        """Goes on with the round of scrubbing, or begins another, and puts it on record.

        Raises:
            OutsideError: the database or the blob store failed.
        """
        began_at = self.clock()
        found = self.scrubber.run(seconds=seconds, progress=progress)
        with self.database.begin() as connection:
            record_run(connection, "scrub", found, who=who, began_at=began_at, ended_at=self.clock())
        return found

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Makes sure that no server has the blobs in hand; where replicas share a database its locks are enough.

        Raises:
            UsageError: a server has them.
        """
        if database_urls(self.settings).is_shared:
            yield
            return
        try:
            taken = Home(folder=self.settings.home).taken()
            taken.__enter__()
        except UsageError as error:
            raise UsageError(
                "a server has this folder in hand",
                where=error.where,
                remedy="it does so by itself; or ask it with --server",
            ) from error
        try:
            yield
        finally:
            taken.__exit__(None, None, None)

    def tasks(self) -> tuple[Task, ...]:
        """What a server does by itself, by time."""
        options = self.settings.curation
        return (
            Task(kind="retention", every=timedelta(seconds=options.retention_every_s), run=self._retain_by_time),
            Task(kind="gc", every=timedelta(seconds=options.gc_every_s), run=self._collect_by_time),
        )

    def slow_tasks(self) -> tuple[Task, ...]:
        """The same of what takes so long that nothing else should wait for it."""
        every = timedelta(seconds=SCRUB_SLICE_SECONDS if self.settings.curation.scrub_every_s else 0)
        aside = timedelta(seconds=_LOOK_ASIDE_SECONDS if self.settings.curation.damaged_keep_s else 0)
        return (
            Task(kind="scrub", every=every, run=self._scrub_by_time),
            Task(kind="set aside", every=aside, run=self._let_go_by_time),
        )

    def _let_go_by_time(self) -> LetGo | None:
        found = self.set_aside.run()
        return found if found.let_go or found.repaired else None

    def _scrub_by_time(self) -> Scrubbed | None:
        every = timedelta(seconds=self.settings.curation.scrub_every_s)
        found = self.scrubber.run(round_every=every, seconds=SCRUB_SLICE_SECONDS)
        return found if found.damaged or found.repaired or found.strays else None

    def _retain_by_time(self) -> Retained | None:
        if not self.rules.retention.delete:
            return None
        found = self.retention.run(self.rules.retention)
        return replace(found, gone=found.gone[:MAX_TOLD]) if found.gone else None

    def _collect_by_time(self) -> Collected | None:
        found = self.collector.run()
        return found if found.removed or found.uploads else None


def build_keeping(settings: Settings, database: Database, store: BlobStore, blobs: ShelfBlobs, clock: Clock) -> Keeping:
    """Loads the rules that the settings name.

    Raises:
        TidegateError: a file is missing or wrong; names file, line and column.
    """
    in_force = keeping_rules(settings, database)
    return Keeping(
        settings=settings,
        database=database,
        in_force=in_force,
        collector=Collector(database, blobs, clock),
        retention=Retention(database, clock, tag_rules=InForceTags(in_force), grace=blobs.grace),
        scrubber=Scrubber(
            database,
            store,
            blobs,
            _repair_sources(settings),
            clock,
            bytes_per_second=settings.curation.scrub_bytes_per_s,
        ),
        set_aside=SetAside(
            database=database,
            store=store,
            blobs=blobs,
            clock=clock,
            keep_for=timedelta(seconds=settings.curation.damaged_keep_s),
        ),
        clock=clock,
    )


def _repair_sources(settings: Settings) -> list[RepairSource]:
    @contextmanager
    def connect() -> Iterator[RegistryClient]:
        with build_outbound(settings) as outbound:
            yield build_registry_client(settings, outbound)

    folders = [FolderSource(folder) for folder in settings.curation.repair_folders]
    return [*folders, *(RegistrySource(connect, place) for place in settings.curation.repair_registries)]


def build_blobs(settings: Settings, database: Database, store: BlobStore, clock: Clock) -> ShelfBlobs:
    """The registry's blobs, with the grace that the settings give them."""
    return ShelfBlobs(database, store, clock, grace=timedelta(seconds=settings.curation.gc_grace_s))


class InForceTags:
    """The tags that the rules in force now make immutable."""

    def __init__(self, in_force: RulesInForce[KeepingRules]) -> None:
        self._in_force = in_force

    def find(self, repository: Repository, tag: Tag) -> str:
        """The name of the first rule that makes a tag immutable; "" when none does."""
        return self._in_force.now.tags.find(repository, tag)


def keeping_rules(settings: Settings, database: Database) -> RulesInForce[KeepingRules]:
    """The rules of keeping: those of files, with the sets of the database over them.

    Raises:
        TidegateError: a file or a set is missing or wrong; names file, line and column.
    """
    files = read_rules(settings.curation.keeping_files)
    return RulesInForce(database, RuleKind.KEEPING, lambda sets: laid_over(files, sets))


def read_rules(files: Iterable[Path]) -> KeepingRules:
    """The rules of some files.

    Raises:
        TidegateError: a file is missing or wrong; names file, line and column.
    """
    return load_keeping_rules({str(path): rule_text(path) for path in files})


@contextmanager
def open_keeping(settings: Settings, *, clock: Clock = system_clock) -> Iterator[Keeping]:
    """Opens the record in the home folder for one command; a server may be using it at the same time.

    Raises:
        TidegateError: a rule or the home folder is not usable.
    """
    Home(folder=settings.home).make()
    database = open_database(settings)
    try:
        store = open_blobs(settings, database)
        blobs = build_blobs(settings, database, store, clock)
        yield build_keeping(settings, database, store, blobs, clock)
    finally:
        database.close()


def local_user() -> str:
    """Who runs this command, as it is written into records: the system's own name for them."""
    number = os.getuid()
    try:
        return f"local:{pwd.getpwuid(number).pw_name}"
    except KeyError:
        return f"local:{number}"
