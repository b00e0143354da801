# SPDX-License-Identifier: Apache-2.0
"""`tidegate tag history|freeze|unfreeze|override|holds`."""

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerbs, verb
from tidegate.cli.output import Output, output_options
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
        ("tidegate tag override team/app:1.2 --why 'broken build'", "then push it again"),
    ),
)


@verb("history", examples=(("tidegate tag history team/app", "of all tags of a repository, newest first"),))
@output_options("table", "json")
@_LIMIT
@click.argument("repository")
def _history(call: Call, *, output: Output, repository: str, limit: int) -> int:
    """Show what became of a tag, or of all tags of a repository: newest first."""
    from tidegate.artifact import Repository, Tag
    from tidegate.assembly.keeping import open_keeping
    from tidegate.curation.tags import tag_moves

    name, _, tag = repository.partition(":")
    with open_keeping(call.settings()) as keeping, keeping.database.read() as connection:
        found = tag_moves(connection, Repository(name), Tag(tag) if tag else None, limit=limit)
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
@_WHY
@_TAG
def _freeze(call: Call, *, tag: str, why: str) -> int:
    """Hold a TAG (repository:tag) where it points: it cannot be moved or removed, nor what is under it."""
    from tidegate.assembly.keeping import local_user, open_keeping
    from tidegate.curation.tag_holds import freeze

    repository, name = _parts(tag)
    with open_keeping(call.settings()) as keeping, keeping.database.begin() as connection:
        new = freeze(connection, repository, name, who=local_user(), why=why, at=keeping.clock())
    call.note(f"{tag}: {'frozen' if new else 'was frozen before'}")
    return 0


@verb("unfreeze", examples=(("tidegate tag unfreeze team/app:1.2 --why 'audit is over'", "a rule may hold it still"),))
@_WHY
@_TAG
def _unfreeze(call: Call, *, tag: str, why: str) -> int:
    """Let a frozen TAG (repository:tag) go."""
    from tidegate.assembly.keeping import local_user, open_keeping
    from tidegate.curation.tag_holds import held_by, unfreeze

    repository, name = _parts(tag)
    with open_keeping(call.settings()) as keeping, keeping.database.begin() as connection:
        unfreeze(connection, repository, name, who=local_user(), why=why, at=keeping.clock())
        holder = held_by(connection, keeping.rules.tags, repository, name)
    call.note(f"{tag}: no longer frozen{f', but immutable by {holder}' if holder else ''}")
    return 0


@verb(
    "override",
    examples=(("tidegate tag override team/app:1.2 --why 'broken build' --for ci", "ci may push it once, at once"),),
)
@_WHY
@click.option("--for", "for_whom", default="", metavar="NAME", help="Only this principal may use it. [whoever pushes]")
@click.option("--minutes", type=click.IntRange(1, 1440), default=15, show_default=True, help="How long it can be used.")
@_TAG
def _override(call: Call, *, tag: str, why: str, for_whom: str, minutes: int) -> int:
    """Record why an immutable TAG (repository:tag) may be moved or removed once.

    Clients cannot send a reason, so it is recorded first; the next push or delete of that tag uses it up.
    """
    from tidegate.assembly.keeping import local_user, open_keeping
    from tidegate.curation.tag_holds import override

    repository, name = _parts(tag)
    with open_keeping(call.settings()) as keeping, keeping.database.begin() as connection:
        made = override(
            connection,
            repository,
            name,
            who=local_user(),
            why=why,
            at=keeping.clock(),
            for_whom=for_whom,
            lasts=timedelta(minutes=minutes),
        )
    call.note(f"{tag}: may be moved or removed once until {made.expires_at:%H:%M:%S} UTC by {for_whom or 'anybody'}")
    return 0


@verb("holds", examples=(("tidegate tag holds --format json", "for a program"),))
@output_options("table", "json")
@_LIMIT
def _holds(call: Call, *, output: Output, limit: int) -> int:
    """Show frozen tags, the overrides on record, and the rules that make tags immutable."""
    from tidegate.assembly.keeping import open_keeping
    from tidegate.curation.tag_holds import list_freezes, list_overrides

    with open_keeping(call.settings()) as keeping, keeping.database.read() as connection:
        freezes, overrides = list_freezes(connection, limit=limit), list_overrides(connection, limit=limit)
        rules = keeping.rules.tags.rules
    if output.form == "json":
        output.write_json({"rules": rules, "freezes": freezes, "overrides": overrides})
        return 0
    rows = [("rule", f"{' '.join(r.repositories.wanted)} : {' '.join(r.tags.wanted)}", r.name, "", "") for r in rules]
    rows += [("freeze", f"{f.repository}:{f.tag}", f"{f.at:%Y-%m-%d %H:%M}", f.who, f.why) for f in freezes]
    rows += [
        (
            "used override" if o.used_at else "override",
            f"{o.repository}:{o.tag}",
            f"{o.granted_at:%Y-%m-%d %H:%M}",
            o.who,
            o.why,
        )
        for o in overrides
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
