# SPDX-License-Identifier: Apache-2.0
"""A scan report as JUnit XML, as pipelines read test results: a suite a section, a failed test a thing that is wrong.

What was suppressed is a skipped test with the reason, what could not be read an error; a section that found nothing is
one passed test, so that its silence is seen.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from tidegate.evidence import Finding, ScanReport
from tidegate.evidence.flaw import known_id
from tidegate.reports.order import fix_of, marks_of, one_line, worst_first
from tidegate.reports.sections import checks_alone, headline, secret_row
from tidegate.values import Struct


class _Case(Struct, frozen=True, kw_only=True):
    """One test: who it is about, its name, and for other than a pass what came of it."""

    about: str
    name: str
    came: str = ""
    kind: str = ""
    message: str = ""
    text: str = ""


def render(report: ScanReport) -> bytes:
    """The whole document."""
    suites: list[tuple[str, tuple[_Case, ...]]] = [
        ("findings", tuple(_findings(report))),
        ("secrets", tuple(_secrets(report))),
        ("configuration", tuple(_misconfigurations(report))),
        ("support", tuple(_support(report))),
        ("notices", tuple(_notices(report))),
        ("custody", tuple(_custody(report))),
        ("statements", tuple(_idle(report))),
        ("reading", tuple(_outcomes(report))),
    ]
    if checks_alone(report):  # nobody looked for the rest
        suites = [one for one in suites if one[0] in {"configuration", "statements", "reading"}]
    everything = [case for _, cases in suites for case in cases]
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append(f"<testsuites name={_quoted(report.artifact.name)}{_counts(everything)}>")
    for at, (name, cases) in enumerate(suites):
        told = (*headline(report), *_of_custody(report)) if at == 0 else ()
        lines.extend(_suite(told, name, cases or (_Case(about=name, name="nothing was found"),)))
    lines.append("</testsuites>")
    return ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace")


def _suite(told: Sequence[tuple[str, str]], name: str, cases: tuple[_Case, ...]) -> Iterator[str]:
    yield f"  <testsuite name={_quoted(name)}{_counts(cases)}>"
    if told:
        yield "    <properties>"
        for key, value in told:
            yield f"      <property name={_quoted(key)} value={_quoted(value)}/>"
        yield "    </properties>"
    for case in cases:
        yield from _case(case)
    yield "  </testsuite>"


def _case(case: _Case) -> Iterator[str]:
    head = f"    <testcase classname={_quoted(case.about)} name={_quoted(case.name)}"
    if not case.came:
        yield f"{head}/>"
        return
    yield f"{head}>"
    kind = f" type={_quoted(case.kind)}" if case.came != "skipped" else ""
    yield f"      <{case.came}{kind} message={_quoted(case.message)}>{_text(case.text)}</{case.came}>"
    yield "    </testcase>"


def _counts(cases: Iterable[_Case]) -> str:
    came = [case.came for case in cases]
    counts = {
        "tests": max(len(came), 1),
        "failures": came.count("failure"),
        "errors": came.count("error"),
        "skipped": came.count("skipped"),
    }
    return "".join(f' {name}="{count}"' for name, count in counts.items())


def _findings(report: ScanReport) -> Iterator[_Case]:
    for finding in worst_first(report.findings):
        yield _finding(finding, came="failure", kind=finding.severity.value, message=finding.summary)
    for silenced in report.suppressed:
        by = silenced.by
        until = f" until {by.expires}" if by.expires else ""
        message = f"{by.status}: {by.reason} ({by.source}){until}"
        yield _finding(silenced.finding, came="skipped", kind="", message=message)


def _finding(finding: Finding, *, came: str, kind: str, message: str) -> _Case:
    lines = [
        f"{finding.severity} {'' if finding.score is None else finding.score} {fix_of(finding)}",
        f"{finding.name} {finding.version} ({finding.why.matched_name} {finding.why.affected})",
        f"in {finding.location}, layer {finding.layer}",
        "; ".join(marks_of(finding)),
    ]
    if finding.priority is not None:
        lines += [f"priority {finding.priority.score:.0f}, {finding.priority.urgency}", *finding.priority.reasons]
    text = "\n".join(filter(None, map(one_line, lines)))
    return _Case(about=finding.purl, name=known_id(finding), came=came, kind=kind, message=message, text=text)


def _secrets(report: ScanReport) -> Iterator[_Case]:
    for one in report.secrets:
        rule, path, line, layer, begins, remark = secret_row(one)
        text = f"line {line}, layer {layer}, begins {begins}\n{remark}"
        yield _Case(
            about=str(path), name=str(rule), came="failure", kind="secret", message=f"{rule} in {path}", text=text
        )
    for hidden in report.suppressed_secrets:
        secret, by = hidden.secret.secret, hidden.by
        message = f"{by.status}: {by.reason} ({by.source})"
        yield _Case(about=secret.path, name=secret.rule, came="skipped", message=message)


def _misconfigurations(report: ScanReport) -> Iterator[_Case]:
    for one in report.misconfigurations:
        where = f"{one.location}:{one.line}" if one.line else one.location
        text = f"{where}\n{one.reason}\nfix: {one.fix}\nsee: {'; '.join(one.references)}"
        about = f"{one.subject} {where}".strip()
        kind = one.severity.value
        yield _Case(about=about, name=one.id, came="failure", kind=kind, message=one.title, text=text)
    for excused in report.suppressed_misconfigurations:
        wrong, by = excused.misconfiguration, excused.by
        message = f"{by.status}: {by.reason} ({by.source})"
        yield _Case(about=f"{wrong.subject} {wrong.location}", name=wrong.id, came="skipped", message=message)


def _support(report: ScanReport) -> Iterator[_Case]:
    for one in report.support:
        name = f"{one.product} {one.cycle}"
        if not one.ended:
            yield _Case(about=one.subject, name=f"{name} until {one.ends or 'further notice'}")
            continue
        message = f"support ended {one.ends or ''}".strip()
        yield _Case(about=one.subject, name=name, came="failure", kind="support", message=message, text=one.purl)


def _notices(report: ScanReport) -> Iterator[_Case]:
    for one in report.notices:
        text = f"{one.location}\n{one.reason}"
        yield _Case(about=one.purl, name=one.kind, came="failure", kind="notice", message=one.kind, text=text)


def _custody(report: ScanReport) -> Iterator[_Case]:
    custody = report.custody
    if custody is None:
        return
    for kind, files in (
        ("modified", custody.modified),
        ("missing", custody.missing),
        ("unexplained", custody.unexplained),
    ):
        for one in files:
            message = f"{kind}: {one.path}"
            yield _Case(
                about=one.path, name=kind, came="failure", kind="custody", message=message, text=one.package or ""
            )


def _of_custody(report: ScanReport) -> Iterator[tuple[str, str]]:
    for share in report.custody.shares if report.custody else ():
        yield f"custody {share.origin}", f"{share.files} files, {share.bytes} bytes, {share.executables} executables"
    for one in report.advice:
        yield f"advice {one.kind}", f"{one.subject} to {one.to}: removes {len(one.removes)}, adds {len(one.adds)}"


def _idle(report: ScanReport) -> Iterator[_Case]:
    for one in report.idle:
        message = f"{one.why}: {one.detail}"
        yield _Case(about=one.word.source, name=one.word.id, came="skipped", message=message)


def _outcomes(report: ScanReport) -> Iterator[_Case]:
    for one in report.outcomes:
        yield _Case(about=one.location, name=one.plugin, came="error", kind=one.status.value, message=one.reason)


_QUOTES: Final = {"\n": " ", "\t": " "}


def _quoted(text: str) -> str:
    return quoteattr(one_line(text), _QUOTES)


def _text(text: str) -> str:
    return escape("\n".join(one_line(part) for part in text.split("\n") if part.strip()))
