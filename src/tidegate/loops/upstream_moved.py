# SPDX-License-Identifier: Apache-2.0
"""What an upstream's tag means was admitted: our tag follows. Watched names are looked at when their time comes.

A look costs one conditional request a name. One that fails is made later and later, so an upstream that is away for
long is hardly asked; a look that is still under way when the next is due is not made twice.
"""

from typing import Final

from sqlalchemy import select

from tidegate.artifact import Digest, Reference, Repository, Tag
from tidegate.clock import Clock, rfc3339
from tidegate.curation.intake import Intake
from tidegate.curation.intake_entry import Outcome, entry_of, find_entry, located
from tidegate.events import Event, EventKind
from tidegate.storage.consumers import Consumer
from tidegate.storage.database import Database
from tidegate.storage.schema import intake as table

_AT_ONCE: Final = 100
WHO: Final = "tidegate/watch"


def follow_when_admitted(intake: Intake) -> Consumer:
    """A consumer that points a tag to what its upstream means, once that is admitted."""

    def handle(event: Event, offset: int) -> None:
        del offset
        intake.point_when_vended(Digest(event.subject))

    return Consumer(name="loops.upstream_moved", kinds=frozenset({EventKind.IMAGE_ADMITTED}), handle=handle)


def begin_watching(database: Database, intake: Intake) -> int:
    """Asks for the names the intake file says to watch, where that was not done before; returns how many are new."""
    new = 0
    for upstream in intake.upstreams.all:
        for name in upstream.watch:
            inner, _, tag = name.partition(":")
            repository, locator = Repository(f"{upstream.under}/{inner}"), Tag(tag)
            with database.read() as connection:
                entry = find_entry(connection, repository, locator)
            if entry is None or not entry.watched:
                source = upstream.source(repository, locator)
                intake.ask(upstream, repository, locator, source=source, who=WHO, watched=True)
                new += 1
    return new


def look_at_watched(database: Database, intake: Intake, clock: Clock) -> int:
    """Asks the upstreams for watched names whose time has come; returns how many."""
    query = (
        select(table)
        .where(table.c.watched == 1, table.c.look_at <= rfc3339(clock()), table.c.outcome != Outcome.UNDER_WAY.value)
        .order_by(table.c.look_at)
        .limit(_AT_ONCE)
    )
    with database.read() as connection:
        entries = [entry_of(row) for row in connection.execute(query).mappings()]
    for entry in entries:
        upstream = intake.upstreams.named(entry.upstream)
        if upstream is not None:
            repository, source = Repository(entry.repository), Reference.parse(entry.source)
            intake.ask(upstream, repository, located(entry.locator), source=source, who=WHO)
    return len(entries)


def take_up(database: Database, intake: Intake) -> int:
    """Submits again what was under way when a process died between asking and submitting; returns how many."""
    with database.read() as connection:
        rows = connection.execute(select(table).where(table.c.outcome == Outcome.UNDER_WAY.value)).mappings()
        entries = [entry_of(row) for row in rows]
    for entry in entries:
        intake.submit(entry)
    return len(entries)
