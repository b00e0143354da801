# SPDX-License-Identifier: Apache-2.0
"""Every report form: whole, the same bytes each time; no text of an image becomes markup, a command or a formula."""

import csv
import io
import json
import re
from datetime import date
from html.parser import HTMLParser
from typing import Any

import jsonschema  # type: ignore[import-untyped] # it ships no types
import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import HealthCheck, example, given, settings
from markdown_it import MarkdownIt
from sarif_rules import SARIF

from full_report import HOSTILE, LAYERS, full_report, hostile_texts
from tidegate.cli.report_output import FORMS
from tidegate.errors import UsageError
from tidegate.evidence import Exploitation, ScannedArtifact, ScanReport, Severity
from tidegate.reports import REPORT_FORMS, render
from tidegate.reports.markdown import MAX_CHARS
from tidegate.reports.order import one_line
from tidegate.reports.sections import sections_of
from tidegate.sbom import SBOM_FORMS
from tidegate.values import replace

NAMES = [form.name for form in REPORT_FORMS]


def _seen(text: str) -> str:
    """A text that is not left out for being empty."""
    return text if one_line(text) else "q"


ONCE = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
EMPTY = ScanReport(
    artifact=ScannedArtifact(name="app", digest=LAYERS[0], layers=()),
    components=(),
    findings=(),
    secrets=(),
    configuration=None,
    support=(),
    outcomes=(),
    knowledge=None,
)


def test_help_names_every_form() -> None:
    assert list(FORMS) == ["table", "json", *NAMES, *(form.name for form in SBOM_FORMS)]


@pytest.mark.parametrize("form", NAMES)
def test_same_report_same_bytes_and_an_empty_one_is_a_document(form: str) -> None:
    assert render(full_report(), form) == render(full_report(), form)
    assert render(EMPTY, form)


def test_an_unknown_form_is_named() -> None:
    with pytest.raises(UsageError, match="no form 'pdf'; choose of sarif"):
        render(EMPTY, "pdf")


@pytest.mark.parametrize("form", ["junit", "markdown", "html", "csv", "sarif"])
def test_a_form_tells_of_every_section(form: str) -> None:
    told = render(full_report("Unmistakable"), form).decode()
    for words in (
        "CVE-2025-0001",
        "DEBIAN-CVE-2025-2" if form == "sarif" else "a",
        "TG-IMG-001",
        "token",
        "debian",
        "deprecated",
        "modified",
        "expired",
        "rpm",
        "CVE-2025-9999" if form != "csv" else "CVE-2025-0001",
        "distro",
        "debian:13",
        "will not be fixed",
    ):
        assert words in told, words


def test_sections_are_left_out_when_they_are_empty() -> None:
    assert sections_of(EMPTY) == ()
    assert [section.name for section in sections_of(full_report())] == [
        "findings",
        "secrets",
        "misconfigurations",
        "advice",
        "support",
        "notices",
        "custody",
        "files",
        "suppressed",
        "idle",
        "outcomes",
    ]


# --- SARIF


def _sarif(report: ScanReport) -> dict[str, Any]:
    log = json.loads(render(report, "sarif"))
    assert log["version"] == "2.1.0"
    run: dict[str, Any] = log["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in {"error", "warning", "note", "none"}
        assert result["message"]["text"]
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"[A-Za-z0-9._~%/-]+", uri), uri
        assert not uri.startswith("/")
    for rule in rules:
        assert 0 <= float(rule["properties"]["security-severity"]) <= 10
        assert rule.get("helpUri", "https://").startswith("https://")
        assert "`" not in rule["help"]["markdown"].removeprefix("```text\n").removesuffix("\n```")
    return run


def test_sarif_says_what_where_and_what_was_suppressed() -> None:
    run = _sarif(full_report())
    worst = run["results"][0]
    assert (worst["ruleId"], worst["level"], worst["rank"]) == ("CVE-2025-0001plain", "error", 97.5)
    location = worst["locations"][0]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "usr/lib/plain"
    assert location["logicalLocations"][0]["name"] == LAYERS[1]
    suppressed = [result for result in run["results"] if "suppressions" in result]
    assert len(suppressed) == 3
    assert suppressed[0]["suppressions"][0] == {
        "kind": "external",
        "status": "accepted",
        "justification": "not_affected: plain (vex plain, until 2027-01-01)",
    }
    secret = next(result for result in run["results"] if result["ruleId"].startswith("secret/"))
    assert secret["locations"][0]["physicalLocation"]["region"]["startLine"] == 7
    assert run["invocations"][0]["toolExecutionNotifications"][0]["level"] == "error"
    assert {"support", "custody", "advice", "notices", "idle", "files", "about"} <= set(run["properties"])


def test_sarif_fingerprints_follow_what_and_where_alone() -> None:
    first = full_report().findings[0]
    later = replace(first, summary="other words", epss=0.1, priority=None, fixed_version=None)
    other = replace(first, location="elsewhere")
    prints = [
        _sarif(replace(EMPTY, findings=(one,)))["results"][0]["partialFingerprints"] for one in (first, later, other)
    ]
    assert prints[0] == prints[1] != prints[2]


