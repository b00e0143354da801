# SPDX-License-Identifier: Apache-2.0
"""`tidegate principal list|user|robot|renew|password|groups|disable|enable|remove`."""

import sys

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerbs, verb
from tidegate.cli.output import Output, output_options
from tidegate.cli.secret_input import read_secret
from tidegate.cli.server_option import server_option
from tidegate.cli.table import write_table

_NAME = click.argument("principal")
_GROUPS = click.option("--group", "groups", multiple=True, metavar="NAME", help="A group it is in; may be repeated.")
_DAYS = click.option(
    "--days", type=click.FloatRange(min=0, min_open=True), default=30, show_default=True, help="How long it lasts."
)

command = ClickVerbs(
    "principal",
    help="Say who is let in: people with a password, robots with a secret and an end.",
    examples=(
        ("tidegate principal user anna --group devs < password.txt", "somebody with a password"),
        ("tidegate principal robot ci --days 30", "a robot; its secret is told this once"),
        ("tidegate principal list", "who there is"),
        ("tidegate principal password anna --server https://registry.example", "one's own, or as an administrator"),
    ),
)


@verb("list", examples=(("tidegate principal list --format json", "for a program"),))
@server_option
@output_options("table", "json", by_terminal=True)
def _list(call: Call, *, output: Output, server: str | None) -> int:
    """Show who is kept here, by name; never a secret."""
    from tidegate.assembly.principal_book import open_principal_book
    from tidegate.clock import rfc3339

    with open_principal_book(call.settings(client__server=server)) as book:
        found = book.listed()
    if output.form == "json":
        output.write_json(found)
        return 0
    rows = [
        (
            item.name,
            item.kind.value,
            ", ".join(item.groups),
            rfc3339(item.expires_at) if item.expires_at else "",
            "disabled" if item.disabled else "",
            item.created_by,
        )
        for item in found
    ]
    write_table(call, output, ("name", "kind", "groups", "until", "state", "made by"), rows)
    return 0


@verb(
    "user", examples=(("tidegate principal user anna --group devs < password.txt", "the password is its first line"),)
)
@server_option
@_GROUPS
@_NAME
def _user(call: Call, *, server: str | None, principal: str, groups: tuple[str, ...]) -> int:
    """Add somebody with a password, read from standard input: 12 characters or more."""
    from tidegate.assembly.principal_book import open_principal_book

    password = read_secret()
    with open_principal_book(call.settings(client__server=server)) as book:
        book.add_user(principal, password, groups)
    call.note(f"{principal} may log in; without a grant there is nothing to do: tidegate grant give {principal} …")
    return 0


@verb("robot", examples=(("tidegate principal robot ci --days 90", "for a pipeline"),))
@server_option
@_DAYS
@_GROUPS
@_NAME
def _robot(call: Call, *, server: str | None, principal: str, groups: tuple[str, ...], days: float) -> int:
    """Add a robot; its secret is written to standard output, this once."""
    from tidegate.assembly.principal_book import open_principal_book

    with open_principal_book(call.settings(client__server=server)) as book:
        made, secret = book.add_robot(principal, groups, days=days)
    return _told(call, made.name, secret, days)


@verb("renew", examples=(("tidegate principal renew ci --days 90", "the old secret is void at once"),))
@server_option
@_DAYS
@_NAME
def _renew(call: Call, *, server: str | None, principal: str, days: float) -> int:
    """Give a robot another secret, written to standard output this once, and another end."""
    from tidegate.assembly.principal_book import open_principal_book

    with open_principal_book(call.settings(client__server=server)) as book:
        made, secret = book.renew_robot(principal, days=days)
    return _told(call, made.name, secret, days)


@verb("password", examples=(("tidegate principal password anna < password.txt", "its tokens are void at once"),))
@server_option
@_NAME
def _set_password(call: Call, *, server: str | None, principal: str) -> int:
    """Give a user another password, read from standard input."""
    from tidegate.assembly.principal_book import open_principal_book

    password = read_secret()
    with open_principal_book(call.settings(client__server=server)) as book:
        book.set_password(principal, password)
    call.note(f"{principal}: another password; tokens of the old one are void")
    return 0


@verb("groups", examples=(("tidegate principal groups anna --group devs --group ops", "these and no others"),))
@server_option
@_GROUPS
@_NAME
def _groups(call: Call, *, server: str | None, principal: str, groups: tuple[str, ...]) -> int:
    """Put a principal into these groups and no others."""
    from tidegate.assembly.principal_book import open_principal_book

    with open_principal_book(call.settings(client__server=server)) as book:
        made = book.set_groups(principal, groups)
    call.note(f"{principal} is in {', '.join(made.groups) or 'no group'}")
    return 0


@verb("disable", examples=(("tidegate principal disable robot$ci", "let in no more, at once"),))
@server_option
@_NAME
def _disable(call: Call, *, server: str | None, principal: str) -> int:
    """Let a principal in no more; its tokens are void at once."""
    return _switched(call, principal, server=server, disabled=True)


@verb("enable", examples=(("tidegate principal enable robot$ci", "let in again"),))
@server_option
@_NAME
def _enable(call: Call, *, server: str | None, principal: str) -> int:
    """Let a disabled principal in again."""
    return _switched(call, principal, server=server, disabled=False)


@verb("remove", examples=(("tidegate principal remove anna", "with all that was granted to it"),))
@server_option
@_NAME
def _remove(call: Call, *, server: str | None, principal: str) -> int:
    """Remove a principal and take back its grants."""
    from tidegate.assembly.principal_book import open_principal_book

    with open_principal_book(call.settings(client__server=server)) as book:
        book.remove(principal)
    call.note(f"{principal} is removed")
    return 0


for _command in (_list, _user, _robot, _renew, _set_password, _groups, _disable, _enable, _remove):
    command.add_command(_command)


def _switched(call: Call, name: str, *, server: str | None, disabled: bool) -> int:
    from tidegate.assembly.principal_book import open_principal_book

    with open_principal_book(call.settings(client__server=server)) as book:
        book.set_disabled(name, disabled=disabled)
    call.note(f"{name} is {'disabled' if disabled else 'enabled'}")
    return 0


def _told(call: Call, name: str, secret: str, days: float) -> int:
    sys.stdout.write(secret + "\n")
    call.note(f"that is the secret of {name}, good for {days:g} days; it cannot be shown again")
    return 0
