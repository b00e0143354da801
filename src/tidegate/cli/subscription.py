# SPDX-License-Identifier: Apache-2.0
"""`tidegate subscription list|add|remove|test|deliveries|replay`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerbs, verb
from tidegate.cli.named_file import read_named_file
from tidegate.cli.output import Output, output_options
from tidegate.cli.server_option import server_option
from tidegate.cli.table import write_table
from tidegate.errors import InvalidInputError

if TYPE_CHECKING:
    from tidegate.curation.vending.subscriptions import Subscription
    from tidegate.curation.vending.webhook import WebhookSecret

_MAX_SECRET_BYTES: Final = 1024
_KINDS: Final = {
    "admitted": "curation.image.admitted",
    "restricted": "curation.image.restricted",
    "deprecated": "curation.image.deprecated",
    "recalled": "curation.image.recalled",
    "retired": "curation.image.retired",
    "rejected": "curation.image.rejected",
    "promoted": "curation.image.promoted",
    "exposed": "curation.consumer.exposed",
    "update-proposed": "execution.update.proposed",
    "update-failed": "execution.update.failed",
}
_SUBSCRIPTION = click.argument("subscription")

command = ClickVerbs(
    "subscription",
    help="Say who is told of changes, by signed webhooks; try that out, and tell it again.",
    examples=(
        ("tidegate subscription add https://ci.example/hook --pattern 'team-a/*'", "its secret is told this once"),
        ("tidegate subscription test 3f2a…", "calls the receiver now"),
        ("tidegate subscription list", "who is told what, what waits and what was given up"),
        ("tidegate subscription list --server https://registry.example", "one's own on a server"),
    ),
)


@verb("list", examples=(("tidegate subscription list --owner anna", "those of one principal"),))
@server_option
@output_options("table", "json", by_terminal=True)
@click.option("--owner", default="", metavar="NAME", help="Only those of a principal.")
def _list(call: Call, *, output: Output, server: str | None, owner: str) -> int:
    """Show subscriptions, the oldest first; never their secrets."""
    from tidegate.assembly.subscribing import open_subscriptions

    with open_subscriptions(call.settings(client__server=server)) as subscriptions:
        found = subscriptions.listed(owner=owner)
    if output.form == "json":
        output.write_json({"subscriptions": found})
        return 0
    rows = [
        (one.id[:12], one.owner, _about(one), _kinds(one), one.url, _state(one), str(one.waiting), str(one.dead))
        for one in found
    ]
    write_table(call, output, ("id", "owner", "about", "kinds", "receiver", "state", "waiting", "dead"), rows)
    return 0


@verb(
    "add",
    examples=(
        ("tidegate subscription add https://ci.example/hook --pattern team-a/app --kind recalled", "of one kind"),
        ("tidegate subscription add https://ci.example/hook --component pkg:pypi/h11", "images with a component"),
    ),
)
@server_option
@click.option("--pattern", default="", metavar="PATTERN", help="Only of repositories that match, like 'team-a/*'.")
@click.option("--digest", default="", metavar="DIGEST", help="Only of one image.")
@click.option("--component", default="", metavar="PURL", help="Only of images with a component, of one version or all.")
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(tuple(_KINDS)), help="Only of this kind; may be repeated."
)
@click.option("--owner", default="", metavar="NAME", help="The principal it is for; without it whoever runs this.")
@click.option(
    "--secret-file",
    type=click.Path(path_type=Path),
    help="File with the secret (whsec_…) its receiver has; without it one is made.",
)
@click.option(
    "--batch",
    type=click.IntRange(1, 200),
    default=1,
    show_default=True,
    help="Events in one message; with more than 1 it is a CloudEvents batch.",
)
@click.argument("url")
def _add(
    call: Call,
    *,
    server: str | None,
    url: str,
    pattern: str,
    digest: str,
    component: str,
    kinds: tuple[str, ...],
    owner: str,
    secret_file: Path | None,
    batch: int,
) -> int:
    """Have URL told of changes from now on. A secret that is made is written to standard output, this once."""
    from tidegate.assembly.subscribing import open_subscriptions
    from tidegate.curation.vending.subscriptions import USUAL, Wanted
    from tidegate.events import EventKind
    from tidegate.outbound.address import check_url

    check_url(url, insecure=False)
    chosen = tuple(EventKind(_KINDS[kind]) for kind in kinds) or USUAL
    wanted = Wanted(pattern=pattern, digest=digest, component=component, kinds=chosen)
    given = _secret_in(secret_file) if secret_file else None
    with open_subscriptions(call.settings(client__server=server)) as subscriptions:
        made, secret = subscriptions.add(wanted, owner=owner, url=url, secret=given, batch=batch)
    if secret:
        sys.stdout.write(secret + "\n")
        call.note("that is the secret its messages are signed with; it cannot be shown again")
    call.note(f"subscription {made.id} of {made.owner} is active")
    return 0


@verb("remove", examples=(("tidegate subscription remove 3f2a…", "with all that waits for it"),))
@server_option
@_SUBSCRIPTION
def _remove(call: Call, *, server: str | None, subscription: str) -> int:
    """Tell it no more."""
    from tidegate.assembly.subscribing import open_subscriptions

    with open_subscriptions(call.settings(client__server=server)) as subscriptions:
        number = subscriptions.remove(subscription)
    call.note(f"subscription {number} is removed")
    return 0


@verb("test", examples=(("tidegate subscription test 3f2a…", "does the receiver take it?"),))
@server_option
@_SUBSCRIPTION
def _test(call: Call, *, server: str | None, subscription: str) -> int:
    """Send its receiver a signed message that says nothing else. Exit status 1 when it is not taken."""
    from tidegate.assembly.subscribing import open_subscriptions

    with open_subscriptions(call.settings(client__server=server)) as subscriptions:
        answer = subscriptions.try_out(subscription)
    if answer.taken:
        call.note(f"the receiver took it ({answer.status})")
    else:
        call.warn(answer.problem)
    return 0 if answer.taken else 1


@verb("deliveries", examples=(("tidegate subscription deliveries 3f2a… --state dead", "what was given up, and why"),))
@server_option
@output_options("table", "json", by_terminal=True)
@click.option("--state", type=click.Choice(("waiting", "done", "dead", "withheld")), help="Only those of one state.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="Most of them.")
@_SUBSCRIPTION
def _deliveries(
    call: Call, *, subscription: str, output: Output, server: str | None, state: str | None, limit: int
) -> int:
    """Show what was told, waits or was given up, the newest first."""
    from tidegate.assembly.subscribing import open_subscriptions

    with open_subscriptions(call.settings(client__server=server)) as subscriptions:
        found = subscriptions.deliveries(subscription, state=state or "", limit=limit)
    if output.form == "json":
        output.write_json({"deliveries": found})
        return 0
    rows = [
        (str(row["offset"]), row["kind"], row["subject"], row["state"], str(row["attempts"]), row["problem"])
        for row in found
    ]
    write_table(call, output, ("offset", "kind", "subject", "state", "tries", "problem"), rows)
    return 0


@verb("replay", examples=(("tidegate subscription replay 3f2a… --after 1200", "all that fits past an offset"),))
@server_option
@click.option("--after", type=click.IntRange(min=0), default=0, help="Only what came after this offset. [0]")
@_SUBSCRIPTION
def _replay(call: Call, *, server: str | None, subscription: str, after: int) -> int:
    """Have everything that fits told once more, by the server that uses the record."""
    from tidegate.assembly.subscribing import open_subscriptions

    with open_subscriptions(call.settings(client__server=server)) as subscriptions:
        told = subscriptions.replay(subscription, after=after)
    call.note(f"{told} events are told once more")
    return 0


for _command in (_list, _add, _remove, _test, _deliveries, _replay):
    command.add_command(_command)


def _secret_in(file: Path) -> "WebhookSecret":
    from tidegate.curation.vending.webhook import WebhookSecret

    try:
        text = read_named_file(file, max_bytes=_MAX_SECRET_BYTES).decode("ascii").strip()
    except UnicodeDecodeError as error:
        raise InvalidInputError("not a webhook secret", where=str(file)) from error
    return WebhookSecret(text)


def _about(one: "Subscription") -> str:
    return " ".join(filter(None, (one.wanted.pattern, one.wanted.digest, one.wanted.component))) or "everything"


def _kinds(one: "Subscription") -> str:
    return ",".join(kind.rpartition(".")[2] for kind in one.wanted.kinds)


def _state(one: "Subscription") -> str:
    if not one.active:
        return "ended by its receiver"
    return f"paused: {one.paused}" if one.paused else "active"
