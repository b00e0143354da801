# SPDX-License-Identifier: Apache-2.0
"""`tidegate feedback channel list|webhook|email|remove`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerbs, verb
from tidegate.cli.named_file import read_named_file
from tidegate.cli.output import Output, output_options
from tidegate.cli.server_option import server_option
from tidegate.cli.table import write_table
from tidegate.errors import InvalidInputError

if TYPE_CHECKING:
    from tidegate.curation.feedback.channel import Channel

_MAX_SECRET_BYTES: Final = 4096
_CHANNEL = click.argument("channel")
_QUIET = click.option(
    "--quiet", default="", metavar="HOURS", help="When it is quiet, like 'mon-fri 20:00-08:00 Europe/Berlin'."
)
_PASSES = click.option(
    "--passes",
    type=click.Choice(("low", "medium", "high", "critical")),
    default="critical",
    show_default=True,
    help="Told in quiet hours too, from this severity on.",
)
_PER_HOUR = click.option(
    "--per-hour", type=click.IntRange(min=0), default=0, help="Most messages in an hour; 0 is for no limit. [0]"
)
_SECRET_FILE = click.option("--secret-file", type=click.Path(path_type=Path), help="File with its secret.")


def channel_verbs() -> ClickVerbs:
    """The verbs of channels."""
    made = ClickVerbs(
        "channel",
        help="Say by which ways owners are told: signed webhooks and mail.",
        examples=(
            ("tidegate feedback channel webhook chat https://hooks.example/tidegate", "its secret is told this once"),
            ("tidegate feedback channel email mail smtp.example --from gate@example.com", "by STARTTLS"),
            ("tidegate feedback channel list", "without their secrets"),
        ),
    )
    for one in (_list, _webhook, _email, _remove):
        made.add_command(one)
    return made


@verb("list", examples=(("tidegate feedback channel list --format json", "for a program"),))
@server_option
@output_options("table", "json", by_terminal=True)
def _list(call: Call, *, output: Output, server: str | None) -> int:
    """Show channels, without their secrets."""
    from tidegate.assembly.feedback_book import open_feedback

    with open_feedback(call.settings(client__server=server)) as book:
        found = book.channels()
    if output.form == "json":
        output.write_json({"channels": found})
        return 0
    rows = [(one.name, one.kind.value, _place(one), _quiet(one), str(one.per_hour or "")) for one in found]
    write_table(call, output, ("channel", "kind", "where", "quiet", "an hour"), rows)
    return 0


@verb(
    "webhook",
    examples=(
        ("tidegate feedback channel webhook chat https://hooks.example/tidegate", "makes a secret"),
        ("tidegate feedback channel webhook chat https://hooks.example/ --quiet 'sat,sun 00:00-00:00'", "not then"),
    ),
)
@server_option
@_QUIET
@_PASSES
@_PER_HOUR
@_SECRET_FILE
@_CHANNEL
@click.argument("url")
def _webhook(call: Call, *, server: str | None, channel: str, url: str, secret_file: Path | None, **told: Any) -> int:
    """Tell owners by a CHANNEL that calls URL, signed (Standard Webhooks). A made secret is written out this once."""
    from tidegate.curation.feedback.channel import Channel, ChannelKind
    from tidegate.curation.vending.webhook import WebhookSecret

    secret = _secret_in(secret_file) or WebhookSecret.generate().reveal()
    _set(call, server, Channel(name=channel, kind=ChannelKind.WEBHOOK, url=url, **_manner(**told)), secret)
    if secret_file is None:
        sys.stdout.write(secret + "\n")
        call.note("that is the secret its messages are signed with; it cannot be shown again")
    return 0


@verb(
    "email",
    examples=(
        (
            "tidegate feedback channel email mail smtp.example --from gate@example.com --to ops@example.com",
            "by STARTTLS",
        ),
        (
            "tidegate feedback channel email mail smtp.example --from a@example.com --user gate --secret-file password",
            "with a login",
        ),
    ),
)
@server_option
@click.option("--from", "sender", required=True, metavar="ADDRESS", help="Whom mail comes from.")
@click.option("--to", default="", metavar="ADDRESS", help="For owners without an address of their own, and nobody.")
@click.option("--port", type=click.IntRange(1, 65535), default=587, show_default=True, help="Of the mail server.")
@click.option(
    "--security",
    type=click.Choice(("starttls", "tls", "none")),
    default="starttls",
    show_default=True,
    help="How it is spoken to; a password is never sent in the clear.",
)
@click.option("--user", default="", metavar="NAME", help="Whom to log in as; the password is its secret.")
@_QUIET
@_PASSES
@_PER_HOUR
@_SECRET_FILE
@_CHANNEL
@click.argument("host")
def _email(
    call: Call,
    *,
    server: str | None,
    channel: str,
    host: str,
    sender: str,
    to: str,
    port: int,
    security: str,
    user: str,
    secret_file: Path | None,
    **told: Any,
) -> int:
    """Tell owners by a CHANNEL that sends mail through the server HOST."""
    from tidegate.curation.feedback.channel import Channel, ChannelKind, Security

    wanted = Channel(
        name=channel,
        kind=ChannelKind.EMAIL,
        host=host,
        port=port,
        security=Security(security),
        user=user,
        sender=sender,
        to=to,
        **_manner(**told),
    )
    _set(call, server, wanted, _secret_in(secret_file))
    return 0


@verb("remove", examples=(("tidegate feedback channel remove chat", "what waits for it is given up"),))
@server_option
@_CHANNEL
def _remove(call: Call, *, server: str | None, channel: str) -> int:
    """Remove a CHANNEL; what waits for it is given up, and shown."""
    from tidegate.assembly.feedback_book import open_feedback

    with open_feedback(call.settings(client__server=server)) as book:
        book.remove_channel(channel)
    call.note(f"channel {channel} is removed")
    return 0


def _set(call: Call, server: str | None, channel: "Channel", secret: str) -> None:
    from tidegate.assembly.feedback_book import open_feedback

    with open_feedback(call.settings(client__server=server)) as book:
        book.set_channel(channel, secret)
    call.note(f"channel {channel.name} is on record; try it: tidegate feedback test {channel.name}")


def _manner(*, quiet: str, passes: str, per_hour: int) -> dict[str, Any]:
    from tidegate.curation.feedback.notice import Severity
    from tidegate.curation.feedback.quiet import parse_quiet

    return {"quiet": parse_quiet(quiet) if quiet else None, "passes": Severity(passes), "per_hour": per_hour}


def _secret_in(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        return read_named_file(file, max_bytes=_MAX_SECRET_BYTES).decode().strip("\r\n")
    except UnicodeDecodeError as error:
        raise InvalidInputError("not a secret", where=str(file)) from error


def _place(one: "Channel") -> str:
    return one.url or f"{one.security}://{one.host}:{one.port} from {one.sender}"


def _quiet(one: "Channel") -> str:
    if one.quiet is None:
        return ""
    return f"{','.join(one.quiet.days)} {one.quiet.start}-{one.quiet.end} {one.quiet.zone}; {one.passes} passes"
