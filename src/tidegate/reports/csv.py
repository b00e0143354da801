# SPDX-License-Identifier: Apache-2.0
"""A scan report as one CSV table (RFC 4180): a row a thing, the first column telling what it is.

Spreadsheets run a cell that begins with `=`, `+`, `-`, `@`, a tab or a return as a formula, whoever wrote it: such
cells begin with an apostrophe here, as OWASP's "CSV Injection" page advises.
"""

import csv
from io import StringIO
from typing import Final

from tidegate.evidence import ScanReport
from tidegate.reports.order import one_line
from tidegate.reports.sections import sections_of

COLUMNS: Final = ("Section", "Image", "Digest")
"""The first columns of every row; those of the sections follow."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠", "|", "%")


def render(report: ScanReport) -> bytes:
    """The whole table, UTF-8 with CRLF.

    All sections stand in one table with the columns of all of them, so that one filter on the first column shows one.
    """
    sections = sections_of(report)
    columns = [*COLUMNS, *dict.fromkeys(name for one in sections for name in one.columns)]
    place = {name: at for at, name in enumerate(columns)}
    text = StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    for section in sections:
        for row in section.rows:
            cells = [""] * len(columns)
            cells[:3] = section.name, safe_cell(report.artifact.name), report.artifact.digest
            for name, value in zip(section.columns, row, strict=True):
                cells[place[name]] = safe_cell(value)
            writer.writerow(cells)
    return text.getvalue().encode("utf-8", "backslashreplace")


def safe_cell(value: str) -> str:
    """A cell no spreadsheet takes for a formula."""
    shown = one_line(value)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown
