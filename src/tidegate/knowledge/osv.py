# SPDX-License-Identifier: Apache-2.0
"""Reads OSV records (OSV schema 1.7, and older) into advisories with affected ranges as keys.

Unknown fields are passed over. GIT ranges say nothing of versions and are left out. What cannot be ordered is counted.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.inventory import Ecosystem
from tidegate.knowledge.affected import Event, KeyRange, exact, outside, ranges_of
from tidegate.knowledge.fix_state import fix_state
from tidegate.knowledge.limits import KnowledgeLimits
from tidegate.knowledge.severity import MAX_SCORE, Rater, Rating, of_word
from tidegate.knowledge.target import BY_SOURCE, is_modular, lookup_ecosystem, lookup_name
from tidegate.knowledge.versions import ROSTER, InvalidVersionError, VersionOrder, family
from tidegate.knowledge.versions.remembering import RememberingOrder
from tidegate.values import Struct

_CVE: Final = re.compile(r"CVE-[0-9]{4}-[0-9]{4,}")
_MODULE: Final = re.compile(r"([A-Za-z0-9_.+-]+:[A-Za-z0-9_.+-]+)")
_LEADING_WORD: Final = re.compile(r"\s*([A-Za-z]+):")
_ID: Final = re.compile(r"[A-Za-z0-9_.:+-]{1,200}")
_MAX_SUMMARY: Final = 300
_MAX_REFERENCES: Final = 8
_MAX_URL: Final = 500
_MAX_NAME: Final = 500
_RPM_BY_RELATED: Final = frozenset(
    {"AlmaLinux", "Rocky Linux", "Red Hat", "SUSE", "openSUSE", "Azure Linux", "openEuler"}
)


class Row(NamedTuple):
    """One affected range of one package, as stored.

    Attributes:
        ecosystem: as looked up; `label` is as the record writes it.
        module: `name:stream` of the RPM module it is about, `?` when only that it is modular is known, "" for none.
        state: a `FixState`.
    """

    ecosystem: Ecosystem
    label: str
    name: str
    range: KeyRange
    module: str
    state: str


class Advisory(Struct, frozen=True, kw_only=True):
    """What is kept of one OSV record.

    Attributes:
        aliases: all other names of the flaw (of the flaws), CVEs first, each part sorted.
        rating: from this record alone.
        rows: affected ranges; of packages whose versions can be ordered.
        unordered: `ecosystem name: why` of what could not be ordered.
        abandoned: packages, by ecosystem and name, it says nobody maintains any more (RustSec's `informational`).
    """

    id: str
    modified: str
    published: str
    withdrawn: bool
    aliases: tuple[str, ...]
    summary: str
    rating: Rating
    malicious: bool
    references: tuple[str, ...]
    rows: tuple[Row, ...]
    unordered: tuple[str, ...]
    abandoned: tuple[tuple[Ecosystem, str], ...] = ()

    @property
    def cves(self) -> tuple[str, ...]:
        """The CVEs it is about: of its own id and its aliases."""
        return cves_of((self.id, *self.aliases))


def cves_of(names: Sequence[str]) -> tuple[str, ...]:
    """Returns those names that are CVE ids, in order, once each."""
    return tuple(dict.fromkeys(name for name in names if _CVE.fullmatch(name)))


class OsvReader:
    """Reads one record after another; keeps nothing but scored vectors."""

    def __init__(self, limits: KnowledgeLimits) -> None:
        self._limits = limits
        self._decoder = msgspec.json.Decoder(_Record)
        self._rater = Rater()
        self._orders = {family: RememberingOrder(order) for family, order in ROSTER.items()}

    def read(self, data: bytes, *, where: str) -> Advisory:
        """Reads one JSON document.

        Raises:
            InvalidInputError: it is not JSON or not an OSV record.
            BoundExceededError: it has more ranges or aliases than the limits allow.
        """
        try:
            record = self._decoder.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidInputError(f"not an OSV record: {error}", where=where) from error
        if not _ID.fullmatch(record.id):
            raise InvalidInputError("not an OSV record: its id is not one", where=where)
        self._check(record, where)
        rows, unordered = _rows(record, self._orders)
        summary = " ".join((record.summary or record.details or "").split())
        return Advisory(
            id=record.id,
            modified=record.modified,
            published=record.published or "",
            withdrawn=bool(record.withdrawn),
            aliases=_aliases(record),
            summary=summary if len(summary) <= _MAX_SUMMARY else summary[: _MAX_SUMMARY - 1] + "…",
            rating=self._rating(record),
            malicious=any(name.startswith("MAL-") for name in (record.id, *(record.aliases or ()))),
            references=tuple(
                one.url for one in (record.references or ())[:_MAX_REFERENCES] if len(one.url) <= _MAX_URL
            ),
            rows=tuple(dict.fromkeys(rows)),
            unordered=tuple(unordered),
            abandoned=tuple(_abandoned(record)),
        )

    def _check(self, record: "_Record", where: str) -> None:
        rows = sum(
            len(one.versions or ()) + sum(len(each.events or ()) for each in one.ranges or ())
            for one in record.affected or ()
        )
        if rows > self._limits.max_rows_per_advisory:
            raise BoundExceededError("max_rows_per_advisory", self._limits.max_rows_per_advisory, where=where)
        if any(
            len(names or ()) > self._limits.max_aliases for names in (record.aliases, record.upstream, record.related)
        ):
            raise BoundExceededError("max_aliases", self._limits.max_aliases, where=where)

    def _rating(self, record: "_Record") -> Rating:
        severities = [(one.type, one.score) for one in record.severity or ()]
        if not severities:
            severities = [(one.type, one.score) for each in record.affected or () for one in each.severity or ()]
        return self._rater.rate(severities, _severity_words(record), _scores(record))


class _Reference(msgspec.Struct):
    url: str = ""


class _Severity(msgspec.Struct):
    type: str = ""
    score: str = ""


class _Event(msgspec.Struct):
    introduced: str | None = None
    fixed: str | None = None
    last_affected: str | None = None
    limit: str | None = None


class _Range(msgspec.Struct):
    type: str = ""
    events: list[_Event] | None = None


class _Package(msgspec.Struct):
    ecosystem: str = ""
    name: str = ""


class _Specific(msgspec.Struct):
    """Words of one source about one package; whatever else stands there is passed over."""

    severity: Any = None
    priority: Any = None
    urgency: Any = None
    status: Any = None
    state: Any = None
    fix_state: Any = None
    resolution: Any = None
    nodsa: Any = None
    nodsa_reason: Any = None
    informational: Any = None


class _Affected(msgspec.Struct):
    package: _Package | None = None
    ranges: list[_Range] | None = None
    versions: list[str] | None = None
    severity: list[_Severity] | None = None
    ecosystem_specific: _Specific | None = None
    database_specific: _Specific | None = None


class _Record(msgspec.Struct):
    id: str
    modified: str = ""
    published: str | None = None
    withdrawn: str | None = None
    aliases: list[str] | None = None
    upstream: list[str] | None = None
    related: list[str] | None = None
    summary: str | None = None
    details: str | None = None
    severity: list[_Severity] | None = None
    affected: list[_Affected] | None = None
    references: list[_Reference] | None = None
    database_specific: Any = None


def _rows(record: _Record, orders: Mapping[str, VersionOrder]) -> tuple[list[Row], list[str]]:
    rows: list[Row] = []
    unordered: list[str] = []
    for affected in record.affected or ():
        package = affected.package
        if package is None or not package.name or max(len(package.name), len(package.ecosystem)) > _MAX_NAME:
            continue
        order = orders.get(family(package.ecosystem))
        if order is None:
            unordered.append(f"{family(package.ecosystem)}: no order")
            continue
        ecosystem = lookup_ecosystem(package.ecosystem)
        name = lookup_name(ecosystem, package.name)
        for one in _ranges(affected, order, unordered, f"{package.ecosystem} {package.name}"):
            module = _module(record, one) if order.name == "rpm" else ""
            state = fix_state(one, _state_words(affected))
            rows.append(Row(ecosystem, package.ecosystem, name, one, module, state.value))
    return rows, unordered


def _ranges(affected: _Affected, order: VersionOrder, unordered: list[str], what: str) -> Iterator[KeyRange]:
    found: list[KeyRange] = []
    for one in affected.ranges or ():
        if one.type == "GIT":
            continue
        try:
            found += ranges_of(list(_events(one)), order)
        except InvalidVersionError as error:
            unordered.append(f"{what}: {error}")
    yield from found
    for version in affected.versions or ():
        try:
            listed = exact(version, order)
        except InvalidVersionError as error:
            unordered.append(f"{what}: {error}")
            continue
        if outside(found, listed):
            yield listed


def _abandoned(record: _Record) -> Iterator[tuple[Ecosystem, str]]:
    for one in record.affected or ():
        package, said = one.package, one.database_specific
        if package is None or said is None or said.informational != "unmaintained":
            continue
        if not any(event.fixed for each in one.ranges or () for event in each.events or ()):
            yield lookup_ecosystem(package.ecosystem), package.name


def _state_words(affected: _Affected) -> Iterator[str]:
    for said in (affected.ecosystem_specific, affected.database_specific):
        if said is not None:
            words = (said.urgency, said.status, said.state, said.fix_state, said.resolution, said.nodsa_reason)
            yield from (word for word in words if isinstance(word, str))
            if said.nodsa:
                yield "no-dsa"


def _events(one: _Range) -> Iterator[Event]:
    for event in one.events or ():
        if event.introduced is not None:
            yield Event("introduced", event.introduced)
        if event.fixed is not None:
            yield Event("fixed", event.fixed)
        if event.last_affected is not None:
            yield Event("last_affected", event.last_affected)
        if event.limit is not None:
            yield Event("limit", event.limit)


def _module(record: _Record, one: KeyRange) -> str:
    if not is_modular(one.fixed or one.last):
        return ""
    stated = _MODULE.search(record.summary or "")
    return stated[1] if stated else "?"


def _aliases(record: _Record) -> tuple[str, ...]:
    names = {*(record.aliases or ()), *(record.upstream or ())}
    if not names and _of_distribution(record):
        names = {name for name in record.related or () if _CVE.fullmatch(name)}
    names.discard(record.id)
    return tuple(
        sorted((name for name in names if _ID.fullmatch(name)), key=lambda name: (not _CVE.fullmatch(name), name))
    )


def _of_distribution(record: _Record) -> bool:
    families = {family(one.package.ecosystem) for one in record.affected or () if one.package}
    return bool(families) and families <= (_RPM_BY_RELATED | BY_SOURCE)


def _severity_words(record: _Record) -> Iterator[str]:
    """Words for how bad it is: the record's own, then the worst of those said of a package, then the summary's."""
    specific = record.database_specific
    if isinstance(specific, dict) and isinstance(specific.get("severity"), str):
        yield specific["severity"]
    said = [one for it in record.affected or () for one in (it.ecosystem_specific, it.database_specific) if one]
    words = [word for one in said for word in (one.severity, one.priority, one.urgency) if isinstance(word, str)]
    yield from sorted(words, key=lambda word: -of_word(word).severity.rank)
    if (leading := _LEADING_WORD.match(record.summary or "")) and _of_distribution(record):
        yield leading[1]


def _scores(record: _Record) -> Iterator[tuple[int, float]]:
    """Base scores without their vectors, with the generation of CVSS, as ruby-advisory-db keeps them."""
    specific = record.database_specific
    for generation in (4, 3, 2):
        score = specific.get(f"cvss_v{generation}") if isinstance(specific, dict) else None
        if isinstance(score, int | float) and not isinstance(score, bool) and 0 <= score <= MAX_SCORE:
            yield generation, float(score)
