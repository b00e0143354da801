# SPDX-License-Identifier: Apache-2.0
"""Lists of images taken in: each line resolved to an upstream, asked for, and told of until it has its verdict.

A list is on record before anything is fetched, so whatever is killed, what is left of it is asked for afterwards; a
server that is running takes up what a command put on record.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection, insert, select

from tidegate.artifact import Digest, Reference, Repository, Tag
from tidegate.clock import rfc3339
from tidegate.curation.intake.entry import Outcome, find_entry, located
from tidegate.curation.intake.named_images import NamedImage
from tidegate.curation.intake.upstream import Upstreams
from tidegate.curation.lifecycle import UNDECIDED, VENDED
from tidegate.curation.states import state_of
from tidegate.errors import InvalidInputError, NotFoundError
from tidegate.storage.database import Database
from tidegate.storage.schema import intake_list, intake_wanted, state_change
from tidegate.values import Struct

MAX_TRIES: Final = 4
"""How often a line whose upstream failed is asked for."""
_MAX_WHY_CHARS: Final = 600


class Progress(StrEnum):
    """How far one line is."""

    WAITING = "waiting"
    ADMITTED = "admitted"
    REFUSED = "refused"
    FAILED = "failed"


class Wanted(Struct, frozen=True, kw_only=True):
    """One line, resolved.

    Attributes:
        written: as it stands in the list.
        source: where it comes from, whole; "" when no upstream brings it.
        repository, locator: what it is called here.
        problem: why it cannot be asked for; "" when it can.
    """

    written: str
    upstream: str = ""
    source: str = ""
    repository: str = ""
    locator: str = ""
    problem: str = ""


class Line(Struct, frozen=True, kw_only=True):
    """One line, and what became of it.

    Attributes:
        digest: what the name means; "" while that is not known.
        state: of the digest, or how far fetching is.
        why: the reason, for people; "" when all is well.
    """

    number: int
    written: str
    source: str
    repository: str
    locator: str
    digest: str
    progress: Progress
    state: str
    why: str


class ImportReport(Struct, frozen=True, kw_only=True):
    """A list, and what became of each line."""

    id: str
    at: str
    who: str
    name: str
    lines: tuple[Line, ...]

    @property
    def is_done(self) -> bool:
        """True when no line waits any more."""
        return all(line.progress is not Progress.WAITING for line in self.lines)

    @property
    def counts(self) -> Counter[str]:
        """How many lines are how far."""
        return Counter(line.progress.value for line in self.lines)


def resolve(upstreams: Upstreams, named: NamedImage) -> Wanted:
    """Finds out where a name comes from and what it is called here; says why not rather than raise."""
    written = f"{named.name} {named.target}".strip()
    try:
        reference = Reference.parse(named.name)
        found = upstreams.source_of(reference)
        if found is None:
            return Wanted(written=written, problem=f"no upstream brings {reference.registry}/{reference.repository}")
        upstream, usual = found
        usual_locator = reference.digest or reference.tag or Tag("latest")
        problem = upstream.objection(usual, reference.tag or usual_locator)
        repository, locator = _target(upstreams, named.target, reference) or (usual, usual_locator)
        source = reference if reference.digest else upstream.source(usual, usual_locator)
    except InvalidInputError as error:
        return Wanted(written=written, problem=str(error))
    return Wanted(
        written=written,
        upstream=upstream.name,
        source=str(source),
        repository=repository,
        locator=locator,
        problem=problem,
    )


def _target(upstreams: Upstreams, target: str, reference: Reference) -> tuple[Repository, Tag | Digest] | None:
    if not target:
        return None
    name, _, tag = target.partition(":")
    repository = Repository(name)
    own = upstreams.of(repository)
    if own is not None:
        raise InvalidInputError(f"what is under {own.under}/ is called as its upstream calls it", where=target)
    if tag or reference.tag:
        return repository, Tag(tag) if tag else reference.tag or Tag("latest")
    return repository, reference.digest or Tag("latest")


def begin_import(
    database: Database, upstreams: Upstreams, named: Sequence[NamedImage], *, name: str, who: str, at: datetime
) -> str:
    """Puts a list on record; its lines are asked for by `tidegate.loops.wanted_images`.

    Args:
        database: the record.
        upstreams: bring the images.
        named: the images.
        name: of the list, for people.
        who: asks.
        at: now.

    Returns:
        Its id.
    """
    found = uuid4().hex
    lines = [resolve(upstreams, one) for one in named]
    with database.begin() as connection:
        connection.execute(insert(intake_list).values(id=found, at=rfc3339(at), who=who, name=name))
        rows = [{"list": found, "number": number, "asked": 0, **_plain(line)} for number, line in enumerate(lines, 1)]
        if rows:
            connection.execute(insert(intake_wanted), rows)
    return found


def import_report(database: Database, id_: str) -> ImportReport:
    """What became of a list so far.

    Raises:
        NotFoundError: there is no such list.
    """
    with database.read() as connection:
        head = connection.execute(select(intake_list).where(intake_list.c.id == id_)).mappings().first()
        if head is None:
            raise NotFoundError("no such import", where=id_[:64])
        query = select(intake_wanted).where(intake_wanted.c.list == id_).order_by(intake_wanted.c.number)
        lines = tuple(_line(connection, row) for row in connection.execute(query).all())
    return ImportReport(**head, lines=lines)


def recent_imports(database: Database, *, limit: int) -> list[dict[str, Any]]:
    """Lists on record, newest first, without their lines."""
    with database.read() as connection:
        query = select(intake_list).order_by(intake_list.c.at.desc(), intake_list.c.id).limit(limit)
        return [dict(row) for row in connection.execute(query).mappings()]


def _plain(line: Wanted) -> dict[str, Any]:
    return {name: getattr(line, name) for name in line.__struct_fields__}


def _line(connection: Connection, row: Any) -> Line:
    digest, progress, state, why = "", Progress.WAITING, "", ""
    if row.problem:
        progress, state, why = Progress.REFUSED, "not taken", row.problem
    elif row.asked:
        entry = find_entry(connection, Repository(row.repository), located(row.locator))
        if entry is None:
            progress, state, why = Progress.REFUSED, "forgotten", "it could not be had, longer than a week ago"
        else:
            digest, state, why = entry.digest, entry.outcome.value, entry.reason
            if entry.outcome is Outcome.ARRIVED:
                progress, state, why = _verdict(connection, Digest(entry.digest))
            elif entry.outcome in {Outcome.REFUSED, Outcome.ABSENT}:
                progress = Progress.REFUSED
            elif entry.outcome is Outcome.FAILED and row.asked >= MAX_TRIES:
                progress = Progress.FAILED
    return Line(
        number=row.number,
        written=row.written,
        source=row.source,
        repository=row.repository,
        locator=row.locator,
        digest=digest,
        progress=progress,
        state=state,
        why=why,
    )


def _verdict(connection: Connection, digest: Digest) -> tuple[Progress, str, str]:
    state = state_of(connection, digest)
    if state is None or state in UNDECIDED:
        return Progress.WAITING, state or "", ""
    if state in VENDED:
        return Progress.ADMITTED, state, ""
    query = (
        select(state_change.c.why).where(state_change.c.digest == digest).order_by(state_change.c.id.desc()).limit(1)
    )
    return Progress.REFUSED, state, str(connection.scalar(query) or "")[:_MAX_WHY_CHARS]
