# SPDX-License-Identifier: Apache-2.0
"""Joins components with advisories: `low <= key < high` in the component's own ecosystem and name, and says why.

One finding per advisory and component. Where two databases of one language ecosystem write about the same flaw, the
ecosystem's own stands and the other becomes an alias (`tidegate.knowledge.collapse`).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

import msgspec

from tidegate.evidence import Exploitation, Finding, FixState, Match, Severity
from tidegate.inventory import Component, Ecosystem, Version
from tidegate.knowledge.affected import words
from tidegate.knowledge.collapse import collapsed
from tidegate.knowledge.database import Knowledge
from tidegate.knowledge.publisher import publisher
from tidegate.knowledge.target import Target, match_target

__all__ = ["match", "match_target"]

_RANGES: Final = """
SELECT advisory, label, introduced, fixed, last, module, high, state FROM affected
WHERE ecosystem = ? AND name = ? AND high > ? AND low <= ?
"""
_LATER_FIXES: Final = """
SELECT fixed, module FROM affected
WHERE ecosystem = ? AND name = ? AND high > ? AND advisory = ? AND fixed <> '' ORDER BY high
"""
_ADVISORIES: Final = """
SELECT id, name, aliases, summary, published, severity, score, vector, rated_by, malicious, refs,
       exploited, exploited_added, exploited_due, ransomware, epss, epss_percentile
FROM advisory WHERE id IN ({})
"""


_AT_ONCE: Final = 500
_NAMES: Final = msgspec.json.Decoder(tuple[str, ...])


class _Hit(NamedTuple):
    """The rows of one advisory that a target lies in: the one with the lowest fix, and that fix."""

    advisory: int
    label: str
    affected: str
    fixed: Version | None
    state: FixState


class _Advisory(NamedTuple):
    id: str
    aliases: tuple[str, ...]
    summary: str
    published: str
    severity: Severity
    score: float | None
    vector: str
    rated_by: str
    malicious: bool
    references: tuple[str, ...]
    exploited: Exploitation | None
    epss: float | None
    epss_percentile: float | None


def match(knowledge: Knowledge, components: Sequence[Component]) -> list[Finding]:
    """Finds every advisory that affects a component.

    Components owned by a distribution's package, of an ecosystem the file does not cover, or with a version that
    cannot be ordered match nothing.

    Returns:
        Findings sorted by package URL, location, layer and id.

    Raises:
        InvalidInputError: the knowledge file is corrupt.
    """
    wanted = [(component, target) for component in components if (target := match_target(component)) is not None]
    hits = _hits(knowledge, {target for _, target in wanted})
    advisories = _advisories(knowledge, {hit.advisory for found in hits.values() for hit in found})
    findings: list[Finding] = []
    for component, target in wanted:
        found = (_finding(component, target, hit, advisories[hit.advisory]) for hit in hits.get(target, ()))
        findings += collapsed(target.ecosystem, found)
    return sorted(findings, key=lambda one: (one.purl, one.location, one.layer, one.id))


def _hits(knowledge: Knowledge, targets: Iterable[Target]) -> dict[Target, list[_Hit]]:
    asked: list[Target] = []
    arguments: list[tuple[object, ...]] = []
    for target in targets:
        ecosystem = knowledge.ecosystem_id(target.ecosystem)
        if ecosystem is not None:
            asked.append(target)
            arguments.append((ecosystem, target.name, target.key, target.key))
    hits: dict[Target, list[_Hit]] = {}
    for target, argument, rows in zip(asked, arguments, knowledge.rows_of_each(_RANGES, arguments), strict=True):
        fitting = [row for row in rows if _same_module(row[5], target.module)]
        if fitting:
            hits[target] = _per_advisory(knowledge, argument, target, fitting)
    return hits


def _per_advisory(
    knowledge: Knowledge, argument: tuple[object, ...], target: Target, rows: list[tuple[Any, ...]]
) -> list[_Hit]:
    grouped: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        grouped[row[0]].append(row)
    hits: list[_Hit] = []
    for advisory, found in grouped.items():
        # Rows with a fix first, the lowest fix before all; a listed single version is the poorest reason.
        _, label, introduced, fixed, last, _, _, said = min(
            found, key=lambda row: (not row[3], row[2] == row[4], row[6])
        )
        if not fixed:
            later = knowledge.rows(_LATER_FIXES, (*argument[:3], advisory))
            fix = next((version for version, module in later if _same_module(module, target.module)), None)
        else:
            fix = fixed
        state = FixState.FIXED if fix else FixState(said)
        hits.append(_Hit(advisory, label, words(introduced, fixed, last), fix, state))
    return hits


def _same_module(row: str, target: str) -> bool:
    """An advisory for builds of a module speaks of those builds alone, and of no other stream's."""
    if not row or not target:
        return row == target
    return "?" in {row, target} or row == target


def _advisories(knowledge: Knowledge, numbers: Iterable[int]) -> dict[int, _Advisory]:
    wanted = list(numbers)
    found: dict[int, _Advisory] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        rows = knowledge.rows(_ADVISORIES.format(",".join("?" * len(some))), some)
        found.update((number, _advisory(row)) for number, *row in rows)
    return found


def _advisory(row: list[Any]) -> _Advisory:
    name, aliases, summary, published, severity, score, vector, rated_by, malicious, references, *context = row
    cve, added, due, ransomware, epss, percentile = context
    exploited = None
    if cve:
        exploited = Exploitation(
            cve=cve, added=date.fromisoformat(added), due=date.fromisoformat(due), ransomware=bool(ransomware)
        )
    return _Advisory(
        name,
        _NAMES.decode(aliases),
        summary,
        published,
        Severity(severity),
        score,
        vector,
        rated_by,
        bool(malicious),
        _NAMES.decode(references),
        exploited,
        epss,
        percentile,
    )


def _finding(component: Component, target: Target, hit: _Hit, advisory: _Advisory) -> Finding:
    source = publisher(advisory.id)
    if advisory.rated_by:
        source = f"{source}; severity as rated by {advisory.rated_by}"
    return Finding(
        id=advisory.id,
        aliases=advisory.aliases,
        purl=component.purl,
        name=component.name,
        version=component.version,
        location=component.location,
        layer=component.layer,
        summary=advisory.summary,
        fixed_version=hit.fixed,
        severity=advisory.severity,
        score=advisory.score,
        vector=advisory.vector,
        why=Match(
            ecosystem=Ecosystem(hit.label),
            matched_name=target.name,
            matched_version=target.version,
            affected=hit.affected,
            source=source,
        ),
        exploited=advisory.exploited,
        epss=advisory.epss,
        epss_percentile=advisory.epss_percentile,
        malicious=advisory.malicious,
        published=advisory.published,
        references=advisory.references,
        fix_state=hit.state,
        scope=component.scope,
        basis=component.basis,
    )
