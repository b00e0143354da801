# SPDX-License-Identifier: Apache-2.0
"""Reports of other tools, whichever form they are in: JUnit by `<`, the JSON ones by the keys at their top."""

from typing import Any, Final

from tidegate.development.intake.bandit import read_bandit
from tidegate.development.intake.junit import read_junit_findings
from tidegate.development.intake.sarif import MAX_REPORT_BYTES, read_sarif_findings
from tidegate.development.intake.tool_finding import ToolReport
from tidegate.development.intake.zap import read_zap
from tidegate.errors import InvalidInputError
from tidegate.values import Struct, field
from tidegate.wire import from_json

FORMS: Final = ("sarif", "zap", "junit", "bandit")
_READERS: Final = {
    "sarif": read_sarif_findings,
    "zap": read_zap,
    "junit": read_junit_findings,
    "bandit": read_bandit,
}


class _Top(Struct, frozen=True, kw_only=True):
    runs: Any = None
    site: Any = None
    program: str = field(default="", name="@programName")
    results: Any = None
    generated_at: str = ""


def read_tool_report(content: bytes, *, where: str, form: str = "") -> ToolReport:
    """Reads a report.

    Args:
        content: the file.
        where: its name in errors.
        form: one of `FORMS`; "" looks.

    Raises:
        InvalidInputError: it is in none of the forms, or broken.
    """
    found = form or _form(content, where)
    if found not in _READERS:
        raise InvalidInputError(
            "no report that is known", where=where, remedy=f"known are {', '.join(FORMS)}: name its form"
        )
    return _READERS[found](content, where=where)


def _form(content: bytes, where: str) -> str:
    start = content[:200].removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start == b"<":
        return "junit"
    top = from_json(content.removeprefix(b"\xef\xbb\xbf"), _Top, what=where, max_bytes=MAX_REPORT_BYTES)
    if top.runs is not None:
        return "sarif"
    if top.site is not None:
        return "zap"
    return "bandit" if top.results is not None and top.generated_at else ""
