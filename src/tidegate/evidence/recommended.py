# SPDX-License-Identifier: Apache-2.0
"""The version that a package is to be upgraded to: said once, by the advice of the report, and in every form the same.

An advisory tells the version that mends its own flaw; the one to take is that in which nothing is left that has a fix.
"""

from collections.abc import Mapping

from tidegate.evidence.scan_report import ScanReport
from tidegate.inventory import PackageUrl


def recommended_versions(report: ScanReport) -> Mapping[PackageUrl, str]:
    """By package URL; a package without a fix, or of which nothing is gained, is not among them."""
    return {purl: one.to for one in report.advice if one.kind == "package" for purl in one.packages}
