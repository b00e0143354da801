# SPDX-License-Identifier: Apache-2.0
"""`tidegate tag history|freeze|unfreeze|override|holds`."""

from typing import TYPE_CHECKING

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerbs, verb
from tidegate.cli.output import Output, output_options
from tidegate.cli.server_option import server_option
from tidegate.cli.table import write_table
from tidegate.errors import UsageError

if TYPE_CHECKING:
    from tidegate.artifact import Repository, Tag

_WHY = click.option("--why", required=True, metavar="TEXT", help="The reason, kept on record.")
_TAG = click.argument("tag")
_LIMIT = click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="Most lines.")

command = ClickVerbs(
    "tag",
    help="Tell who moved a tag of the registry, freeze it, or let an immutable one be moved once.",
    examples=(
        ("tidegate tag history team/app:1.2", "who moved it, from which digest and when"),
        ("tidegate tag freeze team/app:1.2 --why 'in audit'", "hold it where it points"),
        ("tidegate tag holds --server https://registry.example", "of a server, as whoever is logged in there"),
        ("tidegate tag override team/app:1.2 --why 'broken build'", "then push it again"),
    ),
)


@verb("history", examples=(("tidegate tag history team/app", "of all tags of a repository, newest first"),))
@server_option
@output_options("table", "json", by_terminal=True)
@_LIMIT
@click.argument("repository")
def _history(call: Call, *, output: Output, server: str | None, repository: str, limit: int) -> int:
    """Show what became of a tag, or of all tags of a repository: newest first."""
    from tidegate.artifact import Repository, Tag
    from tidegate.assembly.tag_book import open_tag_book

    name, _, tag = repository.partition(":")
    with open_tag_book(call.settings(client__server=server)) as book:
        found = book.history(Repository(name), Tag(tag) if tag else None, limit=limit)
    if output.form == "json":
        output.write_json(found)
        return 0
    headings = ("at", "tag", "before", "after", "who", "why")
    rows = [
        (
            f"{move.at:%Y-%m-%d %H:%M:%S}",
            str(move.tag),
            move.before.short if move.before else "new",
            move.after.short if move.after else "removed",
            move.who,
            move.why,
        )
        for move in found
    ]
    write_table(call, output, headings, rows)
    return 0


@verb("freeze", examples=(("tidegate tag freeze team/app:1.2 --why 'in audit'", "whatever rules say"),))
@server_option
@_WHY
@_TAG
def _freeze(call: Call, *, server: str | None, tag: str, why: str) -> int:
    """Hold a TAG (repository:tag) where it points: it cannot be moved or removed, nor what is under it."""
    from tidegate.assembly.tag_book import open_tag_book

    repository, name = _parts(tag)
    with open_tag_book(call.settings(client__server=server)) as book:
        new = book.freeze(repository, name, why=why)
    call.note(f"{tag}: {'frozen' if new else 'was frozen before'}")
    return 0


@verb("unfreeze", examples=(("tidegate tag unfreeze team/app:1.2 --why 'audit is over'", "a rule may hold it still"),))
@server_option
@_WHY
@_TAG
def _unfreeze(call: Call, *, server: str | None, tag: str, why: str) -> int:
    """Let a frozen TAG (repository:tag) go."""
    from tidegate.assembly.tag_book import open_tag_book

    repository, name = _parts(tag)
    with open_tag_book(call.settings(client__server=server)) as book:
        holder = book.unfreeze(repository, name, why=why)
    call.note(f"{tag}: no longer frozen{f', but immutable by {holder}' if holder else ''}")
    return 0


@verb(
    "override",
    examples=(("tidegate tag override team/app:1.2 --why 'broken build' --for ci", "ci may push it once, at once"),),
)
@server_option
@_WHY
@click.option("--for", "for_whom", default="", metavar="NAME", help="Only this principal may use it. [whoever pushes]")
@click.option("--minutes", type=click.IntRange(1, 1440), default=15, show_default=True, help="How long it can be used.")
@_TAG
def _override(call: Call, *, server: str | None, tag: str, why: str, for_whom: str, minutes: int) -> int:
    """Record why an immutable TAG (repository:tag) may be moved or removed once.

    Clients cannot send a reason, so it is recorded first; the next push or delete of that tag uses it up.
    """
    from tidegate.assembly.tag_book import open_tag_book

    repository, name = _parts(tag)
    with open_tag_book(call.settings(client__server=server)) as book:
        made = book.override(repository, name, why=why, for_whom=for_whom, minutes=minutes)
    call.note(f"{tag}: may be moved or removed once until {made.expires_at:%H:%M:%S} UTC by {for_whom or 'anybody'}")
    return 0


@verb("holds", examples=(("tidegate tag holds --format json", "for a program"),))
@server_option
@output_options("table", "json", by_terminal=True)
@_LIMIT
def _holds(call: Call, *, output: Output, server: str | None, limit: int) -> int:
    """Show frozen tags, the overrides on record, and the rules that make tags immutable."""
    from tidegate.assembly.tag_book import open_tag_book

    with open_tag_book(call.settings(client__server=server)) as book:
        found = book.holds(limit=limit)
    if output.form == "json":
        output.write_json(found)
        return 0
    rows = [
        ("rule", f"{' '.join(r.repositories.wanted)} : {' '.join(r.tags.wanted)}", r.name, "", "") for r in found.rules
    ]
    rows += [("freeze", f"{f.repository}:{f.tag}", f"{f.at:%Y-%m-%d %H:%M}", f.who, f.why) for f in found.freezes]
    rows += [
        (
            "used override" if o.used_at else "override",
            f"{o.repository}:{o.tag}",
            f"{o.granted_at:%Y-%m-%d %H:%M}",
            o.who,
            o.why,
        )
        for o in found.overrides
    ]
    write_table(call, output, ("hold", "of", "since", "who", "why"), rows)
    return 0


for _command in (_history, _freeze, _unfreeze, _override, _holds):
    command.add_command(_command)


def _parts(text: str) -> "tuple[Repository, Tag]":
    from tidegate.artifact import Repository, Tag

    repository, colon, tag = text.rpartition(":")
    if not colon:
        raise UsageError("names no tag", where=text, remedy="write repository:tag")
    return Repository(repository), Tag(tag)
