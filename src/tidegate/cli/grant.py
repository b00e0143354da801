# SPDX-License-Identifier: Apache-2.0
"""`tidegate grant list|give|ask|approve|refuse|end|revoke`."""

from datetime import timedelta
from typing import Literal

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerbs, verb
from tidegate.cli.output import Output, output_options
from tidegate.cli.server_option import server_option
from tidegate.cli.table import write_table

_STATES = ("requested", "active", "refused", "revoked", "expired")
_GRANT = click.argument("grant")
_WHY = click.option("--why", default="", metavar="TEXT", help="The reason, kept on record.")

command = ClickVerbs(
    "grant",
    help="""Say what principals may do: verbs on patterns of repositories, on a condition, for a time.

    Who needs more than they have asks a server for it (ask), with a reason and an end; it allows nothing until another
    has approved it, and ends by itself, or earlier (end). Administrators give without being asked (give).""",
    examples=(
        ("tidegate grant give robot$ci 'team-a/**' pull push", "to a robot, without an end"),
        ("tidegate grant give group:devs '**' pull --if request.by_digest --hours 8", "on a condition, for a time"),
        (
            "tidegate grant ask 'team-a/**' push --hours 4 --why 'hotfix 712' --server https://registry.example",
            "for me",
        ),
        ("tidegate grant list --state requested", "what waits for approval"),
        ("tidegate grant approve 3f2a… --server https://registry.example", "as whoever is logged in there"),
    ),
)


@verb("list", examples=(("tidegate grant list --holder group:devs", "what a group may do"),))
@server_option
@output_options("table", "json", by_terminal=True)
@click.option("--state", type=click.Choice(_STATES), help="Only those of one state.")
@click.option("--holder", default="", metavar="NAME", help="Only those of a principal, or of group:NAME.")
def _list(call: Call, *, output: Output, server: str | None, state: str | None, holder: str) -> int:
    """Show grants, newest first, with who gave them and why.

    At a server: all of them to who administers or approves everywhere; to others those they hold, asked for or decided
    over, and what waits for them to approve.
    """
    from tidegate.assembly.grant_book import open_grant_book
    from tidegate.identity.grant import GrantState

    with open_grant_book(call.settings(client__server=server)) as book:
        found = book.listed(holder=holder, state=GrantState(state) if state else None)
    if output.form == "json":
        output.write_json(found)
        return 0
    rows = [
        (
            item.id[:12],
            item.state.value,
            item.holder,
            item.pattern,
            ",".join(item.verbs),
            item.condition,
            item.expires_at,
            item.decided_by or f"asked by {item.asked_by}",
            item.reason,
        )
        for item in found
    ]
    headings = ("id", "state", "holder", "pattern", "verbs", "if", "until", "by", "why")
    write_table(call, output, headings, rows)
    return 0


@verb("give", examples=(("tidegate grant give anna 'team-a/**' pull push delete", "to a user, without an end"),))
@server_option
@_WHY
@click.option("--if", "condition", default="", metavar="CEL", help="Condition that must hold as well.")
@click.option("--hours", type=click.FloatRange(min=0), default=0, help="How long it lasts; 0 is for no end. [0]")
@click.argument("holder")
@click.argument("pattern")
@click.argument("verbs", nargs=-1, required=True)
def _give(
    call: Call,
    *,
    server: str | None,
    holder: str,
    pattern: str,
    verbs: tuple[str, ...],
    condition: str,
    hours: float,
    why: str,
) -> int:
    """Let HOLDER (a principal, or group:NAME) do VERBS to repositories of a PATTERN."""
    from tidegate.assembly.grant_book import open_grant_book
    from tidegate.identity.grant import Holder
    from tidegate.identity.granting import Wanted
    from tidegate.identity.pattern import RepositoryPattern
    from tidegate.identity.verb import parse_verbs

    wanted = Wanted(
        holder=Holder(holder),
        pattern=RepositoryPattern(pattern),
        verbs=parse_verbs(verbs),
        lasts=timedelta(hours=hours) if hours else None,
        condition=condition,
        reason=why,
    )
    with open_grant_book(call.settings(client__server=server)) as book:
        given = book.give(wanted)
    call.note(f"grant {given.id} is active")
    return 0


