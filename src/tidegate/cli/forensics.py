# SPDX-License-Identifier: Apache-2.0
"""`tidegate forensics capture|list|show|export|keep|drop|schedule`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerbs, verb
from tidegate.cli.output import Output, output_options
from tidegate.cli.server_option import server_option
from tidegate.cli.table import write_table

if TYPE_CHECKING:
    from tidegate.execution.capture_archive import CaptureArchive
    from tidegate.execution.kept_capture import KeptCapture
    from tidegate.execution.scheduled_captures import ScheduledContainer

_PATH: Final = click.Path(path_type=Path)
_SHORT: Final = 19

command = ClickVerbs(
    "forensics",
    help="Capture what a container did, keep it sealed, and look at it later.",
    examples=(
        (
            "tidegate forensics capture web -o web.tar",
            "on its node, as root: processes, sockets, changes, strange code",
        ),
        ("tidegate forensics show web.tar", "what was found, from the file alone"),
        ("tidegate forensics keep web.tar --server https://registry.example", "seal it into that server's ledger"),
        ("tidegate forensics list --image shop/web", "captures of an image"),
        ("tidegate forensics export sha256:… -o web.tar", "back to a file, for other tools"),
    ),
)


@verb("capture", examples=(("tidegate forensics capture 3f2a --memory all -o all.tar", "with all of its memory"),))
@click.argument("container", metavar="CONTAINER")
@click.option("-o", "--output", "to", required=True, type=_PATH, metavar="FILE", help="Where the archive shall lie.")
@click.option(
    "--memory",
    type=click.Choice(["none", "code", "all"]),
    default="code",
    show_default=True,
    help="Of memory: nothing, code that is in no file of the image, or all.",
)
@click.option("--why", default="", metavar="TEXT", help="Why it is made; stands in it.")
@click.option("--incident", default="", metavar="ID", help="The incident it belongs to.")
def _capture(call: Call, *, container: str, to: Path, memory: str, why: str, incident: str) -> int:
    """Capture a running container of this node, by name or the beginning of its id.

    Nothing is run in the container and nothing is written to it. In the archive are its processes (programs and their
    digests, words, users, rights, environment, open files, memory maps), its sockets, what it wrote as an OCI layer,
    and of memory what was asked for. Values that look secret are replaced, but not in memory and in what it wrote.
    """
    from tidegate.sensor.forensics.here import capture_here
    from tidegate.sensor.forensics.memory import MemoryChoice

    choice = MemoryChoice(memory)
    digest, overview = capture_here(
        container, to, node=call.settings().sensor.node, memory=choice, reason=why, incident=incident
    )
    for line in overview.left_out:
        call.warn(f"left out: {line}")
    for path in overview.strange:
        call.warn(f"runs and is not of its image: {path}")
    call.note(f"{to}: {overview.processes} processes, {overview.changed} changes, {digest}")
    return 0


@verb("list", examples=(("tidegate forensics list --incident 2f… --format json", "of an incident, for a program"),))
@server_option
@output_options("table", "json", by_terminal=True)
@click.option("--incident", default="", metavar="ID", help="Only of this incident.")
@click.option("--container", default="", metavar="NAME", help="Only of this container: its name, or whole id.")
@click.option("--image", default="", metavar="IMAGE", help="Only of this image: reference or digest, as it was run.")
@click.option("--node", default="", metavar="NODE", help="Only of this node.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="At most so many.")
def _list(
    call: Call,
    *,
    output: Output,
    server: str | None,
    incident: str,
    container: str,
    image: str,
    node: str,
    limit: int,
) -> int:
    """Show captures on record, the newest first."""
    from tidegate.assembly.capture_book import open_capture_book

    with open_capture_book(call.settings(client__server=server)) as book:
        found = book.find(incident=incident, container=container, image=image, node=node, limit=limit)
    if output.form == "json":
        output.write_json({"captures": found})
        return 0
    headings = ("capture", "taken", "node", "container", "image", "strange", "kept until")
    write_table(call, output, headings, [_row(one) for one in found])
    return 0


def _row(one: "KeptCapture") -> tuple[str, ...]:
    told, container = one.overview, one.overview.container
    name = container.name or container.id[:12]
    until = f"gone: {one.gone_why}" if one.gone_at else one.keep_until[:10]
    return (one.digest[:_SHORT], told.began_at, told.node, name, container.image, str(len(told.strange)), until)


@verb(
    "show",
    examples=(
        ("tidegate forensics show web.tar --part sockets.json", "one part, as it is"),
        ("tidegate forensics show sha256:… --server https://registry.example", "fetched, proved, and shown"),
    ),
)
@server_option
@output_options("table", "json", by_terminal=True)
@click.argument("name", metavar="FILE|DIGEST")
@click.option("--part", default="", metavar="NAME", help="Write this part as it is.")
def _show(call: Call, *, output: Output, server: str | None, name: str, part: str) -> int:
    """Show what is in a capture, every part of it hashed anew: of a file, or of what is kept under a digest."""
    with _opened(call, server, name) as archive:
        if part:
            with archive.open(part) as source:
                while piece := source.read(1 << 20):
                    output.write_bytes(piece)
            return 0
        from tidegate.cli.forensics_page import capture_page, capture_told

        if output.form == "json":
            output.write_json(capture_told(archive))
            return 0
        from tidegate.cli.page import write_page

        write_page(output, capture_page(archive), colour=call.settings().colour)
    return 0


@verb("export", examples=(("tidegate forensics export sha256:… -o web.tar", "for tools that read OCI archives"),))
@server_option
@click.argument("digest", metavar="DIGEST")
@click.option("-o", "--output", "to", required=True, type=_PATH, metavar="FILE", help="Where the archive shall lie.")
def _export(call: Call, *, server: str | None, digest: str, to: Path) -> int:
    """Write a capture's archive to a file, for its owner alone."""
    from tidegate.artifact import Digest
    from tidegate.assembly.capture_book import open_capture_book

    with open_capture_book(call.settings(client__server=server)) as book:
        found = book.export(Digest(digest), to)
    call.note(f"{to}: {found.size} bytes, {found.archive}")
    return 0


