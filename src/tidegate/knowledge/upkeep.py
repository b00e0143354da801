# SPDX-License-Identifier: Apache-2.0
"""How often a release line gets fixes, counted from the advisories in the knowledge file."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Final

from tidegate.inventory import Ecosystem
from tidegate.knowledge.database import Knowledge
from tidegate.values import Struct

_YEAR: Final = timedelta(days=365)
_OLDEST: Final = "1990"
"""Go's database writes the year 1 for "not told"."""

_RELEASE: Final = "SELECT day, advisories FROM fix_day WHERE ecosystem = ?"
_LINE: Final = """
SELECT DISTINCT advisory, fixed, substr(published, 1, 10)
FROM affected JOIN advisory ON advisory.id = affected.advisory
WHERE ecosystem = ? AND affected.name = ? AND fixed <> ''
"""


class Upkeep(Struct, frozen=True, kw_only=True):
    """The day of the last fix that has one, and advisories with a fix in the year before; None when not known."""

    last_fix: date | None = None
    fixes_per_year: int | None = None


UNKNOWN: Final = Upkeep()


def upkeep_of_release(knowledge: Knowledge, ecosystem: Ecosystem, at: date) -> Upkeep:
    """Counts the fixes of a distribution's release, like `Debian:12`.

    Raises:
        InvalidInputError: the knowledge file is corrupt.
    """
    number = knowledge.ecosystem_id(ecosystem)
    if number is None or not knowledge.covers(ecosystem):
        return UNKNOWN
    return _counted([(str(day), int(count)) for day, count in knowledge.rows(_RELEASE, (number,))], at)


def upkeep_of_line(
    knowledge: Knowledge, ecosystem: Ecosystem, name: str, is_of_line: Callable[[str], bool], at: date
) -> Upkeep:
    """Counts the fixes of one package's release line.

    Args:
        knowledge: the file to look in.
        ecosystem: as looked up.
        name: as looked up.
        is_of_line: tells of a fixed version whether it is of the line.
        at: fixes after this day do not count.

    Raises:
        InvalidInputError: the knowledge file is corrupt.
    """
    number = knowledge.ecosystem_id(ecosystem)
    if number is None:
        return UNKNOWN
    days = {advisory: str(day) for advisory, fixed, day in knowledge.rows(_LINE, (number, name)) if is_of_line(fixed)}
    return _counted([(day, 1) for day in days.values()], at)


def _counted(days: list[tuple[str, int]], at: date) -> Upkeep:
    """Counts pairs of day and number of advisories; when most have no day, how many a year cannot be told."""
    since, until = (at - _YEAR).isoformat(), at.isoformat()
    dated = [(day, count) for day, count in days if _OLDEST < day <= until]
    undated = sum(count for day, count in days if day <= _OLDEST)
    last = max((day for day, _ in dated), default="")
    told = undated <= sum(count for day, count in days if day > _OLDEST)
    return Upkeep(
        last_fix=_day(last), fixes_per_year=sum(count for day, count in dated if day > since) if told else None
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:  # an advisory of the 31st of February
        return None
