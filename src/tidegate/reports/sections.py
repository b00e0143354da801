# SPDX-License-Identifier: Apache-2.0
"""A scan report as sections of rows of words: what forms for people show, each in its own dress."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tidegate.evidence import Finding, ScanReport, Severity
from tidegate.evidence.flaw import by_flaw, flaws_of, known_id
from tidegate.inventory import LocatedSecret
from tidegate.reports.order import fix_of, marks_of, one_line, worst_first
from tidegate.values import Struct

_SHARES: Final = "{files} files, {size}, {executables} executable"


class Section(Struct, frozen=True, kw_only=True):
    """One section.

    Attributes:
        name: a word for programs.
        title: for people.
        columns: headings.
        rows: as many cells each as there are columns; every cell on one line.
        remark: what to know of it; "" for nothing.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    remark: str = ""


def sections_of(report: ScanReport, *, each_flaw_once: bool = False) -> tuple[Section, ...]:
    """All sections that have something to tell, findings first.

    Args:
        report: the whole.
        each_flaw_once: one row for all packages and places that share a flaw, for people who read all of it.
    """
    made = (
        _findings(report, each_flaw_once=each_flaw_once),
        _secrets(report),
        _misconfigurations(report),
        _advice(report),
        _support(report),
        _notices(report),
        _custody(report),
        _files(report),
        _suppressed(report),
        _idle(report),
        _outcomes(report),
    )
    return tuple(section for section in made if section.rows)


def headline(report: ScanReport) -> tuple[tuple[str, str], ...]:
    """What the report is about, as (name, words)."""
    artifact, system, base = report.artifact, report.artifact.os_release, report.base
    if checks_alone(report):
        checked = (("Checked", artifact.name), ("Documents", str(len(report.documents))))
        return tuple((name, one_line(words)) for name, words in checked)
    told = [
        ("Image", artifact.name),
        ("Digest", artifact.digest),
        ("Platform", str(artifact.platform or "")),
        ("System", (system.pretty_name or f"{system.id} {system.version_id}") if system else ""),
        ("Base", base_words(report) if base else ""),
        ("Layers", str(len(artifact.layers))),
        ("Components", str(len(report.components))),
        ("Runs as", _user(report)),
        ("Knowledge", f"of {report.knowledge.made_at:%Y-%m-%d %H:%M} UTC" if report.knowledge else "none"),
        ("Judged for", str(report.at or "")),
        ("Heeded", ", ".join(report.heeded)),
    ]
    return tuple((name, one_line(words)) for name, words in told if words)


def checks_alone(report: ScanReport) -> bool:
    """True when only checks were asked, or nothing else was there to be found."""
    return bool(report.documents) and not report.components and not report.secrets


def warnings_of(report: ScanReport) -> tuple[str, ...]:
    """What keeps the report from proving as much as it seems to."""
    told = []
    if report.knowledge is None and not checks_alone(report):
        told.append("There was no knowledge of vulnerabilities: what is wrong with it is not known.")
    elif report.unmatched:
        told.append(f"Nothing is known of {', '.join(report.unmatched)}: silence there proves nothing.")
    if report.passed_over:
        told.append(f"Passed over as was wished, so silence there proves nothing: {', '.join(report.passed_over)}.")
    if report.outcomes:
        told.append(f"Not all could be read as it should be ({len(report.outcomes)}).")
    return tuple(one_line(words) for words in told)


def base_words(report: ScanReport) -> str:
    """The base image in a few words; "" when it is not known."""
    base = report.base
    if base is None:
        return ""
    name = base.name or base.part_of or str(base.digest or "") or "known by its layers"
    return f"{name} ({base.layers} of {len(report.artifact.layers)} layers, by {base.known_by})"


def severity_counts(report: ScanReport) -> tuple[tuple[Severity, int], ...]:
    """How many flaws there are of each severity, worst first, without those of none."""
    counts = dict.fromkeys(reversed(Severity), 0)
    for finding in flaws_of(worst_first(report.findings)):
        counts[finding.severity] += 1
    return tuple((severity, count) for severity, count in counts.items() if count)


