# SPDX-License-Identifier: Apache-2.0
"""One flaw, two databases: one finding.

Language ecosystems have an advisory database of their own and GitHub's beside it. Where both write about the same flaw
of the same component, the ecosystem's own stands, and the other's id becomes one of its aliases. Two advisories of one
database are never merged: it had a reason to write two.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from tidegate.evidence import Finding
from tidegate.values import replace

PRECEDENCE: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "Go": ("GO-", "GHSA-"),
        "Hex": ("EEF-", "GHSA-"),
        "PyPI": ("PYSEC-", "GHSA-"),
        "crates.io": ("RUSTSEC-", "GHSA-"),
    }
)
"""By ecosystem, prefixes of ids from the database that stands to the one that gives way."""


def collapsed(ecosystem: str, findings: Iterable[Finding]) -> list[Finding]:
    """Merges findings of one component that are about one flaw.

    The one that stands takes over what it lacks: the aliases, a fix, a rating.
    """
    kept = sorted(findings, key=lambda one: one.id)
    own, other = PRECEDENCE.get(ecosystem, ("", ""))
    if not own or len(kept) < 2:  # noqa: PLR2004 - nothing to merge
        return kept
    standing = [one for one in kept if one.id.startswith(own)]
    for weaker in [one for one in kept if one.id.startswith(other)]:
        at = next((index for index, one in enumerate(standing) if _same_flaw(one, weaker)), None)
        if at is None:
            continue
        before = standing[at]
        standing[at] = _merged(before, weaker)
        kept = [standing[at] if one is before else one for one in kept if one is not weaker]
    return kept


def _same_flaw(one: Finding, other: Finding) -> bool:
    """True when they name each other, or all CVEs of the other are of the one too."""
    if one.id in other.aliases or other.id in one.aliases:
        return True
    cves = {alias for alias in other.aliases if alias.startswith("CVE-")}
    return bool(cves) and cves.issubset(one.aliases)


def _merged(standing: Finding, weaker: Finding) -> Finding:
    names = {*standing.aliases, *weaker.aliases, weaker.id} - {standing.id}
    rated = standing if standing.severity.rank or standing.score is not None else weaker
    return replace(
        standing,
        aliases=tuple(sorted(names, key=lambda name: (not name.startswith("CVE-"), name))),
        fixed_version=standing.fixed_version or weaker.fixed_version,
        fix_state=standing.fix_state if standing.fixed_version or not weaker.fixed_version else weaker.fix_state,
        malicious=standing.malicious or weaker.malicious,
        severity=rated.severity,
        score=rated.score,
        vector=rated.vector,
        exploited=standing.exploited or weaker.exploited,
        epss=max((one.epss for one in (standing, weaker) if one.epss is not None), default=None),
        epss_percentile=max(
            (one.epss_percentile for one in (standing, weaker) if one.epss_percentile is not None), default=None
        ),
    )
