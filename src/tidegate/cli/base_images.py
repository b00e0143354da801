# SPDX-License-Identifier: Apache-2.0
"""`tidegate base`: images that others are built upon."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerbs, verb
from tidegate.cli.inspection import Inspection, inspection_options, take_inventory
from tidegate.cli.output import Output, output_options
from tidegate.errors import UsageError
from tidegate.values import Struct

if TYPE_CHECKING:
    from tidegate.artifact import Reference
    from tidegate.cli.page import Line
    from tidegate.examination.bases import KnownBase

command = ClickVerbs(
    "base",
    help="Remember images that others are built upon, so that findings are told apart and better bases are advised.",
    examples=(
        ("tidegate base add registry:docker.io/library/python:3.12-slim", "remember where it lies by its own name"),
        ("tidegate base add oci:./python --name python:3.13-slim", "remember a folder under a name"),
        ("tidegate base list", "what is known"),
    ),
    no_args_is_help=True,
)


class BaseLine(Struct, frozen=True, kw_only=True):
    """One known base, as `tidegate base list --format json` writes it."""

    name: str
    digest: str
    platform: str
    layers: int
    components: int
    created: str


@verb("add", examples=(("tidegate base add oci:./python --name python:3.13-slim", "a folder, under a name"),))
@output_options("table", "json")
@inspection_options
@click.option("--name", default="", metavar="REFERENCE", help="What it is called. [the target's own name]")
def _add(call: Call, *, output: Output, inspection: Inspection, name: str) -> int:
    """Remember an image as a base: whose layers it has lowest, is built upon it.

    A later image of the same name takes the place of the older one.
    """
    from tidegate.assembly.examiner import Examiner

    reference = _reference(name, inspection.target)
    settings = call.settings(**inspection.flags)
    inventory = take_inventory(call, settings, inspection)
    base = Examiner(settings).bases.remember(inventory, name=reference)
    _write(output, [base], call)
    return 0


@verb("list", examples=(("tidegate base list --format json", "for a program"),))
@output_options("table", "json")
def _list(call: Call, *, output: Output) -> int:
    """List the bases that are known."""
    from tidegate.assembly.examiner import Examiner

    _write(output, Examiner(call.settings()).bases.all(), call)
    return 0


@verb("forget", examples=(("tidegate base forget python:3.11-slim", "one name, all its platforms"),))
@click.argument("name", metavar="REFERENCE")
def _forget(call: Call, *, name: str) -> int:
    """Forget a base."""
    from tidegate.artifact import Reference
    from tidegate.assembly.examiner import Examiner

    Examiner(call.settings()).bases.forget(Reference.parse(name))
    return 0


def _reference(name: str, target: str) -> "Reference":
    from tidegate.artifact import Reference
    from tidegate.oci.target import parse_target

    if name:
        return Reference.parse(name)
    own = parse_target(target).reference
    if own is None:
        raise UsageError("has no name of its own", where=target, remedy="give it one with --name")
    return own


def _write(output: Output, bases: "list[KnownBase]", call: Call) -> None:
    lines = [
        BaseLine(
            name=base.name,
            digest=str(base.digest),
            platform=base.platform,
            layers=len(base.layers_unpacked),
            components=len(base.components),
            created=base.created,
        )
        for base in bases
    ]
    if output.form == "json":
        output.write_json(lines)
        return
    from tidegate.cli.page import write_page

    write_page(output, _page(lines), colour=call.settings().colour)


def _page(lines: list[BaseLine]) -> "Iterator[Line]":
    from tidegate.cli.page import Style, piece

    if not lines:
        yield (piece("no base is known; see tidegate base add --help", Style.FAINT),)
    width = max((len(line.name) for line in lines), default=0)
    for line in lines:
        counted = ((line.layers, "layer"), (line.components, "component"))
        many = "  ".join(f"{count} {noun}" if count == 1 else f"{count} {noun}s" for count, noun in counted)
        told = f"{many}  {line.platform}  {line.created[:10]}"
        yield (piece(f"{line.name:<{width}}  ", Style.TITLE), piece(told), piece(f"  {line.digest[:19]}", Style.FAINT))


command.add_command(_add)
command.add_command(_list)
command.add_command(_forget)
