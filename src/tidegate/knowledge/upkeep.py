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

_RELEASE: Final = "SELECT day, advisories FROM fix_day WHERE ecosystem = ? AND day <= ?"
_LINE: Final = """
SELECT DISTINCT advisory, fixed, substr(CASE WHEN published > '1990' THEN published ELSE modified END, 1, 10)
FROM affected JOIN advisory ON advisory.id = affected.advisory
WHERE ecosystem = ? AND affected.name = ? AND fixed <> ''
"""


class Upkeep(Struct, frozen=True, kw_only=True):
    """The day of the last fix, and advisories with a fix in the year before; None when the knowledge cannot tell."""

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
    return _counted([(str(day), int(count)) for day, count in knowledge.rows(_RELEASE, (number, at.isoformat()))], at)


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
    dated = [(day, 1) for day in days.values() if day > _OLDEST]
    if days and not dated:
        return UNKNOWN
    return _counted([(day, count) for day, count in dated if day <= at.isoformat()], at)


def _counted(days: list[tuple[str, int]], at: date) -> Upkeep:
    since = (at - _YEAR).isoformat()
    last = max((day for day, _ in days), default="")
    try:
        last_fix = date.fromisoformat(last) if last else None
    except ValueError:
        last_fix = None
    return Upkeep(last_fix=last_fix, fixes_per_year=sum(count for day, count in days if day > since))
