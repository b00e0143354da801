# SPDX-License-Identifier: Apache-2.0
"""`tidegate retention plan|run|rule`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerbs, verb
from tidegate.cli.failures import say
from tidegate.cli.output import Output, output_options
from tidegate.cli.rule import rule_verbs
from tidegate.cli.server_option import server_option

if TYPE_CHECKING:
    from tidegate.cli.page import Line
    from tidegate.curation.keeping.retention import Going, Staying

command = ClickVerbs(
    "retention",
    help="Take out of the registry what rules no longer keep, or tell what would go and why.",
    examples=(
        ("tidegate retention plan", "what the rules in force would take out now"),
        ("tidegate retention plan keeping.yaml", "what other rules would"),
        ("tidegate retention run", "do it now; a server does it every curation.retention_every_s"),
        ("tidegate retention plan --server https://registry.example", "what would go there"),
    ),
)


@verb("plan", examples=(("tidegate retention plan keeping.yaml --format json", "other rules, told to a program"),))
@server_option
@output_options("table", "json", by_terminal=True)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
def _plan(call: Call, *, output: Output, server: str | None, files: tuple[Path, ...]) -> int:
    """Tell, for each digest, what would go now and why, and what stays although a rule picked it. Changes nothing."""
    from tidegate.assembly.retaining import open_retaining
    from tidegate.cli.progress import ProgressLine
    from tidegate.rules.reading import DocumentError

    with (
        open_retaining(call.settings(client__server=server)) as retaining,
        ProgressLine(shown=call.shows_progress) as line,
    ):
        try:
            plan, deletes = retaining.plan(files, tell=line.tell)
        except DocumentError as error:
            for defect in error.defects:
                say(str(defect))
            return error.exit_status
    if not deletes:
        call.warn("no rule deletes anything; name a file with a document of kind Retention")
    if output.form == "json":
        output.write_json(plan)
    else:
        _write(call, output, _going(plan.going, "would go"), _staying(plan.staying))
    return 0


@verb("run", examples=(("tidegate retention run --format json", "what was done, for a program"),))
@server_option
@output_options("table", "json", by_terminal=True)
def _run(call: Call, *, output: Output, server: str | None) -> int:
    """Take out now what the rules in force say. Blobs nobody needs then go with the next collection (tidegate gc)."""
    from tidegate.assembly.retaining import open_retaining
    from tidegate.cli.progress import ProgressLine

    with (
        open_retaining(call.settings(client__server=server)) as retaining,
        ProgressLine(shown=call.shows_progress) as line,
    ):
        found = retaining.run(tell=line.tell)
    if output.form == "json":
        output.write_json(found)
    else:
        _write(call, output, _going(found.gone, "gone"), iter(()))
    return 0


command.add_command(_plan)
command.add_command(_run)
command.add_command(rule_verbs("retention", file="keeping.yaml"))


def _going(going: "Sequence[Going]", word: str) -> "Iterator[Line]":
    from tidegate.cli.page import Style, piece

    for one in going:
        names = ", ".join(one.tags) or "without a tag"
        along = f" and {len(one.along)} images of it" if one.along else ""
        whole = f"the manifest{along}" if one.whole else "tags only"
        yield (
            piece(f"{word}  ", Style.WARN),
            piece(f"{one.repository}@{one.digest.short}  {names}  ({whole})  "),
            piece(f"{one.rule}: {one.why}", Style.FAINT),
        )
    yield (piece(f"{word}: {len(going)} digests", Style.TITLE),)


def _staying(staying: "Sequence[Staying]") -> "Iterator[Line]":
    from tidegate.cli.page import Style, piece

    for one in staying:
        name = f"{one.repository}:{one.tag}" if one.tag else f"{one.repository}@{one.digest.short}"
        yield piece("stays  ", Style.GOOD), piece(f"{name}  "), piece(f"{one.rule}, but {one.why}", Style.FAINT)


def _write(call: Call, output: Output, *parts: "Iterator[Line]") -> None:
    from tidegate.cli.page import write_page

    write_page(output, (line for part in parts for line in part), colour=call.settings().colour)
