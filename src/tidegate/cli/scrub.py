# SPDX-License-Identifier: Apache-2.0
"""`tidegate scrub`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.output import Output, output_options
from tidegate.cli.server_option import server_option

if TYPE_CHECKING:
    from tidegate.assembly.scrubbing import ScrubState
    from tidegate.cli.page import Line
    from tidegate.curation.keeping.damage import Hit
    from tidegate.curation.keeping.scrub import Scrubbed


@verb(
    "scrub",
    examples=(
        ("tidegate scrub", "hash everything again, from where the last run stopped"),
        ("tidegate scrub --status", "where it stands, and what is damaged"),
        ("tidegate scrub --seconds 600", "for ten minutes; the next run goes on there"),
        ("tidegate scrub --server https://registry.example", "have a server do it now"),
    ),
)
@server_option
@output_options("table", "json", by_terminal=True)
@click.option("--status", is_flag=True, help="Only tell where it stands and what is damaged.")
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), help="Stop after so long.")
def command(call: Call, *, output: Output, server: str | None, status: bool, seconds: float | None) -> int:
    """Hash the registry's stored blobs and manifests again; shut damaged ones away and repair them.

    Good copies come from curation.repair_folders and curation.repair_registries. What cannot be repaired is told with
    everything it hits, and is exit status 1. A running server scrubs by itself, and is asked for it
    with --server.
    """
    from tidegate.assembly.scrubbing import open_scrubbing
    from tidegate.cli.progress import ProgressLine

    run = None
    with open_scrubbing(call.settings(client__server=server)) as scrubbing:
        if not status:
            with ProgressLine(shown=call.shows_progress) as line:
                run = scrubbing.scrub(seconds=seconds, tell=line.tell)
        state = scrubbing.state()
    if output.form == "json":
        told = {"run": run, "position": state.position, "damages": state.damages, "lost": state.lost}
        output.write_json(told)
    else:
        from tidegate.cli.page import write_page

        write_page(output, _page(run, state), colour=call.settings().colour)
    return 1 if state.lost else 0


def _page(run: "Scrubbed | None", state: "ScrubState") -> "Iterator[Line]":
    from tidegate.cli.page import Style, piece

    if run is not None:
        yield (piece(f"{run.blobs} blobs and {run.manifests} manifests, {run.read_bytes} bytes read", Style.TITLE),)
        if run.strays:
            yield (piece(f"{run.strays} blobs no row speaks of; garbage collection removes them"),)
        for digest in set(run.damaged) & set(run.lost):
            yield piece("LOST     ", Style.BAD), piece(digest)
    position = state.position
    if position is not None:
        ended = f"ended {position.ended_at:%Y-%m-%d %H:%M}" if position.ended_at else f"is at {position.part}"
        yield (piece(f"the round began {position.began_at:%Y-%m-%d %H:%M} and {ended}", Style.FAINT),)
    for one in state.damages:
        word, style = ("repaired ", Style.GOOD) if one.repaired_at else ("LOST     ", Style.BAD)
        from_where = f" from {one.repaired_from}" if one.repaired_at else ""
        yield piece(word, style), piece(f"{one.digest}  {one.defect}, {one.size} bytes{from_where}")
        yield from _hits(state.lost.get(str(one.digest)))


def _hits(hit: "Hit | None") -> "Iterator[Line]":
    from tidegate.cli.page import piece

    for needs in hit.manifests if hit else ():
        names = ", ".join(needs.tags or needs.repositories)
        yield (piece(f"         needed by {needs.digest.short} ({needs.state}): {names}"),)
    for runs in hit.workloads if hit else ():
        yield (piece(f"         runs in {runs.workload}" + (f", owner {runs.owner}" if runs.owner else "")),)
