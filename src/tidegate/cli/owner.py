# SPDX-License-Identifier: Apache-2.0
"""`tidegate owner list|set|show|remove`."""

from typing import TYPE_CHECKING

import click

from tidegate.bounds import printable
from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerbs, verb
from tidegate.cli.output import Output, output_options
from tidegate.cli.server_option import server_option
from tidegate.cli.table import write_table

if TYPE_CHECKING:
    from tidegate.curation.feedback.owner import Owner

_OWNER = click.argument("owner")

command = ClickVerbs(
    "owner",
    help="Say who owns what, and how they are told; ask whose an image is.",
    examples=(
        ("tidegate owner set team-web --repository 'web/*' --email web@example.com", "theirs, and where they read"),
        ("tidegate owner show web/shop", "whose it is, and how that is known"),
        ("tidegate owner list --server https://registry.example", "those of a server"),
    ),
)


@verb("list", examples=(("tidegate owner list --format json", "for a program"),))
@server_option
@output_options("table", "json", by_terminal=True)
def _list(call: Call, *, output: Output, server: str | None) -> int:
    """Show owners, with what is theirs and how they are told."""
    from tidegate.assembly.feedback_book import open_feedback

    with open_feedback(call.settings(client__server=server)) as book:
        found = book.owners()
    if output.form == "json":
        output.write_json({"owners": found})
        return 0
    rows = [
        (
            one.name,
            " ".join((*one.repositories, *(f"namespace:{text}" for text in one.namespaces), *_others(one))),
            one.email,
            " ".join(one.channels) or "every channel",
        )
        for one in found
    ]
    write_table(call, output, ("owner", "owns", "e-mail", "told by"), rows)
    return 0


@verb(
    "set",
    examples=(
        ("tidegate owner set team-web --repository 'web/*' --namespace 'prod/web-*'", "images and workloads"),
        ("tidegate owner set anna --pusher anna --email anna@example.com --channel mail", "what she pushes"),
    ),
)
@server_option
@click.option("--repository", "repositories", multiple=True, metavar="PATTERN", help="Of names, like 'web/*'.")
@click.option("--namespace", "namespaces", multiple=True, metavar="PATTERN", help="Of cluster/namespace: 'prod/web-*'.")
@click.option("--tenant", "tenants", multiple=True, metavar="TENANT", help="Whose repositories are theirs.")
@click.option("--pusher", "pushers", multiple=True, metavar="PRINCIPAL", help="Whose pushes are theirs.")
@click.option("--email", default="", metavar="ADDRESS", help="Where they read mail.")
@click.option("--channel", "channels", multiple=True, metavar="NAME", help="How they are told; without it, by all.")
@_OWNER
def _set(
    call: Call,
    *,
    server: str | None,
    owner: str,
    repositories: tuple[str, ...],
    namespaces: tuple[str, ...],
    tenants: tuple[str, ...],
    pushers: tuple[str, ...],
    email: str,
    channels: tuple[str, ...],
) -> int:
    """Put an OWNER on record, in the place of all that was said of them before."""
    from tidegate.assembly.feedback_book import open_feedback
    from tidegate.curation.feedback.owner import Owner

    wanted = Owner(
        name=owner,
        repositories=repositories,
        namespaces=namespaces,
        tenants=tenants,
        pushers=pushers,
        email=email,
        channels=channels,
    )
    with open_feedback(call.settings(client__server=server)) as book:
        book.set_owner(wanted)
    call.note(f"owner {owner} is on record")
    return 0


@verb(
    "show",
    examples=(
        ("tidegate owner show web/shop", "of a repository"),
        ("tidegate owner show web/shop --digest sha256:4c1…", "with what the image says, and who pushed it"),
    ),
)
@server_option
@output_options("table", "json", by_terminal=True)
@click.option("--digest", default="", metavar="DIGEST", help="Of one image.")
@click.argument("repository")
def _show(call: Call, *, output: Output, server: str | None, repository: str, digest: str) -> int:
    """Tell whose a REPOSITORY or an image of it is, and how that is known. Exit status 1 when it is nobody's."""
    from tidegate.artifact import Digest, Repository
    from tidegate.assembly.feedback_book import open_feedback

    name, subject = Repository(repository), str(Digest(digest)) if digest else ""
    with open_feedback(call.settings(client__server=server)) as book:
        found = book.owner_of(name, subject)
    if output.form == "json":
        output.write_json(found)
    else:
        output.write_text(f"{printable(found.name) or 'nobody'} ({printable(found.by)})\n")
    return 0 if found.name else 1


@verb("remove", examples=(("tidegate owner remove team-web", "cases that are open stay theirs"),))
@server_option
@_OWNER
def _remove(call: Call, *, server: str | None, owner: str) -> int:
    """Take an OWNER off the record."""
    from tidegate.assembly.feedback_book import open_feedback

    with open_feedback(call.settings(client__server=server)) as book:
        book.remove_owner(owner)
    call.note(f"owner {owner} is removed")
    return 0


for _command in (_list, _set, _show, _remove):
    command.add_command(_command)


def _others(one: "Owner") -> tuple[str, ...]:
    tenants = (f"tenant:{text}" for text in one.tenants)
    return (*tenants, *(f"pushed-by:{text}" for text in one.pushers))
