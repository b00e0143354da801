# SPDX-License-Identifier: Apache-2.0
"""What an upstream's tag means was admitted: our tag follows. Watched names are looked at when their time comes.

A look costs one conditional request a name. One that fails is made later and later, so an upstream that is away for
long is hardly asked; a look that is still under way when the next is due is not made twice.
"""

from collections.abc import Collection
from typing import Final

from sqlalchemy import select

from tidegate.artifact import Digest, Reference, Repository, Tag
from tidegate.clock import Clock, rfc3339
from tidegate.curation.intake.entry import Outcome, entry_of, forget_missing, located, watch
from tidegate.curation.intake.taking_in import Intake
from tidegate.curation.intake.upstream import Upstreams
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


Name = tuple[Repository, Tag]


def names_to_watch(upstreams: Upstreams) -> list[Name]:
    """Names of ours that the intake file says to watch."""
    parts = [(one.under, *name.split(":")) for one in upstreams.all for name in one.watch]
    return [(Repository(f"{under}/{inner}"), Tag(tag)) for under, inner, tag in parts]


def begin_watching(database: Database, intake: Intake, *, also: Collection[Name] = ()) -> int:
    """Asks for the names the intake file says to watch, where that was not done before; returns how many are new.

    Args:
        database: the record.
        intake: asks.
        also: names that are watched for another reason. Whatever else was watched, is no longer.
    """
    wanted = names_to_watch(intake.upstreams)
    with database.begin() as connection:
        rows = connection.execute(select(table.c.repository, table.c.locator).where(table.c.watched == 1)).all()
        watched = {(Repository(row.repository), located(row.locator)) for row in rows}
        for repository, locator in watched - {*wanted, *also}:
            watch(connection, repository, locator, on=False)
    new = [name for name in wanted if name not in watched]
    for repository, tag in new:
        upstream = intake.upstreams.of(repository)
        if upstream is not None:
            source = upstream.source(repository, tag)
            intake.ask(upstream, repository, tag, source=source, who=WHO, watched=True)
    return len(new)


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


def forget_names(database: Database, clock: Clock) -> int:
    """Forgets names that could not be had for a week and nobody watches; returns how many."""
    with database.begin() as connection:
        return forget_missing(connection, at=clock())


def take_up(database: Database, intake: Intake) -> int:
    """Submits again what was under way when a process died between asking and submitting; returns how many."""
    with database.read() as connection:
        rows = connection.execute(select(table).where(table.c.outcome == Outcome.UNDER_WAY.value)).mappings()
        entries = [entry_of(row) for row in rows]
    for entry in entries:
        intake.submit(entry)
    return len(entries)
