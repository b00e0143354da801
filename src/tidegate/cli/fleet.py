# SPDX-License-Identifier: Apache-2.0
"""`tidegate fleet where|affected`."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerbs, verb
from tidegate.cli.output import Output, output_options
from tidegate.cli.server_option import server_option
from tidegate.cli.table import write_table

if TYPE_CHECKING:
    from tidegate.oversight.fleet.answer import Answer, FoundImage

_LIMIT = click.option("--limit", type=click.IntRange(1, 100_000), default=1000, show_default=True, help="Of images.")
_RUNNING = click.option("--running", is_flag=True, help="Only images that run now, or that a workload was let in with.")

command = ClickVerbs(
    "fleet",
    help="Ask every image at once: by what is on record of it, without a scan.",
    examples=(
        ("tidegate fleet where 'pkg:maven/org.apache.logging.log4j/log4j-core@<2.17.1'", "where is it, flaw or not"),
        ("tidegate fleet where pkg:deb/debian/openssl --running", "what was built of it, where it runs, whose it is"),
        ("tidegate fleet affected CVE-2021-44228 --server https://registry.example", "by an advisory of any name"),
    ),
)


@verb(
    "where",
    examples=(
        ("tidegate fleet where 'pkg:npm/%40scope/name@>=2.0,<2.3.1'", "between two versions"),
        ("tidegate fleet where 'pkg:pypi/requests@2.31.0' --format json", "one version, for a program"),
    ),
)
@server_option
@output_options("table", "json", by_terminal=True)
@click.argument("package", metavar="PACKAGE[@VERSIONS]")
@_RUNNING
@_LIMIT
def _where(call: Call, *, output: Output, server: str | None, package: str, running: bool, limit: int) -> int:
    """Show which images have a package, in which versions, where they run and who answers for them.

    PACKAGE is a package URL without version, or a name as advisories have it. VERSIONS are limits that all hold
    (<2.17.1, >=2.0, 2.3.4), compared as the package's own ecosystem compares them; without any, every version. Of a
    source package of a distribution, what was built of it is found too.
    """
    from tidegate.assembly.fleet_book import open_fleet_book

    with open_fleet_book(call.settings(client__server=server)) as book:
        first, images = _all(lambda after, size: book.where(package, after=after, limit=size), limit)
    _tell(call, output, first, _kept(images, running=running))
    return 0


@verb("affected", examples=(("tidegate fleet affected GHSA-jfh8-c2jp-5v3q --running", "where it matters now"),))
@server_option
@output_options("table", "json", by_terminal=True)
@click.argument("advisory", metavar="ADVISORY")
@_RUNNING
@_LIMIT
def _affected(call: Call, *, output: Output, server: str | None, advisory: str, running: bool, limit: int) -> int:
    """Show which images an advisory speaks of, by any of its names: CVE, GHSA, or a distribution's.

    What counts is that a component lies in its range; exceptions and what others say (VEX) are told by the image's
    passport, not here.
    """
    from tidegate.assembly.fleet_book import open_fleet_book

    with open_fleet_book(call.settings(client__server=server)) as book:
        first, images = _all(lambda after, size: book.affected(advisory, after=after, limit=size), limit)
    _tell(call, output, first, _kept(images, running=running))
    return 0


def _all(ask: "Callable[[int, int], Answer]", limit: int) -> "tuple[Answer, list[FoundImage]]":
    from tidegate.oversight.fleet.answer import MAX_IMAGES

    first = page = ask(0, min(limit, MAX_IMAGES))
    images = list(page.images)
    while page.after and len(images) < limit:
        page = ask(page.after, min(limit - len(images), MAX_IMAGES))
        images += page.images
    return first, images


def _kept(images: "list[FoundImage]", *, running: bool) -> "list[FoundImage]":
    return [one for one in images if one.running or one.workloads] if running else images


def _tell(call: Call, output: Output, first: "Answer", images: "list[FoundImage]") -> None:
    from tidegate.values import replace

    if output.form == "json":
        output.write_json(replace(first, images=tuple(images), after=0))
        return
    call.note(f"{len(first.parts)} components in {first.images_in_all} images")
    for part in first.unordered:
        call.warn(f"cannot be compared: {part.purl} in {part.images} images")
    if len(images) < first.images_in_all:
        call.note(f"{len(images)} are shown")
    headings = ("state", "image", "digest", "component", "runs", "workloads", "owners")
    write_table(call, output, headings, [_row(one) for one in images])


def _row(one: "FoundImage") -> tuple[str, ...]:
    names = one.tags or one.repositories
    return (
        one.state or "gone",
        ", ".join(names[:2]) + (" …" if names[2:] else ""),
        one.digest[:19],
        ", ".join(name.removeprefix("pkg:") for name in one.components[:2]) + (" …" if one.components[2:] else ""),
        str(one.running or ""),
        ", ".join(one.workloads[:2]) + (" …" if one.workloads[2:] else ""),
        ", ".join(one.owners),
    )


command.add_command(_where)
command.add_command(_affected)
