# SPDX-License-Identifier: Apache-2.0
"""Lists of images on record: their lines are asked for, and again for a while where an upstream failed."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import select, update

from tidegate.artifact import Reference, Repository
from tidegate.clock import Clock, rfc3339
from tidegate.curation.intake.entry import Outcome, TooManyNamesError, located
from tidegate.curation.intake.imports import MAX_TRIES
from tidegate.curation.intake.taking_in import Intake
from tidegate.storage.database import Database
from tidegate.storage.schema import intake as table
from tidegate.storage.schema import intake_wanted

_AT_ONCE: Final = 200


def ask_for_wanted(database: Database, intake: Intake, clock: Clock) -> int:
    """Asks for lines nobody asked for yet, and for those whose upstream failed a while ago; returns how many."""
    asked = 0
    for row in _rows(database, clock):
        try:
            _ask(intake, row)
        except TooManyNamesError:
            break
        asked += 1
        # Counted after it was asked for: a kill in between asks twice, which is asking once.
        here = (intake_wanted.c.list == row.list) & (intake_wanted.c.number == row.number)
        with database.begin() as connection:
            connection.execute(update(intake_wanted).where(here).values(asked=intake_wanted.c.asked + 1))
    return asked


def _ask(intake: Intake, row: Any) -> None:
    upstream = intake.upstreams.named(row.upstream)
    if upstream is not None:
        repository, source = Repository(row.repository), Reference.parse(row.source)
        intake.ask(upstream, repository, located(row.locator), source=source, who=f"import/{row.list}")


def _rows(database: Database, clock: Clock) -> Sequence[Any]:
    wanted = intake_wanted
    same = (table.c.repository == wanted.c.repository) & (table.c.locator == wanted.c.locator)
    new = select(wanted).where(wanted.c.asked == 0, wanted.c.problem == "").limit(_AT_ONCE)
    failed = (
        select(wanted)
        .join(table, same)
        .where(
            wanted.c.asked.between(1, MAX_TRIES - 1),
            wanted.c.problem == "",
            table.c.outcome == Outcome.FAILED.value,
            table.c.again_at <= rfc3339(clock()),
        )
        .limit(_AT_ONCE)
    )
    with database.read() as connection:
        return [*connection.execute(new), *connection.execute(failed)]
