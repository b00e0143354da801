# SPDX-License-Identifier: Apache-2.0
"""The page of a scan with every section there is: all are named, none is wider than the page or steers a terminal."""

import pytest

from full_report import HOSTILE, full_report
from tidegate.cli.scan_page import scan_page
from tidegate.cli.scan_sections import section_lines


@pytest.mark.parametrize("text", ["plain", *HOSTILE])
@pytest.mark.parametrize("columns", [60, 100])
def test_every_section_is_there_and_fits(text: str, columns: int) -> None:
    lines = ["".join(words for words, _ in line) for line in scan_page(full_report(text), columns=columns)]
    for title in ("FINDINGS", "SECRETS", "CONFIGURATION  1", "BASE", "SUPPRESSED  3", "SAID IN VAIN  1", "NOT READ"):
        assert any(title in line for line in lines), title
    assert all(line.isprintable() for line in lines)
    for line in section_lines(full_report(text), columns=columns):
        assert len("".join(words for words, _ in line)) <= columns
