# SPDX-License-Identifier: Apache-2.0
"""`tidegate diff`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.inspection import Inspection, open_inspected, passing_over_options, read_sbom_file
from tidegate.cli.output import Output, output_options
from tidegate.cli.scan import is_at_least, tell_unrated
from tidegate.evidence import ScanReport, Severity
from tidegate.evidence.flaw import flaw_count
from tidegate.inventory import Inventory
from tidegate.settings import Settings

if TYPE_CHECKING:
    from tidegate.knowledge.database import Knowledge

_SEVERITIES: Final = tuple(severity.value for severity in reversed(Severity))
_MAX_REPORT_BYTES: Final = 256 << 20
_REPORT_MARK: Final = b'"schema_version"'
_HEAD_BYTES: Final = 64 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One of the two: a saved report, or an inventory and, of an image or folder, its files."""

    report: ScanReport | None = None
    inventory: Inventory | None = None
    files: Mapping[str, bytes] | None = None


@verb(
    "diff",
    examples=(
        ("tidegate diff registry.example/app:1.2 registry.example/app:1.3", "what an upgrade brings"),
        ("tidegate diff old.json oci:./image --fail-on high", "exit 1 when something bad came in, for a pipeline"),
        ("tidegate diff a.cdx.json b.spdx --format markdown -o diff.md", "two bills of materials, for a comment"),
    ),
)
@output_options("table", "json", "markdown")
@click.argument("before")
@click.argument("after")
@click.option("--platform", metavar="OS/ARCH", default="", help="Which image of an index. [this machine's]")
@click.option("--insecure", is_flag=True, help="Registry without TLS, or without checking it.")
@click.option("--workers", type=click.IntRange(0, 256), metavar="N", help="Layers read at once. [processors]")
@click.option("--cache-dir", type=click.Path(path_type=Path), metavar="DIR", help="Where facts of layers are kept.")
@click.option(
    "--decryption-key", multiple=True, metavar="FILE[:PASSWORD_FILE]", help="Private key, where layers are encrypted."
)
@passing_over_options
@click.option("--db", type=click.Path(path_type=Path), metavar="FILE", help="Knowledge file. [under --home]")
@click.option("--fail-on", type=click.Choice(_SEVERITIES[:-1]), help="Exit 1 when a finding that bad or worse came.")
@click.option("--fail-on-unknown", is_flag=True, help="With --fail-on: what nobody rated counts as that bad, too.")
def command(
    call: Call,
    *,
    output: Output,
    before: str,
    after: str,
    platform: str,
    insecure: bool,
    workers: int | None,
    cache_dir: Path | None,
    skip_dirs: tuple[str, ...],
    skip_files: tuple[str, ...],
    exclude: tuple[str, ...],
    decryption_key: tuple[str, ...],
    db: Path | None,
    fail_on: str | None,
    fail_on_unknown: bool,
) -> int:
    """Tell what is different between two images.

    BEFORE and AFTER are targets as of tidegate scan, bills of materials (sbom:FILE), or reports that tidegate scan
    --format json wrote. Components are matched by package URL without version; files are compared when both are
    images or folders. A finding known to be exploited, or of a malicious package, counts for --fail-on whatever its
    severity.
    """
    from tidegate.examination.difference import difference

    settings = call.settings(db=db, scan__workers=workers, scan__cache_dir=cache_dir)
    asked = {
        "platform": platform,
        "insecure": insecure,
        "workers": workers,
        "cache_dir": cache_dir,
        "skip_dirs": skip_dirs,
        "skip_files": skip_files,
        "exclude": exclude,
        "decryption_key": decryption_key,
    }
    sides = [_side(call, settings, Inspection(target=target, **asked)) for target in (before, after)]  # type: ignore[arg-type]  # each of its own type
    old, new = _reports(call, settings, sides, is_demanded=db is not None or fail_on is not None)
    one, other = sides[0].files, sides[1].files
    told = difference(old, new, files=(one, other) if one is not None and other is not None else None)
    if told.incomparable:
        call.warn(told.incomparable)
    if output.form == "json":
        output.write_json(told)
    else:
        from tidegate.cli.diff_page import diff_markdown, diff_page
        from tidegate.cli.page import columns_of, write_page

        if output.form == "markdown":
            output.write_text(diff_markdown(told))
        else:
            write_page(output, diff_page(told, columns=columns_of(output)), colour=settings.colour)
    failing = [one for one in told.introduced if fail_on and is_at_least(one, fail_on, unknown_counts=fail_on_unknown)]
    if fail_on and not fail_on_unknown:
        tell_unrated(call, told.introduced)
    if failing:
        call.note(f"{flaw_count(failing)} of the findings that came are {fail_on} or worse, or known to be exploited")
    return 1 if failing else 0


def _side(call: Call, settings: Settings, inspection: Inspection) -> _Side:
    if (saved := _saved(inspection.target)) is not None:
        return _Side(report=saved)
    from tidegate.assembly.scanner import build_lister, build_scanner
    from tidegate.cli.progress import ProgressLine
    from tidegate.oci.target import Scheme, parse_target

    target = parse_target(inspection.target)
    if target.scheme is Scheme.SBOM and target.path is not None:
        return _Side(inventory=read_sbom_file(call, target.path))
    with ProgressLine(shown=call.shows_progress) as line:
        scanner = build_scanner(settings, progress=line.layers, passed_over=inspection.passed_over)
        with open_inspected(call, settings, inspection, line) as source:
            files = build_lister(settings, passed_over=inspection.passed_over)(source)
            return _Side(inventory=scanner(source), files=files)


def _saved(target: str) -> ScanReport | None:
    """The report that a file holds; None when it is something else."""
    from tidegate.errors import OutsideError
    from tidegate.wire import from_json

    path = Path(target)
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            # The version may stand behind everything else.
            if not head.startswith(b"{") or (b'"artifact"' not in head and _REPORT_MARK not in head):
                return None
            data = head + file.read(_MAX_REPORT_BYTES)
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror or error}", where=target) from error
    if _REPORT_MARK not in data:
        return None
    return from_json(data, ScanReport, what=target, max_bytes=_MAX_REPORT_BYTES)


def _reports(call: Call, settings: Settings, sides: list[_Side], *, is_demanded: bool) -> tuple[ScanReport, ScanReport]:
    """Both sides as reports; what is no report yet is joined with the knowledge there is."""
    from tidegate.errors import NotFoundError
    from tidegate.knowledge.database import Knowledge

    if all(side.report is not None for side in sides):
        made = [_report(side, None, settings) for side in sides]
    elif settings.db.exists():
        with Knowledge.open(settings.db) as knowledge:
            made = [_report(side, knowledge, settings) for side in sides]
    elif is_demanded:
        raise NotFoundError("no knowledge file", where=str(settings.db), remedy="fetch one with `tidegate db update`")
    else:
        call.warn(f"no knowledge file at {settings.db}, so findings are not compared")
        made = [_report(side, None, settings) for side in sides]
    return made[0], made[1]


def _report(side: _Side, knowledge: "Knowledge | None", settings: Settings) -> ScanReport:
    from tidegate.assembly.examiner import Examiner

    if side.report is not None:
        return side.report
    if side.inventory is None:  # never: one of the two is there
        raise ValueError("nothing to compare")
    return Examiner(settings).report(side.inventory, knowledge)
