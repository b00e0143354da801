# SPDX-License-Identifier: Apache-2.0
"""Reports of tests, whichever form they are in: by their first character that is no space."""

from typing import Final

from tidegate.development.test_reports.junit import read_junit
from tidegate.development.test_reports.sarif import read_sarif
from tidegate.errors import InvalidInputError
from tidegate.evidence.predicates.test_results import TestResults

FORMS: Final = ("junit", "sarif")


def read_test_report(content: bytes, *, where: str, form: str = "", tool: str = "", suite: str = "") -> TestResults:
    """Reads a JUnit or SARIF report.

    Args:
        content: the file.
        where: its name in errors.
        form: one of `FORMS`; "" looks.
        tool: what ran; "" for what the report says.
        suite: what to call the run; "" for what the report says.

    Raises:
        InvalidInputError: it is neither, or broken.
    """
    found = form or _form(content)
    if found == "junit":
        return read_junit(content, where=where, tool=tool, suite=suite)
    if found == "sarif":
        return read_sarif(content, where=where, tool=tool, suite=suite)
    raise InvalidInputError("neither JUnit XML nor SARIF", where=where, remedy="name its form")


def _form(content: bytes) -> str:
    start = content[:200].removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return {b"<": "junit", b"{": "sarif"}.get(start, "")
