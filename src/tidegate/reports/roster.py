# SPDX-License-Identifier: Apache-2.0
"""The roster of report forms. A form's module is imported when it is used."""

from importlib import import_module
from typing import Final

from tidegate.errors import UsageError
from tidegate.evidence import ScanReport
from tidegate.values import Struct


class ReportForm(Struct, frozen=True, kw_only=True):
    """One form.

    Attributes:
        name: as `--format` has it.
        module: in this room; its `render(report) -> bytes` gives the whole document, the same for the same report.
        purpose: one line for people.
    """

    name: str
    module: str
    purpose: str


REPORT_FORMS: Final = (
    ReportForm(name="sarif", module="sarif", purpose="SARIF 2.1.0, for code scanning"),
    ReportForm(name="junit", module="junit", purpose="JUnit XML, for test reports of pipelines"),
    ReportForm(name="markdown", module="markdown", purpose="Markdown that fits in a pull request's comment"),
    ReportForm(name="html", module="html", purpose="one page that needs nothing else"),
    ReportForm(name="csv", module="csv", purpose="one table of everything, for spreadsheets"),
    ReportForm(name="github", module="github", purpose="annotations of GitHub workflows"),
    ReportForm(name="gitlab", module="gitlab", purpose="GitLab's container scanning report"),
)


def render(report: ScanReport, form: str) -> bytes:
    """A report in a form.

    Args:
        report: as it shall be shown.
        form: name of one of `REPORT_FORMS`.

    Raises:
        UsageError: there is no such form.
    """
    for one in REPORT_FORMS:
        if one.name == form:
            made: bytes = import_module(f"tidegate.reports.{one.module}").render(report)
            return made
    raise UsageError(f"no form {form!r}", remedy=f"choose of {', '.join(one.name for one in REPORT_FORMS)}")