@verb("keep", examples=(("tidegate forensics keep web.tar --days 365", "longer than others"),))
@server_option
@click.argument("file", type=_PATH)
@click.option("--days", type=click.IntRange(1, 3650), help="How long. [execution.capture_keep_days there]")
def _keep(call: Call, *, server: str | None, file: Path, days: int | None) -> int:
    """Keep a capture, sealed: a signed statement with its digest goes into the ledger."""
    from tidegate.assembly.capture_book import open_capture_book

    with open_capture_book(call.settings(client__server=server)) as book:
        found = book.keep(file, days=days)
    call.note(f"kept until {found.keep_until} as {found.digest}, sealed by {found.statement}")
    return 0


@verb("drop", examples=(("tidegate forensics drop sha256:… --why 'case closed'", "before its time"),))
@server_option
@click.argument("digest", metavar="DIGEST")
@click.option("--why", required=True, metavar="TEXT", help="Why; stays on record.")
def _drop(call: Call, *, server: str | None, digest: str, why: str) -> int:
    """Delete a capture's archive before its time. The record of it, and its seal, stay."""
    from tidegate.artifact import Digest
    from tidegate.assembly.capture_book import open_capture_book

    with open_capture_book(call.settings(client__server=server)) as book:
        found = book.let_go(Digest(digest), why=why)
    call.note(f"{found.digest} is gone: {found.gone_why}")
    return 0


@verb("schedule", examples=(("tidegate forensics schedule --format json", "for a program"),))
@server_option
@output_options("table", "json", by_terminal=True)
def _schedule(call: Call, *, output: Output, server: str | None) -> int:
    """Show what is captured by time: when next, when last, and whether programs were there that are not of the image.

    What is captured is said by files that execution.capture_schedule_files names, of the server.
    """
    from tidegate.assembly.capture_book import open_capture_book

    with open_capture_book(call.settings(client__server=server)) as book:
        found = book.scheduled()
    if output.form == "json":
        output.write_json({"scheduled": found})
        return 0
    headings = ("next", "node", "workload", "image", "schedule", "last", "state", "capture", "differs")
    write_table(call, output, headings, [_scheduled_row(one) for one in found])
    return 0


def _scheduled_row(one: "ScheduledContainer") -> tuple[str, ...]:
    differs = "" if not one.capture else "yes" if one.differs else "no"
    last = (one.last_at, one.state, one.capture[:_SHORT], differs)
    return (one.next_at, one.node, one.workload, one.image, one.schedule, *last)


@contextmanager
def _opened(call: Call, server: str | None, name: str) -> "Iterator[CaptureArchive]":
    import tempfile

    from tidegate.artifact import Digest
    from tidegate.assembly.capture_book import open_capture_book
    from tidegate.execution.capture_archive import open_capture

    if not name.startswith("sha256:"):
        with open_capture(Path(name)) as archive:
            yield archive
        return
    with tempfile.TemporaryDirectory(prefix="tidegate-capture-") as folder:
        file = Path(folder, "capture.tar")
        with open_capture_book(call.settings(client__server=server)) as book:
            book.export(Digest(name), file)
        with open_capture(file) as archive:
            yield archive


for _verb in (_capture, _list, _show, _export, _keep, _drop, _schedule):
    command.add_command(_verb)
