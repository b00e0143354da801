# SPDX-License-Identifier: Apache-2.0
"""A scan report in the forms that people and other programs read."""

from tidegate.reports.roster import REPORT_FORMS, ReportForm, render

__all__ = ["REPORT_FORMS", "ReportForm", "render"]
