# SPDX-License-Identifier: Apache-2.0
"""`tidegate tide list|show`."""

from typing import TYPE_CHECKING

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerbs, verb
from tidegate.cli.output import Output, output_options
from tidegate.cli.server_option import server_option
from tidegate.cli.table import write_table

if TYPE_CHECKING:
    from tidegate.oversight.tide.story import TideLine

command = ClickVerbs(
    "tide",
    help="Tell what one change moved, from the news to the last workload rolled.",
    examples=(
        ("tidegate tide list --server https://registry.example", "what came, and what it still holds up"),
        ("tidegate tide show 3f9c", "every step with its time, and what is open and waits for whom"),
        ("tidegate tide show 3f9c --follow", "the same, and what happens from now on until it has ended"),
    ),
)


@verb("list", examples=(("tidegate tide list --state open --format json", "what is not over, for a program"),))
@server_option
@output_options("table", "json", by_terminal=True)
@click.option("--state", type=click.Choice(["open", "ended", "all"]), default="all", show_default=True, help="Which.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="At most so many.")
def _list(call: Call, *, output: Output, server: str | None, state: str, limit: int) -> int:
    """Show tides, the newest first: what began each, how many images it touches, and when it ended.

    New knowledge begins one, a recall by a person or by a response, and a key that is revoked.
    """
    from tidegate.assembly.tide_book import open_tide_book

    with open_tide_book(call.settings(client__server=server)) as book:
        found = book.listed(is_open=None if state == "all" else state == "open", limit=limit)
    if output.form == "json":
        output.write_json({"tides": found})
        return 0
    headings = ("tide", "began", "cause", "why", "images", "shut", "ended")
    write_table(call, output, headings, [_row(one) for one in found])
    return 0


def _row(one: "TideLine") -> tuple[str, ...]:
    return (one.id, one.began_at[:19], one.cause, one.why, str(one.images), str(one.shut), one.ended_at[:19] or "open")


@verb("show", examples=(("tidegate tide show 3f9c --format json", "for a program"),))
@server_option
@output_options("table", "json", by_terminal=True)
@click.option("--follow", is_flag=True, help="Go on with what happens in it, an event a line, until it has ended.")
@click.argument("tide")
def _show(call: Call, *, output: Output, server: str | None, follow: bool, tide: str) -> int:
    """Show a tide as one story: its steps in order, and what is still open and waits for whom.

    Times are those stored with what they tell, counted from the change that began it.
    """
    from tidegate.assembly.event_log import open_event_log
    from tidegate.assembly.tide_book import open_tide_book
    from tidegate.cli.page import write_page
    from tidegate.cli.tide_page import tide_page

    settings = call.settings(client__server=server)
    with open_event_log(settings) as log:
        after = log.newest() if follow else 0
    with open_tide_book(settings) as book:
        found = book.told(tide)
    if output.form == "json":
        output.write_json(found)
    else:
        write_page(output, tide_page(found), colour=settings.colour)
    if follow and not found.ended_at:
        _follow(call, output, server, found.id, after)
    return 0


def _follow(call: Call, output: Output, server: str | None, tide: str, after: int) -> None:
    from tidegate.assembly.event_log import Sought, open_event_log
    from tidegate.cli.event_line import event_line
    from tidegate.cli.page import columns_of, write_page
    from tidegate.events import EventKind
    from tidegate.events.event import TYPE_PREFIX
    from tidegate.wire import to_json

    last = TYPE_PREFIX + EventKind.TIDE_ENDED
    settings = call.settings(client__server=server)
    with open_event_log(settings) as log:
        while True:
            page = log.page(after, Sought(), wait=True)
            after = page.next
            for one in page.events:
                if one.event.get("tideid") != tide:
                    continue
                if output.form == "json":
                    output.write_bytes(to_json(one.event) + b"\n")
                else:
                    write_page(output, [event_line(one, columns=columns_of(output))], colour=settings.colour)
                if one.event.get("type") == last:
                    return


for _verb in (_list, _show):
    command.add_command(_verb)
