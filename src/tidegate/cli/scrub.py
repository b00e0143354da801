# SPDX-License-Identifier: Apache-2.0
"""`tidegate scrub`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.output import Output, output_options

if TYPE_CHECKING:
    from tidegate.assembly.keeping import Keeping
    from tidegate.cli.page import Line
    from tidegate.curation.keeping.damage import Hit


@verb(
    "scrub",
    examples=(
        ("tidegate scrub", "hash everything again, from where the last run stopped"),
        ("tidegate scrub --status", "where it stands, and what is damaged"),
        ("tidegate scrub --seconds 600", "for ten minutes; the next run goes on there"),
    ),
)
@output_options("table", "json")
@click.option("--status", is_flag=True, help="Only tell where it stands and what is damaged.")
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), help="Stop after so long.")
def command(call: Call, *, output: Output, status: bool, seconds: float | None) -> int:
    """Hash the registry's stored blobs and manifests again; shut damaged ones away and repair them.

    Good copies come from curation.repair_folders and curation.repair_registries. What cannot be repaired is told with
    everything it hits, and is exit status 1. A running server scrubs by itself, and may be asked for it (POST
    /api/v1/scrub).
    """
    from tidegate.assembly.keeping import local_user, open_keeping
    from tidegate.cli.progress import ProgressLine

    with open_keeping(call.settings()) as keeping:
        if not status:
            with keeping.alone(), ProgressLine(shown=call.shows_progress) as line:
                found = keeping.scrub(
                    who=local_user(),
                    seconds=seconds,
                    progress=lambda part, count, read: line.tell(f"{part}: {count}, {read >> 20} MiB read"),
                )
        told = {"run": None if status else found, **_state(keeping)}
    if output.form == "json":
        output.write_json(told)
    else:
        from tidegate.cli.page import write_page

        write_page(output, _page(told), colour=call.settings().colour)
    return 1 if told["lost"] else 0


def _state(keeping: "Keeping") -> "dict[str, object]":
    from tidegate.curation.keeping.damage import hit_by_blob, list_damages

    with keeping.database.read() as connection:
        damages = list_damages(connection, limit=1000)
        lost = {str(one.digest): hit_by_blob(connection, one.digest) for one in damages if one.repaired_at is None}
    return {"position": keeping.scrubber.position(), "damages": damages, "lost": lost}


def _page(told: "dict[str, object]") -> "Iterator[Line]":
    from tidegate.cli.page import Style, piece
    from tidegate.curation.keeping.damage import Damage
    from tidegate.curation.keeping.scrub import Position, Scrubbed

    run, position, damages, lost = told["run"], told["position"], told["damages"], told["lost"]
    if isinstance(run, Scrubbed):
        yield (piece(f"{run.blobs} blobs and {run.manifests} manifests, {run.read_bytes} bytes read", Style.TITLE),)
        if run.strays:
            yield (piece(f"{run.strays} blobs no row speaks of; garbage collection removes them"),)
        for digest in set(run.damaged) & set(run.lost):
            yield piece("LOST     ", Style.BAD), piece(digest)
    if isinstance(position, Position):
        ended = f"ended {position.ended_at:%Y-%m-%d %H:%M}" if position.ended_at else f"is at {position.part}"
        yield (piece(f"the round began {position.began_at:%Y-%m-%d %H:%M} and {ended}", Style.FAINT),)
    for one in damages if isinstance(damages, list) else ():
        if isinstance(one, Damage):
            word, style = ("repaired ", Style.GOOD) if one.repaired_at else ("LOST     ", Style.BAD)
            from_where = f" from {one.repaired_from}" if one.repaired_at else ""
            yield piece(word, style), piece(f"{one.digest}  {one.defect}, {one.size} bytes{from_where}")
            yield from _hits(lost.get(str(one.digest)) if isinstance(lost, dict) else None)


def _hits(hit: "Hit | None") -> "Iterator[Line]":
    from tidegate.cli.page import piece

    for needs in hit.manifests if hit else ():
        names = ", ".join(needs.tags or needs.repositories)
        yield (piece(f"         needed by {needs.digest.short} ({needs.state}): {names}"),)
    for runs in hit.workloads if hit else ():
        yield (piece(f"         runs in {runs.workload}" + (f", owner {runs.owner}" if runs.owner else "")),)
