# SPDX-License-Identifier: Apache-2.0
"""Everything a report found wrong in one order: what is new first, then by how much it matters.

Findings bring their priority. A secret in a file is weighed like a flaw that is exploited: whoever reads the file has
it. What a check objects to counts by its severity, a little below a flaw of the same severity that a network reaches.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from tidegate.development.folder.bumping import bump_command, is_other_major
from tidegate.development.folder.concern import Concern
from tidegate.evidence import Finding, Misconfiguration, ScanReport, Severity
from tidegate.evidence.flaw import by_flaw, known_id
from tidegate.evidence.identity import identity_of
from tidegate.evidence.recommended import recommended_versions
from tidegate.inventory import LocatedSecret, PackageUrl
from tidegate.values import Struct, replace

SECRET_SCORE: Final = 75.0
SECRET_IN_HISTORY_SCORE: Final = 60.0
SECRET_SEVERITY: Final = Severity.HIGH
"""As in SARIF: nobody can tell what it opens."""
_SCORES: Final[Mapping[Severity, float]] = {
    Severity.CRITICAL: 70.0,
    Severity.HIGH: 48.0,
    Severity.MEDIUM: 28.0,
    Severity.LOW: 9.0,
}
_NAMED_BY_COMMENT: Final = frozenset({"dockerfile", "compose", "kubernetes", "twelve-factor"})
"""Checks whose files have comments that are heeded."""


class Known(Struct, frozen=True):
    """Which of the things in a report are new."""

    new: Mapping[str, int] | None

    @classmethod
    def of(cls, report: ScanReport) -> "Known":
        """From what it was held against; nothing is known of before when it was held against nothing."""
        return cls(Counter(report.baseline.new) if report.baseline else None)

    def is_new(self, one: Finding | LocatedSecret | Misconfiguration) -> bool:
        """True for what was not there before."""
        return self.new is None or identity_of(one) in self.new


def ranked(report: ScanReport) -> tuple[Concern, ...]:
    """All that counts in a report, what is new first, each by how much it matters; equal reports, equal order."""
    known = Known.of(report)
    found = [*_dependencies(report, known), *_secrets(report, known)]
    found += [_of_check(one, known) for one in report.misconfigurations]
    return tuple(sorted(found, key=lambda one: (not one.is_new, -one.score, one.kind, one.place, one.ids)))


def _dependencies(report: ScanReport, known: Known) -> Iterator[Concern]:
    """What one upgrade mends in one file is one concern."""
    versions = recommended_versions(report)
    groups: dict[tuple[str, str, str, bool], list[Finding]] = {}
    for flaw in by_flaw(report.findings):
        for one in {finding.location: finding for finding in reversed(flaw)}.values():
            key = (one.name, one.version, one.location, known.is_new(one))
            groups.setdefault(key, []).append(one)
    for (name, version, _, is_new), group in groups.items():
        group.sort(key=lambda one: -_score(one))
        worst = max(group, key=lambda one: one.severity.rank)
        first = group[0]
        yield Concern(
            kind="dependency",
            ids=tuple(dict.fromkeys(map(known_id, group))),
            title=f"{name} {version}",
            severity=worst.severity,
            score=_score(first),
            place=f"{first.location}:{first.line}" if first.line else first.location,
            why=_why(group),
            fix=_fix(group, versions),
            accept=f"{known_id(first)} with a reason and expired_at under vulnerabilities in .trivyignore.yaml",
            is_new=is_new,
        )


def _why(group: list[Finding]) -> str:
    first = group[0]
    words = [first.summary or known_id(first)]
    if len(group) > 1:
        words[0] += f", and {len(group) - 1} more"
    if any(one.malicious for one in group):
        words.insert(0, "a package made to do harm")
    elif any(one.exploited for one in group):
        words.insert(0, "known to be exploited")
    if first.relation == "direct":
        words.append("you ask for it yourself")
    elif first.brought_by:
        words.append(f"brought by {' > '.join(first.brought_by)}")
    if first.scope != "runtime":
        words.append(f"{first.scope} only")
    return "; ".join(words)


def _fix(group: list[Finding], versions: Mapping[PackageUrl, str]) -> str:
    if any(one.malicious for one in group):
        return "remove it, and change every secret it could read"
    fixed = sum(one.fixed_version is not None for one in group)
    to = next((versions[one.purl] for one in group if one.purl in versions), "")
    to = to or next((str(one.fixed_version) for one in group if one.fixed_version is not None), "")
    if not to:
        return "nobody has published a fix: replace it, or see that the flaw cannot be reached"
    of = "" if fixed == len(group) else f", which mends {fixed} of {len(group)}"
    through = f", by a newer {group[0].brought_by[0]}" if group[0].brought_by else ""
    first = group[0]
    command = bump_command(
        first.location, name=first.name, version=first.version, to=to, is_direct=first.relation == "direct"
    )
    major = " (another major version: read what changed)" if is_other_major(first.version, to) else ""
    return f"upgrade to {to}{major}{of}{through}" + (f": {command}" if command else "")


def _secrets(report: ScanReport, known: Known) -> Iterator[Concern]:
    for located in report.secrets:
        secret = located.secret
        is_past = bool(secret.commit)
        where = f" in commit {secret.commit[:12]} by {secret.author}" if is_past else ""
        yield Concern(
            kind="secret",
            ids=(secret.rule,),
            title=f"Secret: {secret.rule}",
            severity=SECRET_SEVERITY,
            score=SECRET_IN_HISTORY_SCORE if is_past else SECRET_SCORE,
            place=f"{secret.path}:{secret.line}",
            why=f"{secret.redacted}{where}: whoever can read the repository has it",
            fix=(
                "revoke it; taking it out of the history helps only then"
                if is_past
                else "revoke it, and read it from the environment or a mounted file"
            ),
            accept=f"tidegate:allow in a comment on that line, or {secret.fingerprint} in .gitleaksignore",
            is_new=known.is_new(located),
        )


def _of_check(one: Misconfiguration, known: Known) -> Concern:
    line = f":{one.line}" if one.line else ""
    comment = f"# tidegate:ignore={one.id} REASON exp:YYYY-MM-DD above that line"
    elsewhere = f"{one.id} with a reason and expired_at under misconfigurations in .trivyignore.yaml"
    return Concern(
        kind=one.subject,
        ids=(one.id,),
        title=one.title,
        severity=one.severity,
        score=_SCORES.get(one.severity, 0.0),
        place=f"{one.location}{line} {one.part}".rstrip(),
        why=one.reason,
        fix=one.fix,
        accept=comment if one.subject in _NAMED_BY_COMMENT and one.line else elsewhere,
        references=one.references,
        is_new=known.is_new(one),
    )


def _score(finding: Finding) -> float:
    return finding.priority.score if finding.priority else 0.0


def counting(report: ScanReport, *, everything: bool) -> ScanReport:
    """A report with only what counts for a threshold: what is new, unless everything is asked for."""
    if everything or report.baseline is None:
        return report
    return only(report, frozenset(report.baseline.new))


def only(report: ScanReport, identities: Collection[str]) -> ScanReport:
    """A report with only what bears one of some identities."""
    return replace(
        report,
        findings=tuple(one for one in report.findings if identity_of(one) in identities),
        secrets=tuple(one for one in report.secrets if identity_of(one) in identities),
        misconfigurations=tuple(one for one in report.misconfigurations if identity_of(one) in identities),
    )
