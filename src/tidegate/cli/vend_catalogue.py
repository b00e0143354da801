# SPDX-License-Identifier: Apache-2.0
"""`tidegate vend list|search|show`: the catalogue of what is handed out."""

from typing import TYPE_CHECKING, Any, Final

import click

from tidegate.bounds import printable
from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.output import Output, output_options
from tidegate.cli.server_option import server_option
from tidegate.errors import InvalidInputError

if TYPE_CHECKING:
    from tidegate.curation.vending.catalogue import Entry, Version

_STATES: Final = ("admitted", "restricted", "deprecated", "recalled", "rejected", "retired")
_WIDTH: Final = 12


@verb(
    "list",
    examples=(
        ("tidegate vend list", "of the record here"),
        ("tidegate vend list --server https://registry.example --owner team-a", "of a server, as you may see it"),
    ),
)
@click.option("--state", type=click.Choice(_STATES), help="Only repositories with a version in this state.")
@click.option("--owner", default="", help="Only of this owner.")
@click.option("--platform", default="", help="Only what is there for a platform, like linux/arm64.")
@click.option("--after", default="", metavar="NAME", help="Go on after a repository.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="Most repositories.")
@server_option
@output_options("table", "json", by_terminal=True)
def _list(call: Call, *, output: Output, **wanted: Any) -> int:
    """List what can be had: repositories with their newest good version.

    From the record here, all of it; from a server, what its user may see. A table on a terminal, JSON elsewhere.
    """
    return _found(call, output, "", **wanted)


@verb("search", examples=(("tidegate vend search python 3.12", "every word must be found"),))
@click.argument("words", nargs=-1, required=True)
@click.option("--state", type=click.Choice(_STATES), help="Only repositories with a version in this state.")
@click.option("--owner", default="", help="Only of this owner.")
@click.option("--platform", default="", help="Only what is there for a platform, like linux/arm64.")
@click.option("--after", default="", metavar="NAME", help="Go on after a repository.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="Most repositories.")
@server_option
@output_options("table", "json", by_terminal=True)
def _search(call: Call, *, words: tuple[str, ...], output: Output, **wanted: Any) -> int:
    """Search names, tags and what images say of themselves. Exit status 1 when nothing fits."""
    return _found(call, output, " ".join(words), **wanted)


@verb("show", examples=(("tidegate vend show team/app", "what it is, what is wrong with it, how to use it"),))
@click.argument("repository")
@server_option
@output_options("table", "json", by_terminal=True)
def _show(call: Call, *, repository: str, output: Output, server: str | None) -> int:
    """Show a repository: its newest good version, how to use it, and all versions."""
    settings = call.settings(client__server=server)
    from tidegate.artifact import Repository
    from tidegate.assembly.catalogue import open_catalogue

    with open_catalogue(settings) as catalogue:
        versions = catalogue.versions(Repository(repository))
        host = catalogue.host
    if output.form == "json":
        output.write_json({"repository": repository, "versions": versions})
    else:
        output.write_text("".join(f"{printable(line)}\n" for line in _page(repository, versions, host)))
    return 0


VERBS: Final = (_list, _search, _show)


def _found(call: Call, output: Output, words: str, *, server: str | None, **wanted: Any) -> int:
    settings = call.settings(client__server=server)
    from tidegate.assembly.catalogue import open_catalogue
    from tidegate.curation.vending.catalogue import Asked

    if len(words) > 200:  # noqa: PLR2004 - as the API has it
        raise InvalidInputError("too many words", remedy="give fewer")
    asked = Asked(words=words, state=wanted["state"] or "", owner=wanted["owner"], platform=wanted["platform"])
    with open_catalogue(settings) as catalogue:
        found = catalogue.search(asked, after=wanted["after"], limit=wanted["limit"])
    if output.form == "json":
        output.write_json({"entries": found})
    else:
        output.write_text("".join(f"{printable(line)}\n" for line in _table(found)))
    return 0 if found or not words else 1


def _table(entries: "list[Entry]") -> list[str]:
    rows = [("REPOSITORY", "NEWEST", "STATE", "FLAWS", "SUPPORT", "OWNER")]
    for one in entries:
        newest = one.newest
        if newest is None:
            rows.append((one.repository, "-", "-", "", "", one.owner))
        else:
            rows.append((one.repository, newest.tag, newest.state, _flaws(newest), _support(newest), one.owner))
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _page(repository: str, versions: "list[Version]", host: str) -> list[str]:
    from tidegate.curation.vending.how_to_use import usage

    lines = [repository]
    good = next((one for one in versions if one.state in {"admitted", "deprecated"}), None)
    if good is None:
        lines.append("nothing of it is handed out at the moment")
    else:
        use = usage(host, repository, good.tag, good.digest)
        facts = (
            ("newest", f"{good.tag} ({good.state}), {good.digest}"),
            ("what", " ".join(filter(None, (good.title, good.description)))),
            ("deprecated", good.notice),
            ("flaws", _flaws(good)),
            ("support", _support(good)),
            ("owner", good.owner),
            ("built on", good.base or good.system),
            ("licence", good.licence),
            ("platforms", ", ".join(good.platforms)),
            ("size", f"{good.size:,} bytes"),
            ("pull", use.pull),
            ("pinned", use.pinned),
            ("build", use.build),
        )
        lines += [f"  {name:<{_WIDTH}}{text}" for name, text in facts if text]
    lines += ["", *(f"  {one.tag:<24} {one.state:<12} {one.moved_at[:10]}  {_flaws(one)}" for one in versions)]
    return lines


def _flaws(version: "Version") -> str:
    if not version.is_scanned:
        return "not scanned"
    said = ", ".join(f"{number} {name}" for name, number in version.severities.items() if number)
    return said or "none known"


def _support(version: "Version") -> str:
    if version.support_days is None:
        return ""
    days = version.support_days
    return f"{days} days left ({version.support_of})" if days >= 0 else f"ended ({version.support_of})"
