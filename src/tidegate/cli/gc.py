# SPDX-License-Identifier: Apache-2.0
"""`tidegate gc`."""

from typing import TYPE_CHECKING

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.output import Output, output_options
from tidegate.cli.server_option import server_option

if TYPE_CHECKING:
    from tidegate.curation.keeping.collector import Collected, Waiting


@verb(
    "gc",
    examples=(
        ("tidegate gc", "collect now, where no server does it by itself"),
        ("tidegate gc --status --format json", "what waits for collection"),
        ("tidegate gc --server https://registry.example", "have a server do it now"),
    ),
)
@server_option
@output_options("table", "json", by_terminal=True)
@click.option("--status", is_flag=True, help="Only tell what waits.")
def command(call: Call, *, output: Output, server: str | None, status: bool) -> int:
    """Collect blobs of the registry that no manifest needs, and uploads nobody finishes.

    A running server does it by itself, and is asked for it with --server. What was pushed within
    curation.gc_grace_s stays.
    """
    from tidegate.assembly.collecting import open_collecting
    from tidegate.cli.progress import ProgressLine

    with open_collecting(call.settings(client__server=server)) as collecting:
        if status:
            waiting = collecting.waiting()
            output.write_json(waiting) if output.form == "json" else output.write_text(_waiting(waiting))
            return 0
        with ProgressLine(shown=call.shows_progress) as line:
            found = collecting.collect(tell=line.tell)
    output.write_json(found) if output.form == "json" else output.write_text(_collected(found))
    return 0


def _waiting(waiting: "Waiting") -> str:
    return f"{waiting.due} blobs are to be looked at\n{waiting.removals} blobs are to be removed\n"


def _collected(found: "Collected") -> str:
    lines = [
        f"looked at {found.looked} blobs: {found.needed} are needed, {found.let_go} were let go",
        f"removed {found.removed} blobs, {found.freed_bytes} bytes",
    ]
    lines += [f"{found.put_off} are in use at this moment; looked at again in a minute"] if found.put_off else []
    lines += [f"dropped {found.uploads} unfinished uploads"] if found.uploads else []
    return "".join(f"{line}\n" for line in lines)
