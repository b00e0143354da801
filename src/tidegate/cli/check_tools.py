# SPDX-License-Identifier: Apache-2.0
"""What other tools say of a folder, for `tidegate check`: reports handed in, and Bandit and Semgrep, run here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tidegate.cli.call import Call
from tidegate.cli.gathered_options import gathered
from tidegate.errors import UsageError

if TYPE_CHECKING:
    from tidegate.development.intake.tool_finding import ToolReport
    from tidegate.evidence import Misconfiguration

_FILE: Final = click.Path(path_type=Path)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolChoice:
    """What was said on the command line."""

    reports: tuple[Path, ...]
    sast: bool
    semgrep_rules: tuple[Path, ...]

    @property
    def is_given(self) -> bool:
        """True when another tool is asked at all."""
        return bool(self.reports or self.sast or self.semgrep_rules)

    def found(self, call: Call, folder: Path) -> "tuple[Misconfiguration, ...]":
        """What they found, in the form in which every check tells.

        Raises:
            UsageError: neither of the tools that were to be run is installed.
            TidegateError: a report cannot be read, or a tool failed or went over its bounds.
        """
        from tidegate.cli.named_file import read_named_file
        from tidegate.development.intake.reading import read_tool_report
        from tidegate.development.intake.sarif import MAX_REPORT_BYTES

        told = [
            read_tool_report(read_named_file(path, max_bytes=MAX_REPORT_BYTES), where=str(path))
            for path in self.reports
        ]
        if self.sast or self.semgrep_rules:
            told += self._run(call, folder)
        for report in told:
            if report.incomplete:
                call.warn(
                    f"{' '.join(report.tools) or 'a tool'}: {report.incomplete}; what it did not find proves nothing"
                )
        return tuple(it.misconfiguration() for report in told for it in report.findings)

    def _run(self, call: Call, folder: Path) -> "Sequence[ToolReport]":
        from tidegate.development.intake.running import run_bandit, run_semgrep

        found: list[ToolReport] = []
        if (bandit := run_bandit(folder)) is not None:
            found.append(bandit)
        if self.semgrep_rules:
            if (semgrep := run_semgrep(folder, self.semgrep_rules)) is not None:
                found.append(semgrep)
            else:
                call.warn("Semgrep is not installed, so its rules are not asked")
        if not found:
            raise UsageError(
                "neither Bandit nor Semgrep with rules is there to be run",
                remedy="install bandit, or semgrep and name its rules with --semgrep-rules",
            )
        return found


def tool_options(function: Callable[..., int]) -> Callable[..., int]:
    """Adds the options; the verb gets them as one `tools`."""
    return gathered(function, "tools", ToolChoice, _options(), keys=ToolChoice.__slots__)


def _options() -> list[click.Parameter]:
    return [
        click.Option(
            ["--report", "reports"],
            multiple=True,
            type=_FILE,
            metavar="FILE",
            help="What others found in a folder: SARIF, ZAP, JUnit.",
        ),
        click.Option(["--sast"], is_flag=True, help="Run Bandit over a folder, and Semgrep when it is given rules."),
        click.Option(
            ["--semgrep-rules"], multiple=True, type=_FILE, metavar="PATH", help="Rules for Semgrep; none are fetched."
        ),
    ]
