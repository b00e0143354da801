# SPDX-License-Identifier: Apache-2.0
"""`tidegate respond ask|list|show|approve|refuse|undo`."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerbs, verb
from tidegate.cli.output import Output, output_options
from tidegate.cli.server_option import server_option
from tidegate.cli.table import write_table
from tidegate.errors import OutsideError, RefusedError, TidegateError, UsageError

if TYPE_CHECKING:
    from tidegate.assembly.response_book import ResponseBook
    from tidegate.execution.responses import Response

_STEPS: Final = (
    "label",
    "annotate",
    "capture",
    "isolate",
    "freeze",
    "cordon",
    "scale-to-zero",
    "evict",
    "delete",
    "kill",
    "recall",
)
_STATES: Final = ("asked", "ordered", "done", "failed", "refused", "expired")
_SHORT: Final = 12
_RESPONSE = click.argument("response")
_WHY = click.option("--why", required=True, metavar="TEXT", help="Why; stays on record.")
_WAIT = click.option(
    "--wait",
    type=click.IntRange(0, 600),
    default=30,
    show_default=True,
    metavar="SECONDS",
    help="Wait so long for the end of what was ordered.",
)

command = ClickVerbs(
    "respond",
    help="Contain what runs: isolate it, freeze it, end it, recall its image; and take back what can be.",
    examples=(
        ("tidegate respond ask web --step isolate --why 'it calls home'", "cut the container off from the network"),
        (
            "tidegate respond ask shop/web-7d4f/app --step capture --step freeze --why INC-77",
            "two steps, in this order",
        ),
        (
            "tidegate respond ask --incident 2f… --step kill --why INC-77",
            "the incident's container; another approves it",
        ),
        ("tidegate respond list --state asked", "what waits for approval"),
        ("tidegate respond approve 9c…", "let it come to what another asked for"),
        ("tidegate respond undo 9c… --why 'it was the backup'", "give it its network back"),
    ),
)


@verb(
    "ask",
    examples=(
        ("tidegate respond ask web --node node-1 --step isolate --why INC-77", "the one of this node"),
        ("tidegate respond ask web-1 web-2 --step freeze --why INC-77 --wait 0", "two of them, without waiting"),
        ("tidegate respond ask 3f2a91 --step recall --why 'it is stolen'", "recall the image that it runs"),
    ),
)
@server_option
@output_options("table", "json", by_terminal=True)
@click.option(
    "--step",
    "steps",
    multiple=True,
    required=True,
    type=click.Choice(_STEPS),
    help="What is to be done; again for more, in their order.",
)
@_WHY
@click.option("--node", default="", metavar="NODE", help="Where it runs; needed when several are called so.")
@click.option("--incident", default="", metavar="ID", help="The incident it is for; without a NAME, of its container.")
@_WAIT
@click.argument("names", metavar="NAME...", nargs=-1)
def _ask(
    call: Call,
    *,
    output: Output,
    server: str | None,
    steps: tuple[str, ...],
    why: str,
    node: str,
    incident: str,
    wait: int,
    names: tuple[str, ...],
) -> int:
    """Have steps taken on running containers, each NAMEd by its name, NAMESPACE/POD/NAME, id or the start of one.

    The sensor of its node takes capture, isolate, freeze and kill; its cluster's takes label, annotate, isolate where
    no sensor watches the node, cordon, scale-to-zero, evict and delete. Where neither is there, it says so.

    Steps that the policy of response (execution.response_files) wants approved wait for another person. Each is on
    record, with you and the reason. Exit status 1 when one was refused, 3 when one failed or nobody took it in time.
    """
    from tidegate.assembly.response_book import open_response_book
    from tidegate.execution.asking import Asked
    from tidegate.execution.response_policy import Step

    if not names and not incident:
        raise UsageError("nothing is named", remedy="name containers, or say --incident ID")
    found: list[Response] = []
    with open_response_book(call.settings(client__server=server)) as book:
        try:
            for name in names or ("",):
                for step in dict.fromkeys(steps):
                    asked = Asked(step=Step(step), why=why, container=name, node=node, incident=incident)
                    found.append(_waited(call, book, book.ask(asked), wait))
        except TidegateError:
            if found:  # what was begun is told, whatever ends the rest
                _told(call, output, found, {"responses": found})
            raise
    return _told(call, output, found, {"responses": found})


@verb("list", examples=(("tidegate respond list --incident 2f… --format json", "of an incident, for a program"),))
@server_option
@output_options("table", "json", by_terminal=True)
@click.option("--state", type=click.Choice(_STATES), help="Only those that are so far; `asked` waits for approval.")
@click.option("--incident", default="", metavar="ID", help="Only those of an incident.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="At most so many.")
def _list(call: Call, *, output: Output, server: str | None, state: str | None, incident: str, limit: int) -> int:
    """Show responses, the newest first: what was done to what, for whom, and how it went."""
    from tidegate.assembly.response_book import open_response_book

    with open_response_book(call.settings(client__server=server)) as book:
        found = book.responses(state=state or "", incident=incident, limit=limit)
    if output.form == "json":
        output.write_json({"responses": found})
    else:
        write_table(call, output, _HEADINGS, [_row(one) for one in found])
    return 0


@verb("show", examples=(("tidegate respond show 9c… --wait 60", "wait for its end"),))
@server_option
@output_options("table", "json", by_terminal=True)
@click.option("--wait", type=click.IntRange(0, 600), default=0, metavar="SECONDS", help="Wait so long for its end.")
@_RESPONSE
def _show(call: Call, *, output: Output, server: str | None, wait: int, response: str) -> int:
    """Show one response, whole."""
    from tidegate.assembly.response_book import open_response_book
    from tidegate.cli.page import write_page
    from tidegate.cli.respond_page import response_page

    with open_response_book(call.settings(client__server=server)) as book:
        found = book.response(response, wait=wait)
    if output.form == "json":
        output.write_json(found)
    else:
        write_page(output, response_page(found), colour=call.settings().colour)
    return 0


def _change(
    act: "Callable[[ResponseBook], Response]", call: Call, output: Output, server: str | None, wait: int
) -> int:
    from tidegate.assembly.response_book import open_response_book

    with open_response_book(call.settings(client__server=server)) as book:
        found = _waited(call, book, act(book), wait)
    return _told(call, output, [found], found)


@verb("approve", examples=(("tidegate respond approve 9c… --wait 0", "without waiting for its end"),))
@server_option
@output_options("table", "json", by_terminal=True)
@_WAIT
@_RESPONSE
def _approve(call: Call, *, output: Output, server: str | None, wait: int, response: str) -> int:
    """Let it come to what another person, or the policy, asked for."""
    return _change(lambda book: book.approve(response), call, output, server, wait)


@verb("refuse", examples=(("tidegate respond refuse 9c… --why 'it is the backup'", "nothing is done"),))
@server_option
@_WHY
@_RESPONSE
def _refuse(call: Call, *, server: str | None, why: str, response: str) -> int:
    """Refuse what another asked for. Nothing is done."""
    from tidegate.assembly.response_book import open_response_book

    with open_response_book(call.settings(client__server=server)) as book:
        found = book.refuse(response, why=why)
    call.note(f"{found.step} of {found.workload} on {found.node} is refused")
    return 0


@verb("undo", examples=(("tidegate respond undo 9c… --why 'it was the backup'", "it goes on, or talks again"),))
@server_option
@output_options("table", "json", by_terminal=True)
@_WHY
@_WAIT
@_RESPONSE
def _undo(call: Call, *, output: Output, server: str | None, why: str, wait: int, response: str) -> int:
    """Take back a step that was taken and can be: what is taken back is a response of its own.

    A recalled image is released instead: `tidegate vend release`.
    """
    return _change(lambda book: book.undo(response, why=why), call, output, server, wait)


_HEADINGS: Final = ("response", "asked", "step", "workload", "node", "state", "by", "how it went")


def _row(one: "Response") -> tuple[str, ...]:
    step = f"undo {one.step}" if one.undoes else str(one.step)
    by = f"{one.asked_by}, {one.approved_by}" if one.approved_by else one.asked_by
    at = f"{one.asked_at:%Y-%m-%d %H:%M:%S}"
    return (one.id, at, step, one.workload, one.node, str(one.state), by, one.outcome)


def _waited(call: Call, book: "ResponseBook", one: "Response", wait: int) -> "Response":
    if one.state == "ordered" and wait:
        try:
            return book.response(one.id, wait=wait)
        except RefusedError as error:  # who may ask need not be who may look
            call.warn(f"it is ordered, but what becomes of it is not yours to see: {error}")
    return one


def _told(call: Call, output: Output, found: "Sequence[Response]", document: Any) -> int:
    if output.form == "json":
        output.write_json(document)
    else:
        write_table(call, output, _HEADINGS, [_row(one) for one in found])
    for one in found:
        if one.state == "asked":
            call.note(f"another person has to approve it: tidegate respond approve {one.id}")
        elif one.state == "ordered":
            call.note(f"it is ordered, until {one.expires_at:%H:%M:%S} UTC: tidegate respond show {one.id}")
    states = {str(one.state) for one in found}
    if states & {"failed", "expired"}:
        return OutsideError.exit_status
    return RefusedError.exit_status if "refused" in states else 0


for _verb in (_ask, _list, _show, _approve, _refuse, _undo):
    command.add_command(_verb)