@verb(
    "ask",
    examples=(
        ("tidegate grant ask team-a/app push --hours 2 --why 'hotfix 712'", "of the server in client.server"),
        ("tidegate grant ask '**' pull --hours 8 --if request.by_digest --why audit", "no more than is needed"),
    ),
)
@server_option
@output_options("table", "json")
@click.option("--why", required=True, metavar="TEXT", help="What it is needed for; whoever approves reads it.")
@click.option("--if", "condition", default="", metavar="CEL", help="Condition that must hold as well.")
@click.option(
    "--hours",
    type=click.FloatRange(min=0, min_open=True),
    required=True,
    help="How long it lasts, from when it is approved; at most identity.request_max_hours of the server.",
)
@click.argument("pattern")
@click.argument("verbs", nargs=-1, required=True)
def _ask(
    call: Call,
    *,
    output: Output,
    server: str | None,
    pattern: str,
    verbs: tuple[str, ...],
    condition: str,
    hours: float,
    why: str,
) -> int:
    """Ask a server that you may do VERBS to repositories of a PATTERN, for a time.

    It allows nothing until somebody else with `approve` on a pattern that covers this one has approved it. Prints its
    id, by which they name it.
    """
    from tidegate.assembly.grant_book import Asking, open_grant_book

    wanted = Asking(pattern=pattern, verbs=verbs, hours=hours, condition=condition, reason=why)
    settings = call.settings(client__server=server)
    with open_grant_book(settings) as book:
        asked = book.ask(wanted)
    output.write_json(asked) if output.form == "json" else output.write_text(f"{asked.id}\n")
    at = settings.client.server
    call.note(f"another has to approve it: tidegate grant approve {asked.id[:12]} --server {at}")
    return 0


@verb("approve", examples=(("tidegate grant approve 3f2a… --why 'seen the ticket'", "its time begins now"),))
@server_option
@_WHY
@_GRANT
def _approve(call: Call, *, server: str | None, grant: str, why: str) -> int:
    """Give what somebody asked for; never what one asked for oneself."""
    return _decided(call, "approve", server=server, grant=grant, why=why)


@verb("refuse", examples=(("tidegate grant refuse 3f2a… --why 'use the robot'", "what was asked for"),))
@server_option
@_WHY
@_GRANT
def _refuse(call: Call, *, server: str | None, grant: str, why: str) -> int:
    """Refuse what somebody asked for."""
    return _decided(call, "refuse", server=server, grant=grant, why=why)


@verb("end", examples=(("tidegate grant end 3f2a… --why 'hotfix is out'", "before its time is up"),))
@server_option
@_WHY
@_GRANT
def _end(call: Call, *, server: str | None, grant: str, why: str) -> int:
    """End early what you hold, withdraw what you asked for, or end what you approved."""
    return _decided(call, "revoke", server=server, grant=grant, why=why)


@verb("revoke", examples=(("tidegate grant revoke 3f2a… --why 'left the team'", "at once"),))
@server_option
@_WHY
@_GRANT
def _revoke(call: Call, *, server: str | None, grant: str, why: str) -> int:
    """Take a grant back; a server knows it after a second."""
    return _decided(call, "revoke", server=server, grant=grant, why=why)


for _command in (_list, _give, _ask, _approve, _refuse, _end, _revoke):
    command.add_command(_command)


def _decided(
    call: Call, act: Literal["approve", "refuse", "revoke"], *, server: str | None, grant: str, why: str
) -> int:
    from tidegate.assembly.grant_book import open_grant_book

    with open_grant_book(call.settings(client__server=server)) as book:
        decide = {"approve": book.approve, "refuse": book.refuse, "revoke": book.revoke}[act]
        found = decide(grant, why=why)
    call.note(f"grant {found.id} is {found.state}")
    return 0
