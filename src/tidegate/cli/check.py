# SPDX-License-Identifier: Apache-2.0
"""`tidegate check`."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.output import Output, output_options
from tidegate.errors import InvalidInputError, NotFoundError, OutsideError
from tidegate.evidence import Misconfiguration, Severity
from tidegate.values import Struct

if TYPE_CHECKING:
    from tidegate.checks.check import CheckSet
    from tidegate.cli.page import Line

MAX_FILES: Final = 10_000
"""Documents of one folder."""
MAX_FILE_BYTES: Final = 16 << 20

_SEVERITIES: Final = tuple(severity.value for severity in reversed(Severity))
_SKIPPED: Final = frozenset({".git", "node_modules", ".venv", "vendor", "__pycache__"})
_STANDARD_INPUT: Final = Path("-")


class CheckReport(Struct, frozen=True, kw_only=True):
    """What `tidegate check --format json` writes.

    Attributes:
        checked: documents that were judged.
        unreadable: documents that could not be, each with the reason.
    """

    checked: tuple[str, ...]
    misconfigurations: tuple[Misconfiguration, ...]
    unreadable: tuple[str, ...] = ()
    schema_version: str = "1.0.0"


@verb(
    "check",
    examples=(
        ("tidegate check .", "every Dockerfile, Compose file and Kubernetes manifest of a folder"),
        ("tidegate check Dockerfile --fail-on high", "exit 1 on what is high or worse, for a pipeline"),
        ("helm template chart | tidegate check -", "a chart, rendered"),
        ("tidegate check deploy.yaml --checks our-checks.yaml", "with checks of your own beside"),
    ),
)
@output_options("table", "json")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option(
    "--checks", "files", multiple=True, type=click.Path(path_type=Path), metavar="FILE", help="Further checks."
)
@click.option("--fail-on", type=click.Choice(_SEVERITIES[:-1]), help="Exit 1 when something is that bad or worse.")
def command(
    call: Call, *, output: Output, paths: tuple[Path, ...], files: tuple[Path, ...], fail_on: str | None
) -> int:
    """Find what is set up wrong in Dockerfiles, Compose files and Kubernetes manifests.

    PATH is a file, a folder that is looked through, or - for standard input. What a file is, its name and content tell.
    Helm templates are passed over: render them first. Images are checked by tidegate scan.
    """
    from tidegate.checks.documents import check_document

    own = _own_checks(files)
    checked: list[str] = []
    found: list[Misconfiguration] = []
    unreadable: list[str] = []
    for path, name, kind in _documents(paths):
        raw = _read(path)
        beside = path != _STANDARD_INPUT and (path.parent / ".dockerignore").is_file()
        try:
            found += check_document(raw, path=name, kind=kind, has_ignore_file=beside, own=own)
            checked.append(name)
        except InvalidInputError as error:
            if path in paths:
                raise
            if kind != "manifest":  # any YAML may lie in a folder; what is named like a document should be one
                unreadable.append(str(error))
    for told in unreadable:
        call.warn(told)
    report = CheckReport(checked=tuple(checked), misconfigurations=tuple(found), unreadable=tuple(unreadable))
    _write(output, report, call)
    failing = [one for one in found if fail_on and one.severity.rank >= Severity(fail_on).rank]
    if failing:
        call.note(f"{len(failing)} of {len(found)} are {fail_on} or worse")
    return 1 if failing else 0


def _own_checks(files: Sequence[Path]) -> list["CheckSet"]:
    from tidegate.checks.check import load_checks

    return [one for file in files for one in load_checks(_read(file).decode(errors="replace"), file=str(file))]


def _documents(paths: Sequence[Path]) -> Iterator[tuple[Path, str, str]]:
    """Path, name for people, and kind of every document."""
    from tidegate.checks.documents import kind_by_name

    for path in paths:
        if path == _STANDARD_INPUT:
            yield path, "standard input", "manifest"
        elif path.is_dir():
            for file in _below(path):
                if kind := kind_by_name(file.name):
                    yield file, str(file.relative_to(path)), kind
        elif path.exists():
            yield path, str(path), kind_by_name(path.name) or _kind_by_content(path)
        else:
            raise NotFoundError("no such file or folder", where=str(path))


def _below(folder: Path) -> Iterator[Path]:
    import os

    files = 0
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(names):
            path = Path(here, name)
            if path.is_file() and not path.is_symlink():
                files += 1
                yield path
            if files > MAX_FILES:
                raise InvalidInputError(
                    f"holds more than {MAX_FILES} files", where=str(folder), remedy="name parts of it"
                )


def _kind_by_content(path: Path) -> str:
    return "dockerfile" if any(line.upper().startswith(b"FROM ") for line in _read(path).splitlines()) else "manifest"


def _read(path: Path) -> bytes:
    try:
        if path == _STANDARD_INPUT:
            return sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror}", where=str(path)) from error


def _write(output: Output, report: CheckReport, call: Call) -> None:
    if output.form == "json":
        output.write_json(report)
        return
    from tidegate.cli.page import write_page

    write_page(output, _page(report), colour=call.settings().colour)


def _page(report: CheckReport) -> Iterator["Line"]:
    from tidegate.cli.page import Style, piece
    from tidegate.cli.scan_page import SEVERITY_STYLES

    documents = f"{len(report.checked)} document{'' if len(report.checked) == 1 else 's'}"
    yield (piece(f"{documents} checked, ", Style.TITLE), piece(f"{len(report.misconfigurations)} to mend"))
    worst_first = sorted(report.misconfigurations, key=lambda one: (-one.severity.rank, one.id, one.location, one.line))
    for one in worst_first:
        line = f":{one.line}" if one.line else ""
        yield ()
        yield (
            piece(f"{one.severity.value:<8}  ", SEVERITY_STYLES[one.severity]),
            piece(f"{one.id}  ", Style.NOTE),
            piece(one.title, Style.TITLE),
            piece(f"  {one.location}{line}", Style.FAINT),
        )
        yield (piece(f"          {one.reason}"),)
        yield (piece(f"          fix: {one.fix}", Style.GOOD),)
        yield (piece(f"          {', '.join(one.references)}", Style.FAINT),)
