# SPDX-License-Identifier: Apache-2.0
"""`tidegate intake rule …` and `tidegate retention rule …`: sets of rules that lie over those of files."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerb, ClickVerbs, verb
from tidegate.cli.failures import say
from tidegate.cli.output import Output, output_options
from tidegate.cli.server_option import server_option
from tidegate.cli.table import write_table
from tidegate.errors import NotFoundError

if TYPE_CHECKING:
    from tidegate.assembly.rule_book import RuleBook
    from tidegate.curation.rule_sets import RuleKind

Of = Literal["intake", "retention"]
_SEEN = click.option(
    "--if-version", type=click.IntRange(min=0), metavar="N", help="Only where this is its version; 0: where it is new."
)
_SET = click.argument("name", metavar="SET")


def rule_verbs(of: Of, *, file: str) -> ClickVerbs:
    """The verbs of the rules of one kind.

    Args:
        of: the verb they belong to.
        file: a file's name for examples.
    """
    made = ClickVerbs(
        "rule",
        help="Manage sets of rules in the database: they lie over those of files, and hold on every replica at once.",
        examples=(
            (f"tidegate {of} rule set house {file} --why 'as agreed'", "the whole set, or nothing where it is wrong"),
            (f"tidegate {of} rule set house {file} --dry-run", "what would be then"),
            (f"tidegate {of} rule list --server https://registry.example", "who set what, when and why"),
        ),
    )
    for one in (_listing(of), _showing(of), _setting(of, file), _removing(of)):
        made.add_command(one)
    return made


def _listing(of: Of) -> ClickVerb:
    @verb("list", examples=((f"tidegate {of} rule list", "sets, and the rules of files beneath them"),))
    @server_option
    @output_options("table", "json")
    def list_(call: Call, *, output: Output, server: str | None) -> int:
        """Show sets, who set them and what they say, and the rules of files.

        A set's rule is in force in place of a file's of the same name.
        """
        from tidegate.assembly.rule_book import open_rule_book

        with open_rule_book(call.settings(client__server=server), _kind(of)) as (book, _):
            found = book.listed()
        if output.form == "json":
            output.write_json(found)
            return 0
        rows = [
            (one.name, str(one.version), ", ".join(one.rules), ", ".join(one.replaces), one.at, one.who, one.why)
            for one in found.sets
        ]
        replaced = {name for one in found.sets for name in one.replaces}
        below = [name for name in found.files if name not in replaced]
        rows += [("(files)", "", ", ".join(below), "", "", "", "")] if below else []
        write_table(call, output, ("set", "version", "rules", "in place of a file's", "at", "who", "why"), rows)
        return 0

    return list_


def _showing(of: Of) -> ClickVerb:
    @verb("show", examples=((f"tidegate {of} rule show house > house.rules", "to change it, and set it again"),))
    @server_option
    @output_options("text", "json")
    @_SET
    def show(call: Call, *, name: str, output: Output, server: str | None) -> int:
        """Write the document of a SET as it was given; who set it, and its version, go to standard error."""
        from tidegate.assembly.rule_book import open_rule_book

        with open_rule_book(call.settings(client__server=server), _kind(of)) as (book, _):
            found = book.named(name)
        if output.form == "json":
            output.write_json(found)
        else:
            output.write_bytes(found.document.encode())
            call.note(f"version {found.version}, set {found.at:%Y-%m-%d %H:%M} by {found.who}: {found.why}")
        return 0

    return show


def _setting(of: Of, file_name: str) -> ClickVerb:
    @verb(
        "set",
        examples=(
            (f"tidegate {of} rule set house {file_name} --why 'as agreed'", "from a file, or `-` for standard input"),
            (f"tidegate {of} rule set house {file_name} --if-version 7 --why fix", "unless somebody else changed it"),
        ),
    )
    @server_option
    @output_options("table", "json")
    @_SEEN
    @click.option("--dry-run", is_flag=True, help="Tell what would be, and change nothing.")
    @click.option("--why", default="", help="The reason, in one line; kept on record.")
    @_SET
    @click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
    def set_(
        call: Call, *, name: str, file: Path, output: Output, server: str | None, dry_run: bool, **said: Any
    ) -> int:
        """Set the rules of a SET to those of a FILE, whole: refused where anything in it is unknown or wrong."""
        from tidegate.assembly.rule_book import open_rule_book
        from tidegate.rules.reading import DocumentError

        document = _read(file)
        with open_rule_book(call.settings(client__server=server), _kind(of)) as (book, who):
            try:
                if dry_run:
                    _tell_plan(call, output, of, book.plan(name, document))
                    return 0
                seen = _seen_version(book, name, said["if_version"])
                made = book.put(name, document, who=who, why=said["why"], seen=seen)
            except DocumentError as error:
                for defect in error.defects:
                    say(str(defect))
                return error.exit_status
        if output.form == "json":
            output.write_json(made)
        call.note(f"{name} is in force, version {made.version}")
        return 0

    return set_


def _removing(of: Of) -> ClickVerb:
    @verb("remove", examples=((f"tidegate {of} rule remove house --why 'not needed'", "files' rules hold again"),))
    @server_option
    @_SEEN
    @click.option("--why", required=True, help="The reason, in one line; kept on record.")
    @_SET
    def remove(call: Call, *, name: str, why: str, if_version: int | None, server: str | None) -> int:
        """Remove a SET; what files say is in force again."""
        from tidegate.assembly.rule_book import open_rule_book

        with open_rule_book(call.settings(client__server=server), _kind(of)) as (book, who):
            seen = book.named(name).version if if_version is None else if_version
            book.remove(name, who=who, why=why, seen=seen)
        call.note(f"{name} is removed")
        return 0

    return remove


def _kind(of: Of) -> "RuleKind":
    from tidegate.curation.rule_sets import RuleKind

    return RuleKind.INTAKE if of == "intake" else RuleKind.KEEPING


def _seen_version(book: "RuleBook", name: str, said: int | None) -> int:
    if said is not None:
        return said
    try:
        return book.named(name).version
    except NotFoundError:
        return 0


def _tell_plan(call: Call, output: Output, of: Of, plan: Any) -> None:
    from tidegate.wire import to_builtins

    told = to_builtins(plan)
    if output.form == "json":
        output.write_json(told)
    elif of == "retention":
        goes = [("goes", *_item(one)) for one in told["going"]]
        stays = [("stays", *_item(one)) for one in told["staying"]]
        write_table(call, output, ("then", "repository", "digest", "tags", "rule", "why"), goes + stays)
    else:
        upstreams = [("upstream", one["name"], one["source"], one["under"]) for one in told["upstreams"]]
        bases = [("base", one["name"], one["source"], "") for one in told["bases"]]
        write_table(call, output, ("what", "name", "source", "under"), upstreams + bases)


def _item(one: dict[str, Any]) -> Sequence[str]:
    tags = ", ".join(one.get("tags") or filter(None, (one.get("tag"),)))
    return one["repository"], one["digest"][:19], tags, one["rule"], one["why"]


def _read(path: Path) -> bytes:
    from tidegate.bounds import read_bounded
    from tidegate.cli.named_file import read_named_file
    from tidegate.curation.rule_sets import MAX_DOCUMENT_BYTES

    if str(path) == "-":
        return read_bounded(sys.stdin.buffer, max_bytes=MAX_DOCUMENT_BYTES, what="standard input")
    return read_named_file(path, max_bytes=MAX_DOCUMENT_BYTES)
