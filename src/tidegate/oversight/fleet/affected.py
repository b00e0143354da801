# SPDX-License-Identifier: Apache-2.0
"""Components that an advisory speaks of, by any of its names."""

from typing import Final

from sqlalchemy import Connection

from tidegate.curation.components.affected import components_in
from tidegate.errors import NotFoundError
from tidegate.knowledge.database import Knowledge
from tidegate.knowledge.delta import ranges_of_advisory
from tidegate.oversight.fleet.parts import Part, parts_of
from tidegate.values import Struct

_NAMED: Final = "SELECT id, name, summary FROM advisory WHERE name = ? OR instr(aliases, ?) ORDER BY name"


class Advisory(Struct, frozen=True, kw_only=True):
    """An advisory that goes by a name."""

    id: str
    summary: str


def parts_affected(
    connection: Connection, knowledge: Knowledge, name: str
) -> tuple[tuple[Advisory, ...], tuple[Part, ...]]:
    """The advisories of a name (`CVE-2021-44228`, `GHSA-…`, `DSA-…`), and the components inside their ranges.

    Components that a distribution's package owns are not judged by other advisories than the distribution's.

    Raises:
        NotFoundError: no advisory is called so.
    """
    rows = knowledge.rows(_NAMED, (name, f'"{name}"'))
    if not rows:
        raise NotFoundError(
            "no advisory is called so", where=name[:80], remedy="see `tidegate db info` for what is known, and how old"
        )
    ranges = [found for number, advisory, _ in rows for found in ranges_of_advisory(knowledge, advisory, number)]
    advisories = tuple(Advisory(id=advisory, summary=summary) for _, advisory, summary in rows)
    return advisories, parts_of(connection, components_in(connection, ranges))