def bytes_in_words(size: int) -> str:
    """A size as people say it, in units of 1000."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:  # noqa: PLR2004 - the step between units
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def _rows(*rows: tuple[object, ...]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(one_line(cell) for cell in row) for row in rows)


def _user(report: ScanReport) -> str:
    configuration = report.configuration
    if configuration is None:
        return ""
    return "root" if configuration.runs_as_root else configuration.user


def _findings(report: ScanReport, *, each_flaw_once: bool) -> Section:
    ordered = worst_first(report.findings)
    groups = by_flaw(ordered) if each_flaw_once else tuple((one,) for one in ordered)
    return Section(
        name="findings",
        title="Findings",
        columns=(
            "Urgency",
            "Severity",
            "Score",
            "Id",
            "Package",
            "Version",
            "Fix",
            "Location",
            "Layer",
            "Why",
            "About",
        ),
        rows=_rows(
            *(
                (
                    f"{one.priority.urgency} ({one.priority.score:.0f})" if one.priority else "",
                    one.severity,
                    "" if one.score is None else f"{one.score:.1f}",
                    known_id(one),
                    package_of(group),
                    one.version,
                    fix_of(one),
                    place_of(group),
                    one.layer.short,
                    "; ".join(marks_of(one)),
                    one.summary,
                )
                for one, group in ((group[0], group) for group in groups)
            )
        ),
    )


def package_of(group: Sequence[Finding]) -> str:
    """The package that a flaw is in, or the source that several were built from."""
    return group[0].name if len({one.name for one in group}) == 1 else group[0].why.matched_name


def place_of(group: Sequence[Finding]) -> str:
    """Where a flaw lies: the first place, and how many more there are."""
    more = len({one.location for one in group}) - 1
    return group[0].location + (f" and {more} {'place' if more == 1 else 'places'} more" if more else "")


def _secrets(report: ScanReport) -> Section:
    return Section(
        name="secrets",
        title="Secrets",
        columns=("Kind", "Place", "Line", "Layer", "Begins", "Remark"),
        rows=_rows(*(secret_row(one) for one in report.secrets)),
    )


def secret_row(one: LocatedSecret) -> tuple[object, ...]:
    """A secret's cells: kind, place, line, layer, what it begins with, and a remark."""
    secret = one.secret
    remarks = [
        "deleted later, still in the layer" if one.deleted else "",
        f"in {secret.place}" if secret.place != "file" else "",
        f"commit {secret.commit}" if secret.commit else "",
        f"inside {' in '.join(secret.decoded)}" if secret.decoded else "",
        f"of {_short(one.package)}" if one.package else "",
    ]
    return secret.rule, secret.path, secret.line, one.layer.short, secret.redacted, "; ".join(filter(None, remarks))


def _misconfigurations(report: ScanReport) -> Section:
    return Section(
        name="misconfigurations",
        title="Configuration",
        columns=("Severity", "Id", "Subject", "Place", "Wrong", "Fix", "See"),
        rows=_rows(
            *(
                (
                    one.severity,
                    one.id,
                    one.subject,
                    f"{one.location}:{one.line}" if one.line else one.location,
                    f"{one.title}: {one.reason}",
                    one.fix,
                    "; ".join(one.references),
                )
                for one in sorted(report.misconfigurations, key=lambda one: (-one.severity.rank, one.id, one.location))
            )
        ),
    )


def _advice(report: ScanReport) -> Section:
    # What would come is of other packages: only what would go has a finding that tells its known name.
    names = {one.id: known_id(one) for one in report.findings}
    return Section(
        name="advice",
        title="What would help most",
        columns=("Change", "From", "To", "Removes", "Adds"),
        rows=_rows(
            *(
                (one.kind, _short(one.subject), one.to, _ids(one.removes, names), one.unknown or _ids(one.adds, names))
                for one in report.advice
            )
        ),
    )


def _short(purl: str) -> str:
    """A package URL without its qualifiers: they are told where the package is."""
    return purl.partition("?")[0]


