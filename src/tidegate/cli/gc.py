# SPDX-License-Identifier: Apache-2.0
"""`tidegate gc`."""

from typing import TYPE_CHECKING

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.output import Output, output_options

if TYPE_CHECKING:
    from tidegate.curation.keeping.collector import Collected, Waiting


@verb(
    "gc",
    examples=(
        ("tidegate gc", "collect now, where no server does it by itself"),
        ("tidegate gc --status --format json", "what waits for collection"),
    ),
)
@output_options("table", "json")
@click.option("--status", is_flag=True, help="Only tell what waits.")
def command(call: Call, *, output: Output, status: bool) -> int:
    """Collect blobs of the registry that no manifest needs, and uploads nobody finishes.

    A running server does it by itself, and may be asked for it (POST /api/v1/gc). What was pushed within
    curation.gc_grace_s stays.
    """
    from tidegate.assembly.keeping import local_user, open_keeping
    from tidegate.cli.progress import ProgressLine

    with open_keeping(call.settings()) as keeping:
        if status:
            waiting = keeping.collector.waiting()
            output.write_json(waiting) if output.form == "json" else output.write_text(_waiting(waiting))
            return 0
        with keeping.alone(), ProgressLine(shown=call.shows_progress) as line:
            found = keeping.collect(
                who=local_user(), progress=lambda phase, done, total: line.tell(f"{phase} {done} of {total}")
            )
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
