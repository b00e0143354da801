# SPDX-License-Identifier: Apache-2.0
"""A scan report for people: worst first, one block for what one upgrade mends, nothing wider than the page."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tidegate.bounds import printable
from tidegate.cli.page import SEVERITY_STYLES, Line, Piece, Style, cut, piece
from tidegate.cli.scan_sections import section_lines
from tidegate.evidence import Finding, ScanReport, Severity, Support, Urgency
from tidegate.evidence.flaw import known_id
from tidegate.evidence.recommended import recommended_versions
from tidegate.inventory import LocatedSecret, Outcome, PackageUrl
from tidegate.reports.order import fix_of, worst_first
from tidegate.reports.sections import secret_row
from tidegate.values import replace

_SEVERITY_COLUMNS: Final = 8
_URGENCY_COLUMNS: Final = 5
_URGENCY_STYLES: Final = {
    Urgency.NOW: Style.WORST,
    Urgency.SOON: Style.BAD,
    Urgency.LATER: Style.PLAIN,
    Urgency.NONE: Style.FAINT,
}
_ID_COLUMNS: Final = 20
_SUMMARY_FROM: Final = 24
"""Columns that must be left for a summary to be worth showing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """Findings that one upgrade mends, worst first.

    Attributes:
        places: where its packages lie, the worst finding's first.
        recommended: the version to upgrade to, and how many of the findings that mends; "" when it is not known.
    """

    name: str
    version: str
    layers: tuple[str, ...]
    packages: tuple[str, ...]
    places: tuple[str, ...]
    recommended: str
    mended: int
    remarks: tuple[str, ...]
    findings: tuple[Finding, ...]


def scan_page(report: ScanReport, *, columns: int) -> Iterator[Line]:
    """Lays a report out.

    Args:
        report: as it shall be shown.
        columns: the page's width; nothing but a very long name goes beyond.
    """
    yield from _head(report, columns)
    if report.knowledge is not None:
        yield from finding_lines(report, columns=columns)
    yield from _secrets(report.secrets, columns, is_folder=_is_folder(report))
    yield from support_lines(report.support)
    yield from section_lines(report, columns=columns)
    yield from _outcomes(report.outcomes, columns)
    if report.unmatched and report.knowledge is not None:
        yield ()
        text = f"nothing is known of {', '.join(report.unmatched)}: silence there proves nothing"
        yield (piece("NOT JUDGED  ", Style.TITLE), piece(text, Style.WARN))


def _head(report: ScanReport, columns: int) -> Iterator[Line]:
    artifact = report.artifact
    system = artifact.os_release
    told = [
        str(artifact.platform or ""),
        (system.pretty_name or f"{system.id} {system.version_id}".strip()) if system else "no operating system known",
        "" if _is_folder(report) else _count(len(artifact.layers), "layer"),
        _count(len(report.components), "component"),
    ]
    yield (piece(cut(printable(artifact.name), columns), Style.TITLE),)
    yield (piece(artifact.digest, Style.FAINT),)
    yield (piece(cut(printable(" · ".join(filter(None, told))), columns)),)
    if report.knowledge is None:
        yield (piece("no knowledge file: what is wrong with it is not known", Style.WARN),)
    else:
        yield (piece(f"knowledge of {report.knowledge.made_at:%Y-%m-%d %H:%M} UTC", Style.FAINT),)
    if report.heeded:
        yield (piece(cut(printable(f"heeded, though not named: {', '.join(report.heeded)}"), columns), Style.FAINT),)
    if report.passed_over:
        text = f"passed over as was wished: {', '.join(report.passed_over)}"
        yield (piece(cut(printable(text), columns), Style.WARN),)
    if report.configuration and report.configuration.runs_as_root:
        yield (piece("runs as root", Style.WARN),)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def finding_lines(report: ScanReport, *, columns: int) -> Iterator[Line]:
    """Its findings: how many of which, then a block for what one upgrade mends."""
    blocks = _blocks(report)
    shown = [finding for block in blocks for finding in block.findings]
    yield ()
    if not shown and not report.components:
        text = "no component is known, so nothing could be found wrong"
        yield (piece("FINDINGS  ", Style.TITLE), piece(text, Style.WARN))
        return
    if not shown:
        yield (piece("FINDINGS  ", Style.TITLE), piece("none", Style.GOOD))
        return
    yield from _summary(shown, columns)
    for block in blocks:
        yield ()
        yield from _block(block, columns)


