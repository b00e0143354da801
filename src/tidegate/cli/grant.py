# SPDX-License-Identifier: Apache-2.0
"""`tidegate grant list|give|approve|refuse|revoke`."""

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
    help="Say what principals may do: verbs on patterns of repositories, on a condition, for a time.",
    examples=(
        ("tidegate grant give robot$ci 'team-a/**' pull push", "to a robot, without an end"),
        ("tidegate grant give group:devs '**' pull --if request.by_digest --hours 8", "on a condition, for a time"),
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
    """Show grants, newest first, with who gave them and why."""
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


@verb("revoke", examples=(("tidegate grant revoke 3f2a… --why 'left the team'", "at once"),))
@server_option
@_WHY
@_GRANT
def _revoke(call: Call, *, server: str | None, grant: str, why: str) -> int:
    """Take a grant back; a server knows it after a second."""
    return _decided(call, "revoke", server=server, grant=grant, why=why)


for _command in (_list, _give, _approve, _refuse, _revoke):
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
