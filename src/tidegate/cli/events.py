# SPDX-License-Identifier: Apache-2.0
"""`tidegate events tail|list|kinds`."""

import time
from typing import TYPE_CHECKING, Final

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerbs, verb
from tidegate.cli.output import Output, output_options
from tidegate.cli.server_option import server_option
from tidegate.cli.table import write_table
from tidegate.errors import OutsideError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate.assembly.event_log import EventLog, Sought
    from tidegate.remote.events import RemoteEvent

_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 15.0
_KIND = click.option(
    "--kind", default="", metavar="KIND", help="Only this kind, or what begins so: curation.image. See `events kinds`."
)
_SUBJECT = click.option("--subject", default="", metavar="TEXT", help="Only what is told of it: a digest, a node, …")

command = ClickVerbs(
    "events",
    help="Follow what happens: every change of state, in order, from any moment on.",
    examples=(
        ("tidegate events tail", "what happens from now on, as it happens"),
        ("tidegate events tail --server https://registry.example --kind curation.image", "to images, on a server"),
        (
            "tidegate events tail --kind curation.image.admitted --subject sha256:… --count 1 --timeout 60",
            "wait for it",
        ),
        ("tidegate events list --after 1200 --limit 50", "what happened, from an offset on"),
        (
            "tidegate events kinds --format asyncapi -o events.json",
            "every kind and the schema of its data, for programs",
        ),
    ),
)


@verb(
    "tail",
    examples=(
        ("tidegate events tail --after 0 | jq .data", "all there ever was, and on: CloudEvents, one a line"),
        ("tidegate events tail --kind execution.incident", "incidents as they open and close"),
    ),
)
@server_option
@output_options("table", "json", by_terminal=True)
@_KIND
@_SUBJECT
@click.option("--after", type=click.IntRange(0), metavar="OFFSET", help="From there on; 0 is the beginning. [now]")
@click.option("--count", type=click.IntRange(1), metavar="N", help="End after so many.")
@click.option("--timeout", type=click.FloatRange(0), metavar="SECONDS", help="End then; with 1 if --count was not met.")
def _tail(
    call: Call,
    *,
    output: Output,
    server: str | None,
    kind: str,
    subject: str,
    after: int | None,
    count: int | None,
    timeout: float | None,
) -> int:
    """Show events as they happen, until it is broken off; an outage of the server is waited out.

    On a terminal a line for people; elsewhere one CloudEvent (1.0, JSON) a line. An event is told at least once, and
    events of one subject in their order.
    """
    from tidegate.assembly.event_log import Sought, open_event_log

    ends = None if timeout is None else time.monotonic() + timeout
    told = 0
    with open_event_log(call.settings(client__server=server)) as log:
        start = log.newest() if after is None else after
        for one in _followed(call, log, start, Sought(kind=kind, subject=subject), ends=ends):
            _write(call, output, one)
            told += 1
            if told == count:
                return 0
    return 1 if count is not None else 0


def _followed(
    call: Call, log: "EventLog", after: int, sought: "Sought", *, ends: float | None
) -> "Iterator[RemoteEvent]":
    pause, answered = _FIRST_PAUSE_SECONDS, False
    while ends is None or time.monotonic() < ends:
        try:
            page = log.page(after, sought, wait=ends is None or ends - time.monotonic() > _LONGEST_PAUSE_SECONDS)
        except OutsideError as error:
            if not answered:
                raise
            call.warn(f"{error}; trying again from offset {after}")
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
            continue
        pause, answered, after = _FIRST_PAUSE_SECONDS, True, page.next
        yield from page.events
        if not page.events and ends is not None:
            time.sleep(max(0.0, min(_FIRST_PAUSE_SECONDS, ends - time.monotonic())))


@verb("list", examples=(("tidegate events list --kind oversight.key", "what was done to keys"),))
@server_option
@output_options("table", "json", by_terminal=True)
@_KIND
@_SUBJECT
@click.option("--after", type=click.IntRange(0), default=0, show_default=True, metavar="OFFSET", help="From there on.")
@click.option("--limit", type=click.IntRange(1), default=1000, show_default=True, help="At most so many.")
def _list(call: Call, *, output: Output, server: str | None, kind: str, subject: str, after: int, limit: int) -> int:
    """Show events on record, the oldest first, each as `events tail` does."""
    from tidegate.assembly.event_log import Sought, open_event_log

    sought = Sought(kind=kind, subject=subject)
    with open_event_log(call.settings(client__server=server)) as log:
        end, left = log.newest(), limit
        while after < end and left > 0:
            page = log.page(after, sought, wait=False)
            for one in page.events[:left]:
                _write(call, output, one)
            left, after = left - len(page.events), page.next
    return 0


def _write(call: Call, output: Output, one: "RemoteEvent") -> None:
    if output.form == "json":
        from tidegate.wire import to_json

        output.write_bytes(to_json(one.event) + b"\n")
        return
    from tidegate.cli.event_line import event_line
    from tidegate.cli.page import columns_of, write_page

    write_page(output, [event_line(one, columns=columns_of(output))], colour=call.settings().colour)


@verb("kinds", examples=(("tidegate events kinds --kind execution", "what is told of the cluster"),))
@output_options("table", "json", "asyncapi")
@_KIND
def _kinds(call: Call, *, output: Output, kind: str) -> int:
    """Show every kind of event: what happened, what its subject names, and the fields of its data.

    `asyncapi` is the whole of it for programs (AsyncAPI 3.0.0); a server has it at `/api/v1/asyncapi.json`.
    """
    from tidegate import __version__
    from tidegate.curation.vending.subscriptions import TOLD
    from tidegate.events import EventKind, kinds_named
    from tidegate.events.contract import ROSTER
    from tidegate.events.contract.asyncapi import asyncapi

    if output.form == "asyncapi":
        output.write_json(asyncapi(version=__version__, webhook_kinds=TOLD))
        return 0
    wanted = kinds_named(kind) if kind else frozenset(EventKind)
    found = [(name, told) for name, told in ROSTER.items() if name in wanted]
    if output.form == "json":
        output.write_json(
            [
                {"kind": name, "summary": told.summary, "subject": told.subject, "data": told.fields}
                for name, told in found
            ]
        )
        return 0
    headings = ("kind", "what happened", "subject", "data")
    rows = [(name.value, told.summary, told.subject, " ".join(told.fields)) for name, told in found]
    write_table(call, output, headings, rows)
    return 0


for one in (_tail, _list, _kinds):
    command.add_command(one)
