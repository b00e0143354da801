# SPDX-License-Identifier: Apache-2.0
"""Settings of the log."""

from dataclasses import dataclass
from typing import Annotated, Literal

from tidegate.settings.leaf import Leaf

LogForm = Literal["auto", "text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggingSettings:
    """What is told on standard error."""

    level: Annotated[LogLevel, Leaf(meaning="Least severity told.")] = "warning"
    form: Annotated[LogForm, Leaf(meaning="`text`, `json` (one object a line), or `auto`: text on a terminal.")] = (
        "auto"
    )