@pytest.mark.property
@ONCE
@given(hostile_texts())
def test_sarif_stays_sound(text: str) -> None:
    _sarif(full_report(text))


@pytest.mark.parametrize("text", ["plain", *HOSTILE])
def test_sarif_is_what_the_standard_asks_for(text: str) -> None:
    document = json.loads(render(full_report(text), "sarif"))
    jsonschema.Draft202012Validator(SARIF, format_checker=jsonschema.FormatChecker()).validate(document)
    for run in document["runs"]:
        rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
        assert len(set(rules)) == len(rules)
        assert all(rules[result["ruleIndex"]] == result["ruleId"] for result in run["results"])


# --- JUnit


def _junit(report: ScanReport) -> Any:
    root = fromstring(render(report, "junit"))
    assert root.tag == "testsuites"
    for kind, element in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(root.attrib[kind]) == len(root.findall(f".//{element}"))
        for suite in root:
            assert int(suite.attrib[kind]) == len(suite.findall(f".//{element}"))
    for suite in root:
        assert int(suite.attrib["tests"]) == len(suite.findall("testcase"))
        assert {child.tag for child in suite} <= {"properties", "testcase"}
    return root


def test_junit_fails_what_is_wrong_and_skips_what_is_suppressed() -> None:
    root = _junit(full_report())
    findings = root.find("testsuite[@name='findings']")
    names = [(case.attrib["name"], [child.tag for child in case]) for case in findings.findall("testcase")]
    assert names == [
        ("CVE-2025-0001plain", ["failure"]),
        ("DEBIAN-CVE-2025-2", ["failure"]),
        ("CVE-2025-9999plain", ["skipped"]),
    ]
    assert len(root.findall("testsuite[@name='reading']//error")) == 1


def test_junit_shows_silence_as_a_passed_test() -> None:
    root = _junit(EMPTY)
    assert len(root) == 8
    assert {case.attrib["name"] for case in root.findall(".//testcase")} == {"nothing was found"}


@pytest.mark.property
@ONCE
@given(hostile_texts())
def test_junit_stays_sound(text: str) -> None:
    shape = [element.tag for element in _junit(full_report("plain")).iter()]
    assert [element.tag for element in _junit(full_report(_seen(text))).iter()] == shape


# --- CSV


def _csv(report: ScanReport) -> list[list[str]]:
    rows = list(csv.reader(io.StringIO(render(report, "csv").decode(), newline="")))
    assert len({len(row) for row in rows}) == 1
    return rows


@pytest.mark.property
@ONCE
@given(hostile_texts())
def test_csv_holds_no_formula_and_no_row_too_many(text: str) -> None:
    rows = _csv(full_report(text))
    assert len(rows) == len(_csv(full_report()))
    for cell in (cell for row in rows for cell in row):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))
        assert cell.isprintable()


# --- workflow commands of GitHub

_COMMAND = re.compile(r"::(error|warning|notice) (file=[^,:\r\n]*,)?(line=\d+,)?title=[^,:\r\n]*::[^\r\n]*")


@pytest.mark.property
@ONCE
@given(hostile_texts())
def test_github_commands_are_ours_alone(text: str) -> None:
    lines = render(full_report(text), "github").decode().split("\n")
    assert lines.pop() == ""
    assert len(lines) == len(render(full_report(), "github").decode().split("\n")) - 1
    for line in lines:
        assert _COMMAND.fullmatch(line), line
        assert re.fullmatch(r"(?:[^%]|%(?:25|0D|0A|3A|2C))*", line)


def test_github_is_bounded_and_says_what_it_left_out() -> None:
    one = full_report().findings[0]
    many = replace(EMPTY, findings=tuple(replace(one, location=str(at)) for at in range(500)))
    lines = render(many, "github").decode().splitlines()
    assert len(lines) == 202
    assert "301 more annotations are left out" in lines[-2]


# --- GitLab


@pytest.mark.property
@ONCE
@given(hostile_texts())
def test_gitlab_follows_the_shape_of_its_schema(text: str) -> None:
    document = json.loads(render(full_report(text), "gitlab"))
    assert re.fullmatch(r"\d+\.\d+\.\d+", document["version"])
    scan = document["scan"]
    assert (scan["type"], scan["status"], scan["start_time"]) == (
        "container_scanning",
        "success",
        "2026-01-02T00:00:00",
    )
    assert len(document["vulnerabilities"]) == 2
    for one in document["vulnerabilities"]:
        assert one["severity"] in {"Info", "Unknown", "Low", "Medium", "High", "Critical"}
        assert re.fullmatch(r"[^:]+(:\d+[^:]*)?:[^:]+(:[^:]+)?", one["location"]["image"])
        assert one["location"]["operating_system"]
        assert one["location"]["dependency"]["package"]["name"]
        assert one["identifiers"]
        assert all(identifier["name"] and identifier["value"] for identifier in one["identifiers"])
        assert all(link["url"].startswith("https://") for link in one["links"])


# --- Markdown

