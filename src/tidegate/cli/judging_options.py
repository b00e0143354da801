# SPDX-License-Identifier: Apache-2.0
"""What verbs that make a report have in common: statements, ignore files, the day, the sector."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tidegate.cli.call import Call
from tidegate.cli.gathered_options import gathered
from tidegate.cli.named_file import read_named_file

if TYPE_CHECKING:
    from tidegate.cli.found_words import FoundFile, FoundWords
    from tidegate.examination.report import Said
    from tidegate.vex.claim import Claim

SECTORS: Final = ("none", "energy", "finance", "health", "public", "retail", "telco")
"""Sector profiles, here for help without their import; a test compares."""

_FILE: Final = click.Path(path_type=Path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """What was asked of the judgement.

    Attributes:
        at: the day; None for the knowledge's own.
        ignore_files: heed ignore files that nobody named.
    """

    vex: tuple[Path, ...]
    ignorefile: tuple[Path, ...]
    at: date | None
    sector: str | None
    ignore_files: bool = True

    @property
    def flags(self) -> dict[str, object]:
        """The settings these options overrule."""
        return {"scan__sector": self.sector}

    def found(self, call: Call, target: str, *, but: Sequence[str] = ()) -> "FoundWords":
        """The ignore files to be heeded without being named; they are told.

        Args:
            call: is told of each.
            target: as written; "" for none.
            but: names of those that a named file stands for.

        Raises:
            TidegateError: one cannot be read, or it is no target.
        """
        from tidegate.cli.found_words import NOTHING_FOUND, TRIVY, found_words

        if not self.ignore_files:
            return NOTHING_FOUND
        found = found_words(target).without(*but, *(TRIVY if self.ignorefile else ()))
        for file in found.files:
            call.note(f"heeding {file.place}")
        for link in found.links:
            call.warn(f"{link} is a link, so it is not heeded; name it if it shall be")
        return found

    def said(self, call: Call, found: "FoundWords") -> "Said":
        """Everything people said beforehand.

        Args:
            call: is told whose signatures are around documents.
            found: ignore files that nobody named.

        Raises:
            TidegateError: a named file is missing or is no such document.
        """
        from tidegate.cli.found_words import TRIVY

        if not (self.vex or self.ignorefile or found.named(*TRIVY)):
            from tidegate.examination.report import NOTHING_SAID

            return NOTHING_SAID
        return _said(call, self.vex, self.ignorefile, found.named(*TRIVY))


def judging_options(function: Callable[..., int]) -> Callable[..., int]:
    """Adds the options; the verb gets them as one `judging`."""
    return gathered(function, "judging", Judging, _parameters(), keys=Judging.__slots__)


def _said(
    call: Call, statements: Sequence[Path], ignores: Sequence[Path], found_files: "Sequence[FoundFile]"
) -> "Said":
    from tidegate.cli.signed_file import read_signed_file
    from tidegate.evidence import IdleWord
    from tidegate.examination.report import Said
    from tidegate.vex.reading import MAX_DOCUMENT_BYTES, read_statements
    from tidegate.vex.trivyignore import MAX_FILE_BYTES, read_trivyignore, read_trivyignore_yaml

    claims: list[Claim] = []
    for path in statements:
        claims += read_statements(read_signed_file(call, path, max_bytes=MAX_DOCUMENT_BYTES), where=str(path))[1]
    idle: list[IdleWord] = []
    named = ((str(path), read_named_file(path, max_bytes=MAX_FILE_BYTES)) for path in ignores)
    for place, content in (*named, *((file.place, file.content) for file in found_files)):
        read = read_trivyignore_yaml if place.endswith((".yaml", ".yml")) else read_trivyignore
        found = read(content, where=place)
        claims += found.claims
        idle += found.idle
    return Said(claims=tuple(claims), idle=tuple(idle))


def _day(_context: click.Context, _option: click.Parameter, value: str | None) -> date | None:
    """Reads `2026-12-31` or `today`."""
    if value is None:
        return None
    if value == "today":
        from tidegate.clock import system_clock

        return system_clock().date()
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no day, write it as 2026-12-31, or today") from None


def _parameters() -> list[click.Parameter]:
    return [
        click.Option(
            ["--vex"], multiple=True, type=_FILE, metavar="FILE", help="Statements: OpenVEX, CSAF, CycloneDX."
        ),
        click.Option(
            ["--ignorefile"], multiple=True, type=_FILE, metavar="FILE", help="Trivy's ignore file. [.trivyignore here]"
        ),
        click.Option(
            ["--ignore-files/--no-ignore-files"],
            default=True,
            help="Heed ignore files that are not named: .trivyignore here, and those at the root of a dir: target.",
        ),
        click.Option(["--at"], callback=_day, metavar="DAY", help="Judge for a day, or today. [the knowledge's]"),
        click.Option(["--sector"], type=click.Choice(SECTORS), default=None, help="Weigh for a sector's threats."),
    ]