def _ids(ids: tuple[str, ...], names: Mapping[str, str], shown: int = 5) -> str:
    """How many, and the first of them by the names people know."""
    if not ids:
        return "none"
    told = sorted({names.get(one, one) for one in ids})
    more = f" and {len(told) - shown} more" if len(told) > shown else ""
    return f"{len(told)}: {', '.join(told[:shown])}{more}"


def _support(report: ScanReport) -> Section:
    return Section(
        name="support",
        title="Support",
        columns=(
            "Subject",
            "Product",
            "Release",
            "Until",
            "Days left",
            "Latest",
            "Last fix",
            "Fixes a year",
            "Package",
        ),
        rows=_rows(
            *(
                (
                    one.subject,
                    one.product,
                    one.cycle,
                    f"ended{f' {one.ends}' if one.ends else ''}" if one.ended else one.ends or "no end announced",
                    "" if one.days_left is None else one.days_left,
                    one.latest,
                    one.last_fix or "",
                    "" if one.fixes_per_year is None else one.fixes_per_year,
                    one.purl,
                )
                for one in report.support
            )
        ),
    )


def _notices(report: ScanReport) -> Section:
    return Section(
        name="notices",
        title="Advised against by their makers",
        columns=("What", "Package", "Location", "Reason"),
        rows=_rows(*((one.kind, one.purl, one.location, one.reason) for one in report.notices)),
    )


def _custody(report: ScanReport) -> Section:
    shares = report.custody.shares if report.custody else ()
    return Section(
        name="custody",
        title="Who answers for the files",
        columns=("Origin", "Files", "Size", "Executables"),
        rows=_rows(*((one.origin, one.files, bytes_in_words(one.bytes), one.executables) for one in shares)),
    )


def _files(report: ScanReport) -> Section:
    custody = report.custody
    kinds = (
        (
            ("modified", custody.modified),
            ("missing", custody.missing),
            ("unexplained", custody.unexplained),
            ("in-house", custody.in_house),
        )
        if custody
        else ()
    )
    return Section(
        name="files",
        title="Files to look at",
        columns=("What", "Path", "Package", "Layer", "Remark"),
        rows=_rows(
            *(
                (
                    kind,
                    one.path,
                    _short(str(one.package or "")),
                    one.layer.short if one.layer else "",
                    "configuration" if one.is_configuration else "",
                )
                for kind, files in kinds
                for one in files
            )
        ),
        remark="There are more than are listed." if custody and custody.truncated else "",
    )


def _suppressed(report: ScanReport) -> Section:
    rows: list[tuple[object, ...]] = []
    for silenced in report.suppressed:
        finding, by = silenced.finding, silenced.by
        about = f"{finding.name} {finding.version}"
        rows.append((known_id(finding), about, by.status, by.reason, by.source, by.expires or ""))
    for hidden in report.suppressed_secrets:
        secret, by = hidden.secret.secret, hidden.by
        rows.append((secret.rule, secret.path, by.status, by.reason, by.source, by.expires or ""))
    for excused in report.suppressed_misconfigurations:
        misconfiguration, by = excused.misconfiguration, excused.by
        rows.append((misconfiguration.id, misconfiguration.location, by.status, by.reason, by.source, by.expires or ""))
    return Section(
        name="suppressed",
        title="Suppressed",
        columns=("Id", "About", "Status", "Reason", "Said in", "Until"),
        rows=_rows(*rows),
    )


def _idle(report: ScanReport) -> Section:
    return Section(
        name="idle",
        title="Said in vain",
        columns=("Id", "Why", "Said in", "Detail"),
        rows=_rows(*((one.word.id, one.why, one.word.source, one.detail) for one in report.idle)),
    )


def _outcomes(report: ScanReport) -> Section:
    return Section(
        name="outcomes",
        title="Not read as it should be",
        columns=("Who", "How", "Place", "Reason"),
        rows=_rows(*((one.plugin, one.status, one.location, one.reason) for one in report.outcomes)),
    )


def section_words(report: ScanReport) -> Iterator[str]:
    """One phrase a section, like `3 findings`, for a summary."""
    for section in sections_of(report):
        yield f"{section.title.lower()}: {len(section.rows)}"