def _summary(findings: Sequence[Finding], columns: int) -> Iterator[Line]:
    counts = Counter(finding.severity for finding in findings)
    line = [piece(f"FINDINGS  {len(findings)}", Style.TITLE)]
    for severity in reversed(Severity):
        if counts[severity]:
            line += [piece("  "), piece(f"{counts[severity]} {severity}", SEVERITY_STYLES[severity])]
    urgent = Counter(finding.priority.urgency for finding in findings if finding.priority)
    exploited = sum(finding.exploited is not None for finding in findings)
    told = [(exploited, "exploited", Style.WORST)]
    told += [(urgent[urgency], urgency.value, _URGENCY_STYLES[urgency]) for urgency in (Urgency.NOW, Urgency.SOON)]
    marks: list[Piece] = []
    for count, word, style in told:
        if count:
            marks += [piece("  ·  "), piece(f"{count} {word}", style)]
    marks.append(piece(f"  ·  {sum(finding.fixed_version is not None for finding in findings)} fixable"))
    if sum(len(text) for text, _ in (*line, *marks)) <= columns:
        yield (*line, *marks)
    else:
        yield line
        yield (piece(" " * 8), *marks[1:])


def _grouped(findings: Sequence[Finding]) -> list[list[Finding]]:
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in worst_first(findings):
        why = finding.why
        groups.setdefault((why.ecosystem, why.matched_name, why.matched_version), []).append(finding)
    return list(groups.values())


def _blocks(report: ScanReport) -> list[_Block]:
    """Blocks by their worst finding, each by its own worst."""
    versions = recommended_versions(report)
    removed = {(purl, one) for step in report.advice for purl in step.packages for one in step.removes}
    is_folder = _is_folder(report)
    return [_of_group(group, versions, removed, is_folder=is_folder) for group in _grouped(report.findings)]


def _is_folder(report: ScanReport) -> bool:
    """True for files without an image around them, which have no layers to be told apart."""
    return report.artifact.layers == (report.artifact.digest,)


def _of_group(
    group: Sequence[Finding],
    versions: Mapping[PackageUrl, str],
    removed: Collection[tuple[PackageUrl, str]],
    *,
    is_folder: bool,
) -> _Block:
    # Packages built from one source share its flaws: each is told once, as the worst of them.
    by_id: dict[str, Finding] = {}
    for finding in group:
        by_id.setdefault(known_id(finding), finding)
    why = group[0].why
    scopes = {finding.scope for finding in group}
    parts = {finding.part for finding in group}
    return _Block(
        name=why.matched_name,
        version=why.matched_version,
        layers=() if is_folder else tuple(dict.fromkeys(finding.layer.short for finding in group)),
        packages=tuple(sorted({finding.name for finding in group} - {why.matched_name})),
        places=tuple(dict.fromkeys(finding.location for finding in group)),
        recommended=next((versions[one.purl] for one in group if one.purl in versions), ""),
        mended=sum((one.purl, one.id) in removed for one in by_id.values()),
        remarks=tuple(
            filter(
                None,
                (
                    f"{group[0].scope} only" if len(scopes) == 1 and "runtime" not in scopes else "",
                    {"base": "from the base", "yours": "yours"}.get(group[0].part, "") if len(parts) == 1 else "",
                ),
            )
        ),
        findings=tuple(by_id.values()),
    )


def _block(block: _Block, columns: int) -> Iterator[Line]:
    others = len(block.layers) - 1
    layer = f"layer {block.layers[0]}" + (f" and {others} more" if others else "") if block.layers else ""
    title = cut(printable(f"{block.name} {block.version}"), columns - len(layer) - 2)
    gap = " " * (columns - len(title) - len(layer)) if layer else ""
    yield (piece(title, Style.TITLE), piece(gap), piece(layer, Style.FAINT))
    where = "".join(f"{text}  " for text in (", ".join(block.packages), *block.remarks) if text)
    places = block.places[0] + (f" and {_count(len(block.places) - 1, 'place')} more" if block.places[1:] else "")
    yield (piece(cut(printable(f"  {where}{places}"), columns), Style.FAINT),)
    if upgrade := _upgrade(block):
        yield (piece("  "), piece(cut(upgrade, columns - 2), Style.GOOD))
    width = min(_ID_COLUMNS, max(len(printable(known_id(finding))) for finding in block.findings))
    fixes = [_fix(finding) for finding in block.findings]
    fix_width = max(len(text) for text, _ in fixes)
    for finding, fix in zip(block.findings, fixes, strict=True):
        yield tuple(_row(finding, fix, width, fix_width, columns))


