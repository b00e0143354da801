# SPDX-License-Identifier: Apache-2.0
"""`tidegate db build|update|info`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerbs, verb
from tidegate.cli.output import Output, output_options
from tidegate.errors import UsageError
from tidegate.settings import Settings

if TYPE_CHECKING:
    from tidegate.cli.page import Line
    from tidegate.knowledge.build import BuildReport
    from tidegate.knowledge.database import KnowledgeInfo
    from tidegate.knowledge.update import UpdateReport

_DB = click.option("--db", type=click.Path(path_type=Path), metavar="FILE", help="Knowledge file. [under --home]")
_SHOWN_NAMES = 10

command = ClickVerbs(
    "db",
    help="Build, update and describe the knowledge file: what the world says of vulnerabilities.",
    examples=(
        ("tidegate db update --url https://advisories.example/osv", "fetch what is new"),
        ("tidegate db build --from ./osv", "from a folder, on a machine without a network"),
        ("tidegate db info", "how much is known, and from when"),
    ),
)


@verb(
    "build",
    examples=(
        ("tidegate db build --from ./osv", "into the folder for everything"),
        ("tidegate db build --from ./osv --db knowledge.db --format json", "into a file of its own, told to a program"),
    ),
)
@output_options("table", "json")
@_DB
@click.option(
    "--from", "source", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Folder in the OSV layout."
)
def _build(call: Call, *, output: Output, source: Path, db: Path | None) -> int:
    """Build the knowledge file from a folder.

    DIR holds the public OSV layout (ECOSYSTEM/all.zip) and, where there are such, kev.json, EPSS scores and eol.json. A
    broken entry is skipped, counted and named. The file appears whole or not at all.
    """
    from tidegate.cli.progress import ProgressLine
    from tidegate.clock import system_clock
    from tidegate.knowledge.build import build

    settings = call.settings(db=db)
    with ProgressLine(shown=call.shows_progress) as line:
        report = build(source, settings.db, made_at=system_clock(), progress=line.tell)
    _tell_skipped(call, report)
    if output.form == "json":
        output.write_json(report)
    else:
        _write(output, settings, _build_page(report, settings.db))
    return 0


@verb(
    "update",
    examples=(
        ("tidegate db update --url https://advisories.example/osv", "fetch what changed since last time"),
        ("tidegate db update --allow-rollback", "also when the server's set is older than ours"),
    ),
)
@output_options("table", "json")
@_DB
@click.option("--url", metavar="URL", help="Where the OSV layout begins. [outbound.knowledge_url]")
@click.option("--allow-rollback", is_flag=True, help="Take an older set than the one in force.")
@click.option("--insecure", is_flag=True, help="Server without TLS, or without checking it.")
def _update(
    call: Call, *, output: Output, db: Path | None, url: str | None, allow_rollback: bool, insecure: bool
) -> int:
    """Bring the knowledge file up to date over HTTP(S).

    Fetches only what changed, goes on where a broken fetch stopped, and replaces the file whole or not at all. A set
    older than the one in force is refused (exit 1).
    """
    from tidegate.assembly.outward import build_outbound
    from tidegate.cli.progress import ProgressLine
    from tidegate.clock import system_clock
    from tidegate.knowledge.update import update

    settings = call.settings(db=db)
    address = url or settings.outbound.knowledge_url
    if not address:
        raise UsageError("nobody says where to fetch from", remedy="give --url, or set outbound.knowledge_url")
    if insecure:
        call.warn("--insecure: nobody vouches for what the server is or says")
    state = settings.home / "update"
    with ProgressLine(shown=call.shows_progress) as line, build_outbound(settings, insecure=insecure) as outbound:
        report = update(
            address,
            settings.db,
            state,
            outbound,
            made_at=system_clock(),
            allow_rollback=allow_rollback,
            progress=line.tell,
        )
    if report.built is not None:
        _tell_skipped(call, report.built)
    if output.form == "json":
        output.write_json(report)
    else:
        _write(output, settings, _update_page(report, settings.db))
    return 0


@verb(
    "info",
    examples=(
        ("tidegate db info", "how much is known, and from when"),
        ("tidegate db info --format json", "for a program"),
    ),
)
@output_options("table", "json")
@_DB
def _info(call: Call, *, output: Output, db: Path | None) -> int:
    """Describe the knowledge file."""
    from tidegate.knowledge.database import Knowledge

    settings = call.settings(db=db)
    with Knowledge.open(settings.db) as knowledge:
        info = knowledge.info()
    if output.form == "json":
        output.write_json(_told(info))
    else:
        _write(output, settings, _info_page(info))
    return 0


command.add_command(_build)
command.add_command(_update)
command.add_command(_info)


def _told(info: "KnowledgeInfo") -> dict[str, object]:
    names = ("stamp", "size_bytes", "advisories", "ranges", "ecosystems", "exploited", "likelihoods", "products")
    return {"file": str(info.path), **{name: getattr(info, name) for name in names}}


def _tell_skipped(call: Call, report: "BuildReport") -> None:
    if report.skipped:
        call.warn(f"{report.skipped} broken entries were skipped")
        for name in report.skipped_names[:_SHOWN_NAMES]:
            call.note(f"  {name}")
    if report.unordered:
        some = ", ".join(f"{name} {count}" for name, count in sorted(report.unordered.items())[:_SHOWN_NAMES])
        call.note(f"ranges and versions nobody can order were left out: {some}")


def _write(output: Output, settings: Settings, lines: "Iterator[Line]") -> None:
    from tidegate.cli.page import write_page

    write_page(output, lines, colour=settings.colour)


def _build_page(report: "BuildReport", path: Path) -> "Iterator[Line]":
    yield from _rows(
        ("file", path),
        ("size", f"{report.size_bytes / 1e6:.1f} MB"),
        ("made at", f"{report.stamp.made_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("sequence", report.stamp.sequence),
        ("digest", report.stamp.digest),
        ("advisories", f"{report.advisories:,}"),
        ("ranges", f"{report.ranges:,}"),
        ("ecosystems", len(report.ecosystems)),
        ("exploited", f"{report.exploited:,}"),
        ("EPSS scores", f"{report.likelihoods:,}"),
        ("products", f"{report.products:,} with support dates"),
        ("withdrawn", f"{report.withdrawn:,} left out"),
        ("skipped", f"{report.skipped:,} broken"),
    )


def _update_page(report: "UpdateReport", path: Path) -> "Iterator[Line]":
    if report.built is None:
        yield from _rows(("file", path), ("nothing new", f"sequence {report.stamp.sequence} stands"))
        return
    yield from _build_page(report.built, path)
    before = report.before.sequence if report.before else "nothing"
    yield from _rows(("before", before), ("fetched", f"{len(report.fetched)} files, {report.unchanged} unchanged"))


def _info_page(info: "KnowledgeInfo") -> "Iterator[Line]":
    yield from _rows(
        ("file", info.path),
        ("size", f"{info.size_bytes / 1e6:.1f} MB"),
        ("made at", f"{info.stamp.made_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("sequence", info.stamp.sequence),
        ("digest", info.stamp.digest),
        ("advisories", f"{info.advisories:,}"),
        ("ranges", f"{info.ranges:,}"),
        ("exploited", f"{info.exploited:,}"),
        ("EPSS scores", f"{info.likelihoods:,}"),
        ("products", f"{info.products:,} with support dates"),
    )
    for name in info.ecosystems:
        yield from _rows(("ecosystem", name))


def _rows(*rows: tuple[str, object]) -> "Iterator[Line]":
    from tidegate.cli.page import Style, piece

    for name, value in rows:
        yield (piece(f"{name:<12}", Style.FAINT), piece(value))
