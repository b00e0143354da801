# SPDX-License-Identifier: Apache-2.0
"""What rules see of each finding, component, file and so on of a scan: the fields' values, and what it is called.

`tidegate.policy.fields` says which fields there are; a test compares. CEL takes exact strings only: `str` undoes a
Digest that did not come from JSON.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from operator import attrgetter
from typing import Any, Final, Generic, TypeVar

from tidegate.evidence import Severity, Urgency
from tidegate.policy import scan_form as form
from tidegate.policy.item import Item, Members

NO_END_DAYS: Final = 100_000
"""Days to or from something that has no date."""

_SETUID_OR_SETGID: Final = 0o6000
_SEVERITIES: Final = {severity: severity.rank for severity in Severity}
_URGENCIES: Final = {urgency: urgency.rank for urgency in Urgency}
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape(Generic[_T]):
    """How members of one collection are shown: every field's value, and the member's name."""

    fields: Mapping[str, Callable[[_T], object]]
    item: Callable[[_T], Item]

    def members(self, found: Sequence[_T]) -> Members:
        """Some members, shown when somebody asks."""

        def values(names: Collection[str]) -> list[dict[str, object]]:
            known = [name for name in names if name in self.fields]
            columns = [map(self.fields[name], found) for name in known]
            keys = (*known, "index")
            return [dict(zip(keys, row, strict=True)) for row in zip(*columns, range(len(found)), strict=True)]

        return Members(values=values, item=lambda index: self.item(found[index]))


def _same(*names: str) -> dict[str, Callable[[Any], object]]:
    return {name: attrgetter(name) for name in names}


def _severity() -> dict[str, Callable[[Any], object]]:
    return {"severity": lambda it: it.severity.value, "severity_rank": lambda it: _SEVERITIES[it.severity]}


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""


def _of_package(it: form.Finding) -> Item:
    names = frozenset((it.id, *it.aliases))
    return Item(shown=f"{it.id} {it.purl}", names=names, purl=it.purl, package=it.name)


FINDINGS: Final[Shape[form.Finding]] = Shape(
    fields={
        **_same("id", "aliases", "purl", "name", "version", "location", "summary", "vector", "malicious", "published"),
        **_same("references", "fix_state", "scope", "basis", "part"),
        **_severity(),
        "layer": lambda it: str(it.layer),
        "has_score": lambda it: it.score is not None,
        "score": lambda it: float(it.score or 0),
        "fixable": lambda it: bool(it.fixed_version),
        "fixed_version": lambda it: it.fixed_version or "",
        "exploited": lambda it: it.exploited is not None,
        "ransomware": lambda it: it.exploited is not None and it.exploited.ransomware,
        "exploited_due": lambda it: it.exploited.due if it.exploited else "",
        "has_epss": lambda it: it.epss is not None,
        "epss": lambda it: float(it.epss or 0),
        "epss_percentile": lambda it: float(it.epss_percentile or 0),
        "ecosystem": lambda it: it.why.ecosystem,
        "affected": lambda it: it.why.affected,
        "source": lambda it: it.why.source,
        "matched_name": lambda it: it.why.matched_name or it.name,
        "matched_version": lambda it: it.why.matched_version or it.version,
        "has_priority": lambda it: it.priority is not None,
        "priority": lambda it: float(it.priority.score) if it.priority else 0.0,
        "urgency": lambda it: it.priority.urgency.value if it.priority else "",
        "urgency_rank": lambda it: _URGENCIES[it.priority.urgency] if it.priority else 0,
    },
    item=_of_package,
)

COMPONENTS: Final[Shape[form.Component]] = Shape(
    fields={
        **_same("kind", "name", "version", "purl", "ecosystem", "location", "cataloger", "source_name"),
        **_same("source_version", "architecture", "licenses", "license", "license_class", "scope", "basis"),
        **_same("checksums", "deprecated", "supplier"),
        "layer": lambda it: str(it.layer),
        "owned": lambda it: it.owner is not None,
        "owner": lambda it: it.owner or "",
    },
    item=lambda it: Item(shown=it.purl, names=frozenset({it.purl}), purl=it.purl, package=it.name),
)


def _of_secret(it: form.Secret) -> Item:
    secret = it.secret
    names = frozenset((secret.rule, secret.path, secret.fingerprint))
    return Item(shown=f"{secret.rule} {secret.path}:{secret.line}", names=names)


_OF_SECRETS: Final = (
    "rule",
    "path",
    "line",
    "redacted",
    "fingerprint",
    "place",
    "commit",
    "author",
    "decoded",
    "allowed",
)

SECRETS: Final[Shape[form.Secret]] = Shape(
    fields={
        **{name: attrgetter(f"secret.{name}") for name in _OF_SECRETS},
        "layer": lambda it: str(it.layer),
        "deleted": lambda it: it.deleted,
    },
    item=_of_secret,
)


def support(today: date) -> Shape[form.Support]:
    """How support is shown at a day."""

    def left(it: form.Support) -> int:
        return (it.ends - today).days if it.ends else NO_END_DAYS

    def item(it: form.Support) -> Item:
        shown = f"{it.product} {it.cycle}"
        return Item(shown=shown, names=frozenset(filter(None, (shown, it.product, it.purl))), purl=it.purl)

    return Shape(
        fields={
            "name": lambda it: it.product,
            **_same("cycle", "latest", "subject", "purl"),
            "has_end": lambda it: it.ends is not None,
            "ends": lambda it: _day(it.ends),
            "ended": lambda it: it.ended or left(it) < 0,
            "days_left": left,
            "has_last_fix": lambda it: it.last_fix is not None,
            "last_fix": lambda it: _day(it.last_fix),
            "days_since_fix": lambda it: (today - it.last_fix).days if it.last_fix else NO_END_DAYS,
            "has_fixes_per_year": lambda it: it.fixes_per_year is not None,
            "fixes_per_year": lambda it: it.fixes_per_year or 0,
        },
        item=item,
    )


OUTCOMES: Final[Shape[form.Outcome]] = Shape(
    fields=_same("plugin", "status", "location", "reason"),
    item=lambda it: Item(shown=f"{it.plugin} {it.location}", names=frozenset((it.plugin, it.location))),
)

MISCONFIGURATIONS: Final[Shape[form.Misconfiguration]] = Shape(
    fields={
        **_same("id", "title", "reason", "fix", "references", "subject", "location", "line"),
        **_severity(),
    },
    item=lambda it: Item(shown=f"{it.id} {it.location}".strip(), names=frozenset(filter(None, (it.id, it.location)))),
)

NOTICES: Final[Shape[form.Notice]] = Shape(
    fields=_same("kind", "purl", "location", "reason"),
    item=lambda it: Item(shown=f"{it.kind} {it.purl}", names=frozenset({it.purl}), purl=it.purl),
)

IDLE: Final[Shape[form.IdleWord]] = Shape(
    fields={
        **{name: attrgetter(f"word.{name}") for name in ("id", "said_in", "source", "status", "reason")},
        **_same("why", "detail"),
        "has_expiry": lambda it: it.word.expires is not None,
        "expires": lambda it: _day(it.word.expires),
    },
    item=lambda it: Item(shown=f"{it.word.id} {it.word.source}", names=frozenset({it.word.id, it.word.source})),
)

ADVICE: Final[Shape[form.Advice]] = Shape(
    fields={
        **_same("kind", "subject", "to", "unknown"),
        "removes": lambda it: len(it.removes),
        "adds": lambda it: len(it.adds),
    },
    item=lambda it: Item(shown=f"{it.subject} {it.to}", names=frozenset({it.subject})),
)

SHARES: Final[Shape[form.Share]] = Shape(
    fields=_same("origin", "files", "bytes", "executables"),
    item=lambda it: Item(shown=it.origin, names=frozenset({it.origin})),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFile:
    """A file of custody and the list it stands in: `modified`, `missing`, `unexplained`, `in-house`."""

    listed: str
    file: form.File


FILES: Final[Shape[ListedFile]] = Shape(
    fields={
        "listed": lambda it: it.listed,
        **{name: attrgetter(f"file.{name}") for name in ("path", "origin", "integrity", "size", "mode", "nature")},
        "executable": lambda it: it.file.nature != "data" and bool(it.file.mode & 0o111),
        "setuid": lambda it: bool(it.file.mode & _SETUID_OR_SETGID),
        "configuration": lambda it: it.file.is_configuration,
        "package": lambda it: it.file.package or "",
        "layer": lambda it: str(it.file.layer or ""),
        "digest": lambda it: str(it.file.digest or ""),
    },
    item=lambda it: Item(shown=it.file.path, names=frozenset({it.file.path}), purl=it.file.package or ""),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Silenced:
    """Something that counts no longer, and the word that silenced it.

    Attributes:
        what: `finding`, `secret`, `misconfiguration`.
        severity: UNKNOWN of a secret.
    """

    what: str
    id: str
    item: Item
    severity: Severity
    exploited: bool
    by: form.Word


def suppressed(today: date) -> Shape[Silenced]:
    """How what was silenced is shown at a day."""
    return Shape(
        fields={
            **_same("what", "id", "exploited"),
            "purl": lambda it: it.item.purl,
            **_severity(),
            **{name: attrgetter(f"by.{name}") for name in ("said_in", "source", "status", "reason")},
            "has_expiry": lambda it: it.by.expires is not None,
            "expires": lambda it: _day(it.by.expires),
            "days_left": lambda it: (it.by.expires - today).days if it.by.expires else NO_END_DAYS,
        },
        item=lambda it: it.item,
    )


def silenced(report: form.Report) -> list[Silenced]:
    """All that was silenced in a report."""
    findings = [
        Silenced(
            what="finding",
            id=it.finding.id,
            item=FINDINGS.item(it.finding),
            severity=it.finding.severity,
            exploited=it.finding.exploited is not None,
            by=it.by,
        )
        for it in report.suppressed
    ]
    secrets = [
        Silenced(
            what="secret",
            id=it.secret.secret.rule,
            item=SECRETS.item(it.secret),
            severity=Severity.UNKNOWN,
            exploited=False,
            by=it.by,
        )
        for it in report.suppressed_secrets
    ]
    checks = [
        Silenced(
            what="misconfiguration",
            id=it.misconfiguration.id,
            item=MISCONFIGURATIONS.item(it.misconfiguration),
            severity=it.misconfiguration.severity,
            exploited=False,
            by=it.by,
        )
        for it in report.suppressed_misconfigurations
    ]
    return [*findings, *secrets, *checks]