def _upgrade(block: _Block) -> str:
    """What mends most of a block at once; "" when it says no more than its one row."""
    says_more = len(block.findings) > 1 or block.findings[0].fixed_version != block.recommended
    if not (block.recommended and block.mended and says_more):
        return ""
    count = len(block.findings)
    mended = ("this" if count == 1 else "all of these") if block.mended == count else f"{block.mended} of these {count}"
    return printable(f"upgrade to {block.recommended}, which mends {mended}")


def _row(finding: Finding, fix: Piece, id_columns: int, fix_columns: int, columns: int) -> Iterator[Piece]:
    name = printable(known_id(finding))
    yield piece("  ")
    used = 2 + _SEVERITY_COLUMNS + 6 + 3 + 1 + max(id_columns, len(name)) + 2
    if finding.priority is not None:
        urgency = finding.priority.urgency
        yield piece(f"{urgency.value:<{_URGENCY_COLUMNS}} ", _URGENCY_STYLES[urgency])
        used += _URGENCY_COLUMNS + 1
    yield piece(f"{finding.severity.value:<{_SEVERITY_COLUMNS}}", SEVERITY_STYLES[finding.severity])
    yield piece(f" {finding.score:>4.1f} " if finding.score is not None else "    - ")
    yield _mark(finding)
    yield piece(f" {name:<{id_columns}}  ")
    text, style = fix
    yield piece(cut(text, max(columns - used, 12)), style)
    left = columns - used - fix_columns - 2
    if left >= _SUMMARY_FROM and finding.summary:
        yield piece(" " * (fix_columns - len(text) + 2))
        yield piece(cut(" ".join(printable(finding.summary).split()), left), Style.FAINT)


def _mark(finding: Finding) -> Piece:
    if finding.malicious:
        return piece("MAL", Style.WORST)
    return piece("KEV", Style.WORST) if finding.exploited else piece("   ")


def _fix(finding: Finding) -> Piece:
    return piece(fix_of(finding), Style.FAINT if finding.fixed_version is None else Style.GOOD)


def _secrets(secrets: Sequence[LocatedSecret], columns: int, *, is_folder: bool) -> Iterator[Line]:
    if not secrets:
        return
    yield ()
    yield (piece(f"SECRETS  {len(secrets)}", Style.TITLE),)
    for located in secrets:
        secret = located.secret
        *_, remarks = secret_row(replace(located, secret=replace(secret, commit="", place="file")))
        layer = "" if is_folder else f"  layer {located.layer.short}"
        where = f"  commit {secret.commit[:12]}" if secret.commit else layer
        tail = f"  ({remarks})" if remarks else ""
        place = cut(printable(f"{secret.path}:{secret.line}"), columns - 4 - len(printable(secret.rule)))
        yield (piece("  "), piece(secret.rule, Style.BAD), piece(f"  {place}"))
        shown = cut(printable(f"{secret.redacted}{where}{tail}"), columns - 4)
        yield (piece(f"    {shown}", Style.FAINT),)


def support_lines(support: Sequence[Support]) -> Iterator[Line]:
    """Until when somebody cares for what it stands on."""
    if not support:
        return
    yield ()
    yield (piece("SUPPORT", Style.TITLE),)
    for one in support:
        name = f"  {one.product} {one.cycle}  "
        latest = f"; newest of this line is {one.latest}" if one.latest else ""
        if one.ended:
            since = f" on {one.ends}" if one.ends else ""
            yield (piece(name), piece(f"ended{since}: nobody mends it any more", Style.BAD))
        else:
            until = f"until {one.ends}" if one.ends else "no end announced"
            yield (piece(name), piece(until, Style.GOOD), piece(latest, Style.FAINT))


def _outcomes(outcomes: Sequence[Outcome], columns: int) -> Iterator[Line]:
    if not outcomes:
        return
    yield ()
    yield (piece(f"NOT READ  {len(outcomes)}", Style.TITLE),)
    for outcome in outcomes:
        text = printable(f"{outcome.plugin}  {outcome.location}: {outcome.reason} ({outcome.status})")
        yield (piece(f"  {cut(text, columns - 2)}", Style.WARN),)
