# SPDX-License-Identifier: Apache-2.0
"""`tidegate fleet where|affected|blast|unsupported|drift`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerbs, verb
from tidegate.cli.output import Output, output_options
from tidegate.cli.server_option import server_option
from tidegate.cli.table import write_table
from tidegate.errors import UsageError

if TYPE_CHECKING:
    from tidegate.oversight.fleet.answer import Answer
    from tidegate.oversight.fleet.blast import Blast, Kind
    from tidegate.oversight.fleet.drift import Drift
    from tidegate.oversight.fleet.found_image import FoundImage
    from tidegate.oversight.fleet.unsupported import Unsupported

_Page = TypeVar("_Page", "Answer", "Blast", "Unsupported")
_UNITS: Final = {"d": 1, "w": 7}
_MAX_DIGITS: Final = 4
_LIMIT = click.option("--limit", type=click.IntRange(1, 100_000), default=1000, show_default=True, help="Of images.")
_RUNNING = click.option("--running", is_flag=True, help="Only images that run now, or that a workload was let in with.")

command = ClickVerbs(
    "fleet",
    help="Ask every image at once: by what is on record of it, without a scan.",
    examples=(
        ("tidegate fleet where 'pkg:maven/org.apache.logging.log4j/log4j-core@<2.17.1'", "where is it, flaw or not"),
        ("tidegate fleet where pkg:deb/debian/openssl --running", "what was built of it, where it runs, whose it is"),
        ("tidegate fleet affected CVE-2021-44228 --server https://registry.example", "by an advisory of any name"),
        ("tidegate fleet blast docker.io/library/debian:12", "what is built upon it, where it runs, whose it is"),
        ("tidegate fleet unsupported --within 90d", "what nobody will care for in three months"),
        ("tidegate fleet drift", "what runs otherwise than as it was admitted"),
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


@verb(
    "blast",
    examples=(
        ("tidegate fleet blast sha256:4f2a… --running", "what is built upon an image, or has a layer, and runs"),
        ("tidegate fleet blast release-key --kind key", "what was signed with a key, and what rests on that"),
        ("tidegate fleet blast 9f2c81d7 --format json", "what was made from a commit"),
    ),
)
@server_option
@output_options("table", "json", by_terminal=True)
@click.argument("thing", metavar="DIGEST|PACKAGE|BASE|KEY|COMMIT")
@click.option(
    "--kind",
    type=click.Choice(("image", "blob", "package", "base", "key", "commit")),
    help="What it is. [by its form, and by what is on record]",
)
@_RUNNING
@_LIMIT
def _blast(
    call: Call, *, output: Output, server: str | None, thing: str, kind: "Kind | None", running: bool, limit: int
) -> int:
    """Show everything downstream of one thing: which images, where they run, and who answers for them.

    Of an image: what is built upon it, the indexes that name it, its encrypted copies. Of a layer or another blob: the
    images that have it. Of a base by name: what names it, and what is built upon the tag of that name here. Of a key:
    what it signed, and what rests on that. Of a commit: what was made from it, by provenance or by the image's own
    word, and what is built upon that.
    """
    from tidegate.assembly.fleet_book import open_fleet_book

    with open_fleet_book(call.settings(client__server=server)) as book:
        first, images = _all(lambda after, size: book.blast(thing, kind=kind, after=after, limit=size), limit)
    kept = _kept(images, running=running)
    if output.form == "json":
        _write(output, first, kept)
        return 0
    owners = sorted({owner for one in kept for owner in one.owners})
    call.note(f"{first.kind} {first.name}: {first.images_in_all} images downstream")
    call.note(f"{sum(one.running for one in kept)} containers run, owners: {', '.join(owners) or 'none is known'}")
    _table(call, output, first.images_in_all, kept, "because")
    return 0


@verb("unsupported", examples=(("tidegate fleet unsupported --within 26w --running", "what runs, half a year ahead"),))
@server_option
@output_options("table", "json", by_terminal=True)
@click.option("--within", default="0d", metavar="TIME", help="Look ahead: 90d, 26w. [only what has ended]")
@_RUNNING
@_LIMIT
def _unsupported(call: Call, *, output: Output, server: str | None, within: str, running: bool, limit: int) -> int:
    """Show distributions, runtimes and other software that get no more fixes, or not for long, and who stands on them.

    Which image stands on what was found when it was examined; when support ends is looked up now (endoflife.date).
    """
    from tidegate.assembly.fleet_book import open_fleet_book

    days = _days(within)
    with open_fleet_book(call.settings(client__server=server)) as book:
        first, images = _all(lambda after, size: book.unsupported(days, after=after, limit=size), limit)
    kept = _kept(images, running=running)
    if output.form == "json":
        _write(output, first, kept)
        return 0
    call.note(f"{len(first.lines)} release lines under {first.images_in_all} images")
    for line in first.lines:
        when = f"ends {line.ends}, in {line.days_left} days" if not line.ended else f"ended {line.ends or ''}".strip()
        call.note(f"{line.product} {line.cycle} {when}: {line.images} images")
    _table(call, output, first.images_in_all, kept, "stands on")
    return 0


@verb("drift", examples=(("tidegate fleet drift --format json", "for a program"),))
@server_option
@output_options("table", "json", by_terminal=True)
def _drift(call: Call, *, output: Output, server: str | None) -> int:
    """Show what runs otherwise than as it was admitted.

    Containers whose image was never admitted, is not admitted any more, or is another than their pod pins; containers
    that did what their image does not say (open incidents); workloads that run an older image of a tag.
    """
    from tidegate.assembly.fleet_book import open_fleet_book

    with open_fleet_book(call.settings(client__server=server)) as book:
        found = book.drift()
    if output.form == "json":
        output.write_json(found)
        return 0
    call.note(f"{len(found.rogue)} rogue, {len(found.changed)} changed, {len(found.behind)} behind their tag")
    if not found.is_all:
        call.warn("there is more: ask `tidegate inventory --rogue` and `tidegate incident list`")
    write_table(call, output, ("drift", "workload", "where", "image", "why"), _drift_rows(found))
    return 0


def _drift_rows(found: "Drift") -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for run in found.rogue:
        why = "another image than its pod pins" if run.is_swapped else run.standing.value
        rows.append(("rogue", run.container.workload, run.node, run.container.image, why))
    for one in found.changed:
        image = one.container.image if one.container else ""
        rows.append(("changed", one.workload, one.node, image, f"{one.rule}, {one.observations} times"))
    for left in found.behind:
        cluster, _, workload = left.workload.partition("/")
        rows.append(("behind", workload, cluster, left.tag, f"runs {left.digest[:19]}, the tag is {left.now[:19]}"))
    return rows


def _days(text: str) -> int:
    number, unit = text[:-1], text[-1:]
    if not number.isdecimal() or unit not in _UNITS or len(number) > _MAX_DIGITS:
        raise UsageError("no length of time", where=text[:40], remedy="write 90d or 26w")
    return int(number) * _UNITS[unit]


def _all(ask: "Callable[[int, int], _Page]", limit: int) -> "tuple[_Page, list[FoundImage]]":
    from tidegate.oversight.fleet.answer import MAX_IMAGES

    first = page = ask(0, min(limit, MAX_IMAGES))
    images = list(page.images)
    while page.after and len(images) < limit:
        page = ask(page.after, min(limit - len(images), MAX_IMAGES))
        images += page.images
    return first, images


def _kept(images: "list[FoundImage]", *, running: bool) -> "list[FoundImage]":
    return [one for one in images if one.running or one.workloads] if running else images


def _write(output: Output, first: "Answer | Blast | Unsupported", images: "list[FoundImage]") -> None:
    from tidegate.values import replace

    output.write_json(replace(first, images=tuple(images), after=0))


def _tell(call: Call, output: Output, first: "Answer", images: "list[FoundImage]") -> None:
    if output.form == "json":
        _write(output, first, images)
        return
    call.note(f"{len(first.parts)} components in {first.images_in_all} images")
    for part in first.unordered:
        call.warn(f"cannot be compared: {part.purl} in {part.images} images")
    _table(call, output, first.images_in_all, images, "component")


def _table(call: Call, output: Output, in_all: int, images: "list[FoundImage]", because: str) -> None:
    if len(images) < in_all:
        call.note(f"{len(images)} are shown")
    headings = ("state", "image", "digest", because, "runs", "workloads", "owners")
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
command.add_command(_blast)
command.add_command(_unsupported)
command.add_command(_drift)
