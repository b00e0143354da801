# SPDX-License-Identifier: Apache-2.0
"""`tidegate principal list|user|robot|renew|password|groups|disable|enable|remove`."""

import sys
from datetime import timedelta

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerbs, verb
from tidegate.cli.identity_record import change_identity, read_identity
from tidegate.cli.output import Output, output_options
from tidegate.cli.secret_input import read_secret
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
    ),
)


@verb("list", examples=(("tidegate principal list --format json", "for a program"),))
@output_options("table", "json")
def _list(call: Call, *, output: Output) -> int:
    """Show who is kept here, by name; never a secret."""
    from tidegate.clock import rfc3339
    from tidegate.identity import account

    found = read_identity(call, account.list_accounts)
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
@_GROUPS
@_NAME
def _user(call: Call, *, principal: str, groups: tuple[str, ...]) -> int:
    """Add somebody with a password, read from standard input: 12 characters or more."""
    from tidegate.identity import account
    from tidegate.identity.password import Passwords

    hashed = Passwords().hash(read_secret())
    change_identity(call, lambda c, who: account.create_user(c, principal, hashed, groups=groups, by=who.by, at=who.at))
    call.note(f"{principal} may log in; without a grant there is nothing to do: tidegate grant give {principal} …")
    return 0


@verb("robot", examples=(("tidegate principal robot ci --days 90", "for a pipeline"),))
@_DAYS
@_GROUPS
@_NAME
def _robot(call: Call, *, principal: str, groups: tuple[str, ...], days: float) -> int:
    """Add a robot; its secret is written to standard output, this once."""
    from tidegate.identity import account

    lasts, most = timedelta(days=days), timedelta(days=call.settings().identity.robot_max_days)
    made, secret = change_identity(
        call,
        lambda c, who: account.create_robot(
            c, principal, lasts=lasts, max_lifetime=most, groups=groups, by=who.by, at=who.at
        ),
    )
    return _told(call, made.name, secret, days)


@verb("renew", examples=(("tidegate principal renew ci --days 90", "the old secret is void at once"),))
@_DAYS
@_NAME
def _renew(call: Call, *, principal: str, days: float) -> int:
    """Give a robot another secret, written to standard output this once, and another end."""
    from tidegate.identity import account

    lasts, most = timedelta(days=days), timedelta(days=call.settings().identity.robot_max_days)
    made, secret = change_identity(
        call,
        lambda c, who: account.renew_robot(c, principal, lasts=lasts, max_lifetime=most, by=who.by, at=who.at),
    )
    return _told(call, made.name, secret, days)


@verb("password", examples=(("tidegate principal password anna < password.txt", "its tokens are void at once"),))
@_NAME
def _set_password(call: Call, *, principal: str) -> int:
    """Give a user another password, read from standard input."""
    from tidegate.identity import account
    from tidegate.identity.password import Passwords

    hashed = Passwords().hash(read_secret())
    change_identity(call, lambda c, who: account.set_password(c, principal, hashed, by=who.by, at=who.at))
    call.note(f"{principal}: another password; tokens of the old one are void")
    return 0


@verb("groups", examples=(("tidegate principal groups anna --group devs --group ops", "these and no others"),))
@_GROUPS
@_NAME
def _groups(call: Call, *, principal: str, groups: tuple[str, ...]) -> int:
    """Put a principal into these groups and no others."""
    from tidegate.identity import account

    made = change_identity(call, lambda c, who: account.set_groups(c, principal, groups, by=who.by, at=who.at))
    call.note(f"{principal} is in {', '.join(made.groups) or 'no group'}")
    return 0


@verb("disable", examples=(("tidegate principal disable robot$ci", "let in no more, at once"),))
@_NAME
def _disable(call: Call, *, principal: str) -> int:
    """Let a principal in no more; its tokens are void at once."""
    return _switched(call, principal, disabled=True)


@verb("enable", examples=(("tidegate principal enable robot$ci", "let in again"),))
@_NAME
def _enable(call: Call, *, principal: str) -> int:
    """Let a disabled principal in again."""
    return _switched(call, principal, disabled=False)


@verb("remove", examples=(("tidegate principal remove anna", "with all that was granted to it"),))
@_NAME
def _remove(call: Call, *, principal: str) -> int:
    """Remove a principal and take back its grants."""
    from tidegate.identity import account

    change_identity(call, lambda c, who: account.remove(c, principal, by=who.by, at=who.at))
    call.note(f"{principal} is removed")
    return 0


for _command in (_list, _user, _robot, _renew, _set_password, _groups, _disable, _enable, _remove):
    command.add_command(_command)


def _switched(call: Call, name: str, *, disabled: bool) -> int:
    from tidegate.identity import account

    change_identity(call, lambda c, who: account.set_disabled(c, name, disabled=disabled, by=who.by, at=who.at))
    call.note(f"{name} is {'disabled' if disabled else 'enabled'}")
    return 0


def _told(call: Call, name: str, secret: str, days: float) -> int:
    sys.stdout.write(secret + "\n")
    call.note(f"that is the secret of {name}, good for {days:g} days; it cannot be shown again")
    return 0
