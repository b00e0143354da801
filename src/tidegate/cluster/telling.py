# SPDX-License-Identifier: Apache-2.0
"""What of the cluster is told to the server with each report."""

import time
from collections.abc import Callable
from typing import Final

from tidegate.cluster.known import Known
from tidegate.execution.report import NodeKind, Report, Taken
from tidegate.values import replace

_AGAIN_SECONDS: Final = 30.0
"""Between two tellings of everything."""


class Telling:
    """Adds to reports what changed, and all of it where the server knows something else.

    Args:
        known: what runs.
        heard_at: when the API server was heard last.
    """

    def __init__(self, known: Known, heard_at: Callable[[], str]) -> None:
        self._known = known
        self._heard_at = heard_at
        self._again_at = float("-inf")

    def add_to(self, report: Report) -> Report:
        """The report with what is new. Raises OutsideError where the file cannot be read."""
        news = self._known.news()
        return replace(
            report,
            kind=NodeKind.CLUSTER,
            changed=news.changed,
            all_since=news.all_since if news.is_all else 0,
            running=news.running if news.is_all else -1,
            current_at=self._heard_at(),
        )

    def taken(self, report: Report, taken: Taken) -> bool:
        """The server has it; True when more is to be told at once. Raises as `add_to`."""
        self._known.told(report.changed)
        if taken.unknown_containers and time.monotonic() - self._again_at > _AGAIN_SECONDS:
            self._again_at = time.monotonic()
            self._known.tell_again()
            return True
        return report.running < 0
