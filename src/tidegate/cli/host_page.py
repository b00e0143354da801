# SPDX-License-Identifier: Apache-2.0
"""The page of `tidegate check host:/`: what is to be mended, the software that runs containers, and its flaws."""

from collections.abc import Iterator
from typing import Final

from tidegate.cli.check_page import check_page
from tidegate.cli.page import Line, Style, piece
from tidegate.cli.scan_page import finding_lines, support_lines
from tidegate.evidence import Finding, ScanReport, Urgency
from tidegate.examination.host import Subject, subject_of
from tidegate.values import replace

_TITLES: Final = {
    Subject.RUNTIME: "OF WHAT RUNS CONTAINERS",
    Subject.KERNEL: "OF THE KERNEL",
    Subject.REST: "OF OTHER PACKAGES",
}


def host_page(report: ScanReport, *, columns: int) -> Iterator[Line]:
    """Lays it out; of the kernel and of other packages only what can be mended or should be soon.

    Args:
        report: as it shall be shown.
        columns: the page's width.
    """
    yield from check_page(report)
    yield ()
    yield (piece("VERSIONS", Style.TITLE),)
    yield from _versions(report)
    yield from support_lines(report.support)
    if report.knowledge is None:
        yield ()
        yield (piece("no knowledge file: what is wrong with these is not known", Style.WARN),)
        return
    folder = replace(report.artifact, layers=(report.artifact.digest,))
    for subject, title in _TITLES.items():
        found = [one for one in report.findings if subject_of(one) is subject]
        shown = [one for one in found if subject is Subject.RUNTIME or _is_worth_a_line(one)]
        yield ()
        yield (piece(title, Style.TITLE),)
        yield from finding_lines(replace(report, artifact=folder, findings=tuple(shown)), columns=columns)
        if len(shown) < len(found):
            left = f"{len(found) - len(shown)} more have no fix yet and are not urgent: the other forms tell them"
            yield (piece(left, Style.FAINT),)
    if report.unmatched:
        yield ()
        text = f"nothing is known of {', '.join(report.unmatched)}: silence there proves nothing"
        yield (piece("NOT JUDGED  ", Style.TITLE), piece(text, Style.WARN))


def _versions(report: ScanReport) -> Iterator[Line]:
    system = report.artifact.os_release
    named = (system.pretty_name or f"{system.id} {system.version_id}".strip()) if system else "not told"
    yield _version("distribution", named, "")
    kernels = [one for one in report.components if subject_of(one) is Subject.KERNEL]
    runtimes = [one for one in report.components if subject_of(one) is Subject.RUNTIME and one.owner is None]
    for one in kernels:
        yield _version("kernel", one.version, one.name)
    packaged = [one for one in runtimes if one.kind.is_of_distribution]
    # A program of no distribution is told once, though it was recognised and names its modules as well.
    programs = {one.location: one for one in reversed(runtimes) if not one.kind.is_of_distribution}
    for one in sorted((*packaged, *programs.values()), key=lambda one: (one.name, one.location)):
        yield _version(one.name, one.version, "" if one.kind.is_of_distribution else one.location)


def _version(name: str, version: str, note: str) -> Line:
    return (piece(f"  {name:<24}  "), piece(version), piece(f"  {note}" if note else "", Style.FAINT))


def _is_worth_a_line(finding: Finding) -> bool:
    urgent = finding.priority is not None and finding.priority.urgency.rank >= Urgency.SOON.rank
    return finding.fixed_version is not None or urgent