_COMMONMARK = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
_OURS = re.compile(r"<details( open)?><summary><b>[A-Za-z ]+ \(\d+\)</b></summary>|</details>")


def _tokens(report: ScanReport) -> list[Any]:
    text = render(report, "markdown").decode()
    assert len(text) <= MAX_CHARS
    tokens = []
    for token in _COMMONMARK.parse(text):
        tokens.append(token)
        tokens.extend(token.children or ())
    return tokens


@pytest.mark.property
@ONCE
@given(hostile_texts())
@example("\\")
@example("a|b\\|c")
def test_markdown_shows_text_and_makes_nothing_of_it(text: str) -> None:
    tokens = _tokens(full_report(_seen(text)))
    plain = _tokens(full_report())
    kinds = [token.type for token in tokens if token.type not in {"text", "text_special"}]
    assert kinds == [token.type for token in plain if token.type not in {"text", "text_special"}]
    assert not {"link_open", "image", "html_inline", "code_inline", "em_open", "strong_close_"} & set(kinds)
    for token in tokens:
        if token.type == "html_block":
            assert all(_OURS.fullmatch(line) for line in token.content.splitlines() if line), token.content
    whole = "\n".join(token.content for token in tokens if token.type in {"text", "text_special"})
    assert not re.search(r"[@#]\w|https?://|www\.\w", whole)


def test_markdown_is_bounded_and_counts_what_it_leaves_out() -> None:
    one = full_report("x" * 300).findings[0]
    many = replace(full_report(), findings=tuple(replace(one, id=f"X-{at}", aliases=()) for at in range(5000)))
    text = render(many, "markdown").decode()
    assert len(text) <= MAX_CHARS
    assert re.search(r"\d+ more are left out here", text)
    assert "Not read as it should be (1)" in text


# --- HTML

_ALLOWED = frozenset(
    {"html", "head", "meta", "title", "style", "body", "a", "header", "h1", "h2", "dl", "dt", "dd", "main", "ul", "li"}
    | {"b", "p", "section", "form", "label", "input", "span", "div", "details", "summary", "br", "table", "thead"}
    | {"tbody", "tr", "th", "td", "footer", "script"}
)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.shape: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []
        self.scripts = 0
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.links.append(dict(attrs).get("href") or "")
            return
        self.scripts += tag == "script"
        if tag != "br":
            self.shape.append((tag, tuple(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def _page(report: ScanReport) -> _Page:
    page = _Page()
    page.feed(render(report, "html").decode())
    page.close()
    return page


@pytest.mark.property
@ONCE
@given(hostile_texts())
def test_html_shows_text_and_makes_nothing_of_it(text: str) -> None:
    page = _page(full_report(_seen(text)))
    assert page.shape == _page(full_report()).shape
    assert {tag for tag, _ in page.shape} <= _ALLOWED
    assert page.scripts <= 1
    assert not [name for _, names in page.shape for name in names if name.startswith("on")]
    assert all(link.startswith(("https://", "#")) for link in page.links)


def test_html_needs_nothing_else_and_lets_no_other_script_run() -> None:
    import hashlib
    from base64 import b64encode

    text = render(full_report(HOSTILE[0]), "html").decode()
    assert not re.search(r"\bsrc=|<link|@import|url\(", text.partition("<body>")[0])
    policy = re.search(r"script-src 'sha256-([^']+)'", text)
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)
    assert policy
    assert script
    assert b64encode(hashlib.sha256(script[1].encode()).digest()).decode() == policy[1]
    assert "default-src 'none'" in text
    assert text.count("<script") == 1
    assert 'lang="en"' in text
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_html_tells_what_a_person_asks_for() -> None:
    words = " ".join("".join(_page(full_report()).text).split())
    for told in (
        "98 of 100, now",
        "+25 exploited plain",
        "fixed in 2.0plain",
        "will not be fixed",
        "1 of 2 layers, by layers",
        "not_affected",
        "Nothing is known of plain",
        "1.5 MB",
    ):
        assert told in words, told


def test_sarif_raises_the_level_of_what_is_exploited_or_malicious_whatever_its_severity() -> None:
    plain = replace(
        full_report().findings[0],
        severity=Severity.LOW,
        exploited=None,
        malicious=False,
        summary="a flaw",
        priority=None,
    )
    one = Exploitation(cve="CVE-1", added=date(2026, 1, 1), due=date(2026, 1, 2), ransomware=False)
    found = (plain, replace(plain, exploited=one), replace(plain, malicious=True))
    levels = [_sarif(replace(EMPTY, findings=(it,)))["results"][0]["level"] for it in found]
    assert levels == ["note", "error", "error"]


def test_sarif_describes_a_rule_by_its_summary_or_its_name() -> None:
    first = replace(full_report().findings[0], summary="what is wrong")
    for finding, words in ((first, "what is wrong"), (replace(first, summary=""), "CVE-2025-0001plain")):
        (rule,) = _sarif(replace(EMPTY, findings=(finding,)))["tool"]["driver"]["rules"]
        assert words in rule["shortDescription"]["text"]
