# SPDX-License-Identifier: Apache-2.0
"""What is new in a tree, held against what another tree held."""

from collections import Counter

from tidegate.evidence import Baseline, ScanReport
from tidegate.evidence.identity import identity_of
from tidegate.values import replace


def compared(report: ScanReport, before: ScanReport, *, against: str, commit: str) -> ScanReport:
    """A report that tells what is new in it.

    Args:
        report: of the tree as it is.
        before: of the tree it is held against, joined with the same knowledge, so that an advisory of today is not
            taken for a change of the tree.
        against: the branch.
        commit: the merge base whose tree `before` is of.
    """
    now, then = _identities(report), _identities(before)
    new = now - then
    baseline = Baseline(
        against=against,
        commit=commit,
        new=tuple(sorted(new.elements())),
        known=now.total() - new.total(),
        gone=(then - now).total(),
    )
    return replace(report, baseline=baseline)


def _identities(report: ScanReport) -> Counter[str]:
    """What is silenced counts in neither tree: once nobody excuses it any more, it is new."""
    return Counter(
        [
            *map(identity_of, report.findings),
            *map(identity_of, report.secrets),
            *map(identity_of, report.misconfigurations),
        ]
    )
