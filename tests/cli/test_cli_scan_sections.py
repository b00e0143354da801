# SPDX-License-Identifier: Apache-2.0
"""The page of a scan with every section there is: all are named, none is wider than the page or steers a terminal."""

import pytest

from full_report import HOSTILE, full_report
from tidegate.cli.scan_page import scan_page
from tidegate.cli.scan_sections import section_lines
from tidegate.evidence.flaw import flaw_count
from tidegate.values import replace


@pytest.mark.parametrize("text", ["plain", *HOSTILE])
@pytest.mark.parametrize("columns", [60, 100])
def test_every_section_is_there_and_fits(text: str, columns: int) -> None:
    lines = ["".join(words for words, _ in line) for line in scan_page(full_report(text), columns=columns)]
    for title in ("FINDINGS", "SECRETS", "CONFIGURATION  1", "BASE", "SUPPRESSED  3", "SAID IN VAIN  1", "NOT READ"):
        assert any(title in line for line in lines), title
    assert all(line.isprintable() for line in lines)
    for line in section_lines(full_report(text), columns=columns):
        assert len("".join(words for words, _ in line)) <= columns


def test_what_packages_share_counts_once_and_urgency_leads() -> None:
    report = full_report("plain")
    urgent = next(one for one in report.findings if one.priority)
    twin = replace(urgent, name="its-sibling")
    assert flaw_count((urgent, twin)) == 1
    lines = ["".join(words for words, _ in line) for line in scan_page(report, columns=100)]
    assert urgent.priority is not None
    assert any(line.split()[:2] == [urgent.priority.urgency, urgent.severity] for line in lines if line)


def test_findings_of_a_page_without_components_are_not_called_none() -> None:
    report = replace(full_report("plain"), components=(), findings=())
    lines = ["".join(words for words, _ in line) for line in scan_page(report, columns=100)]
    assert "FINDINGS  no component is known, so nothing could be found wrong" in lines


def test_one_check_at_many_places_is_told_once() -> None:
    report = full_report("plain")
    wrong = report.misconfigurations[0]
    many = tuple(replace(wrong, location=f"usr/bin/p{at:02}") for at in range(9))
    page = scan_page(replace(report, misconfigurations=many), columns=100)
    lines = ["".join(words for words, _ in line) for line in page]
    assert "CONFIGURATION  9" in lines
    assert sum(f"{wrong.id}  {wrong.title}" in line for line in lines) == 1
    assert any("and 6 more: usr/bin/p03" in line for line in lines)
