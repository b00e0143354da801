# SPDX-License-Identifier: Apache-2.0
"""`tidegate intake import|list|bases`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerbs, verb
from tidegate.cli.output import Output, output_options
from tidegate.cli.rule import rule_verbs
from tidegate.cli.table import write_table
from tidegate.errors import NotFoundError, OutsideError

if TYPE_CHECKING:
    from tidegate.curation.intake.imports import ImportReport, Line
    from tidegate.curation.intake.named_images import NamedImage

_LIMIT = click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="Most lines.")

command = ClickVerbs(
    "intake",
    help="Take images in from upstream registries, and tell how names that come from there stand.",
    examples=(
        ("tidegate intake import images.txt", "one name a line; waits for every verdict"),
        ("tidegate intake import deployment.yaml --dry-run", "what a manifest names, and what taking it would do"),
        ("tidegate intake list --watched", "what is watched upstream, and how it stands"),
    ),
)


@verb(
    "import",
    examples=(
        ("tidegate intake import images.txt", "one name a line, or `NAME TARGET`"),
        ("kubectl get pods -A -o yaml | tidegate intake import -", "what runs in a cluster"),
    ),
)
@output_options("table", "json")
@click.option("--dry-run", is_flag=True, help="Look everything up, fetch no layer, keep nothing.")
@click.argument("list_", metavar="LIST", type=click.Path(path_type=Path, allow_dash=True))
def _import(call: Call, *, output: Output, list_: Path, dry_run: bool) -> int:
    """Take in the images of a LIST: names, or a Dockerfile, Compose file or Kubernetes manifest that names them.

    Each is fetched from its upstream, examined and decided over. Broken off, the rest is gone on with by the next
    server or import over the same folder. Exit status 1 when one was refused, 3 when an upstream failed.
    """
    from tidegate.curation.intake.named_images import named_images

    name = "-" if str(list_) == "-" else str(list_)
    named = named_images(_read(list_), where="standard input" if name == "-" else name)
    settings = call.settings()
    if dry_run:
        from tidegate.assembly.importing import open_importing

        with open_importing(settings) as importing:
            lines: Sequence[Line] = importing.preview(named)
    else:
        lines = _take_in(call, named, name).lines
    if output.form == "json":
        output.write_json(lines)
    else:
        rows = [(line.written, _here(line), line.state, _short(line.digest), line.why) for line in lines]
        write_table(call, output, ("image", "here", "state", "digest", "why"), rows)
    return _status(lines)


@verb("list", examples=(("tidegate intake list --upstream hub", "of one upstream"),))
@output_options("table", "json")
@_LIMIT
@click.option("--upstream", default="", metavar="NAME", help="Only names of this one.")
@click.option("--watched", is_flag=True, help="Only what is watched.")
def _list(call: Call, *, output: Output, upstream: str, watched: bool, limit: int) -> int:
    """List names that came from upstreams: what they mean there, when that was asked, and how it went."""
    from tidegate.assembly.importing import open_importing

    with open_importing(call.settings()) as importing:
        found = importing.names(upstream=upstream, watched=watched, limit=limit)
    if output.form == "json":
        output.write_json(found)
        return 0
    rows = [
        (
            f"{one.repository}{'@' if ':' in one.locator else ':'}{one.locator[:19]}",
            one.outcome,
            one.state,
            _short(one.digest),
            one.checked_at,
            one.look_at if one.watched else "",
            one.reason,
        )
        for one in found
    ]
    write_table(call, output, ("name", "outcome", "state", "digest", "asked", "next look", "why"), rows)
    return 0


def _take_in(call: Call, named: "Sequence[NamedImage]", name: str) -> "ImportReport":
    from tidegate.assembly.importing import take_in
    from tidegate.assembly.keeping import local_user

    def told(report: "ImportReport") -> None:
        counts = ", ".join(f"{count} {progress}" for progress, count in sorted(report.counts.items()))
        call.note(f"{len(report.lines)} images: {counts or 'none'}")

    return take_in(call.settings(), named, name=name, who=local_user(), told=told)


def _status(lines: "Sequence[Line]") -> int:
    progress = {line.progress.value for line in lines}
    if "refused" in progress:
        return 1
    return OutsideError.exit_status if "failed" in progress else 0


def _short(digest: str) -> str:
    return digest.partition(":")[2][:12]


def _here(line: "Line") -> str:
    if not line.repository:
        return ""
    return f"{line.repository}{'@' if ':' in line.locator else ':'}{line.locator[:19]}"


def _read(path: Path) -> bytes:
    from tidegate.bounds import read_bounded
    from tidegate.curation.intake.named_images import MAX_TEXT_BYTES

    if str(path) == "-":
        return read_bounded(sys.stdin.buffer, max_bytes=MAX_TEXT_BYTES, what="standard input")
    try:
        with path.open("rb") as file:
            return read_bounded(file, max_bytes=MAX_TEXT_BYTES, what=str(path))
    except FileNotFoundError as error:
        raise NotFoundError("no such file", where=str(path)) from error
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror}", where=str(path)) from error


@verb("bases", examples=(("tidegate intake bases", "what each base was, and what it is now"),))
@output_options("table", "json")
def _bases(call: Call, *, output: Output) -> int:
    """List internal bases: each version, what it was made of, and which is the current one."""
    from tidegate.assembly.importing import open_importing

    with open_importing(call.settings()) as importing:
        found = importing.base_versions()
    if output.form == "json":
        output.write_json(found)
        return 0
    rows = [
        (one.base, str(one.number), one.state, f"{one.repository}:{one.tag}", _short(one.digest), one.since)
        for one in found
    ]
    write_table(call, output, ("base", "version", "state", "name", "digest", "since"), rows)
    return 0


command.add_command(_import)
command.add_command(_list)
command.add_command(_bases)
command.add_command(rule_verbs("intake", file="intake.toml"))
