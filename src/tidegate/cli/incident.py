# SPDX-License-Identifier: Apache-2.0
"""`tidegate incident list|show|close`."""

from typing import TYPE_CHECKING

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerbs, verb
from tidegate.cli.output import Output, output_options
from tidegate.cli.server_option import server_option
from tidegate.cli.table import write_table

if TYPE_CHECKING:
    from tidegate.execution.incidents import Incident

_INCIDENT = click.argument("incident")

command = ClickVerbs(
    "incident",
    help="Show what sensors found where it should not be, and close it with a reason.",
    examples=(
        ("tidegate incident list --server https://registry.example", "what is open there"),
        ("tidegate incident show 2f…", "what was seen, and what was done about it"),
        ("tidegate respond ask --incident 2f… --step isolate --why INC-77", "do something about it"),
        ("tidegate incident close 2f… --why 'a debug session of anna'", "it is dealt with"),
    ),
)


@verb("list", examples=(("tidegate incident list --state all --format json", "closed ones too, for a program"),))
@server_option
@output_options("table", "json", by_terminal=True)
@click.option("--state", type=click.Choice(["open", "closed", "all"]), default="open", show_default=True, help="Which.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="At most so many.")
def _list(call: Call, *, output: Output, server: str | None, state: str, limit: int) -> int:
    """Show incidents, the newest first: one for each container and rule, however much was seen."""
    from tidegate.assembly.response_book import open_response_book

    with open_response_book(call.settings(client__server=server)) as book:
        found = book.incidents(state="" if state == "all" else state, limit=limit)
    if output.form == "json":
        output.write_json({"incidents": found})
        return 0
    headings = ("incident", "opened", "severity", "workload", "node", "rule", "seen", "times", "state")
    write_table(call, output, headings, [_row(one) for one in found])
    return 0


def _row(one: "Incident") -> tuple[str, ...]:
    at, seen = f"{one.opened_at:%Y-%m-%d %H:%M:%S}", f"{one.seen.act} {one.seen.path}".strip()
    return (one.id, at, one.severity, one.workload, one.node, one.rule, seen, str(one.observations), one.state)


@verb("show", examples=(("tidegate incident show 2f… --format json", "with its responses, for a program"),))
@server_option
@output_options("table", "json", by_terminal=True)
@_INCIDENT
def _show(call: Call, *, output: Output, server: str | None, incident: str) -> int:
    """Show an incident: what was seen first, where, and the responses to it."""
    from tidegate.assembly.response_book import open_response_book
    from tidegate.cli.page import write_page
    from tidegate.cli.respond_page import incident_page

    with open_response_book(call.settings(client__server=server)) as book:
        found = book.incident(incident)
        taken = book.responses(state="", incident=incident, limit=1000)
    if output.form == "json":
        output.write_json({"incident": found, "responses": taken})
    else:
        write_page(output, incident_page(found, taken), colour=call.settings().colour)
    return 0


@verb("close", examples=(("tidegate incident close 2f… --why 'it was the backup'", "steps taken stay taken"),))
@server_option
@click.option("--why", required=True, metavar="TEXT", help="What it was; stays on record.")
@_INCIDENT
def _close(call: Call, *, server: str | None, why: str, incident: str) -> int:
    """Close an incident. What was done about it is not taken back: `tidegate respond undo`."""
    from tidegate.assembly.response_book import open_response_book

    with open_response_book(call.settings(client__server=server)) as book:
        found = book.close(incident, why=why)
    call.note(f"{found.workload} on {found.node}: closed after {found.observations} observations")
    return 0


for _verb in (_list, _show, _close):
    command.add_command(_verb)
