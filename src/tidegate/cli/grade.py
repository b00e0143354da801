# SPDX-License-Identifier: Apache-2.0
"""`tidegate grade`."""

from collections.abc import Iterator, Sequence
from dataclasses import replace as with_changes
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.inspection import Inspection, inspection_options, take_inventory
from tidegate.cli.judging_options import Judging, judging_options
from tidegate.cli.output import Output, output_options
from tidegate.errors import NotFoundError, UsageError
from tidegate.settings import Settings

if TYPE_CHECKING:
    from tidegate.artifact import Digest
    from tidegate.cli.page import Line, Style
    from tidegate.examination.grade import Grade, Maker
    from tidegate.inventory import Inventory
    from tidegate.knowledge.database import Knowledge

MAX_IMAGES: Final = 20
_LETTERS: Final = ("A", "B", "C", "D")
_COLUMN: Final = 26


@verb(
    "grade",
    examples=(
        ("tidegate grade python:3.12-slim python:3.12-alpine", "two bases side by side, by more than their names"),
        ("tidegate grade oci:./image --at-least B", "exit 1 when it is worse, for a pipeline"),
        ("tidegate grade oci:./image --format markdown -o grade.md", "for a pull request"),
    ),
)
@output_options("table", "json", "markdown")
@inspection_options
@judging_options
@click.argument("others", nargs=-1, metavar="[TARGET]...")
@click.option("--db", type=click.Path(path_type=Path), metavar="FILE", help="Knowledge file. [under --home]")
@click.option("--at-least", type=click.Choice(_LETTERS), default=None, help="Exit 1 when an image is worse.")
def command(
    call: Call,
    *,
    output: Output,
    inspection: Inspection,
    judging: Judging,
    others: tuple[str, ...],
    db: Path | None,
    at_least: str | None,
) -> int:
    """Grade images by stated criteria, several side by side.

    Who made it and can that be proved, how long it is supported, how often it gets fixes, how old it is, what is in it
    that is not needed, how it is configured, the findings that matter, and whether its files are as their makers made
    them. Every mark tells its reasons; what cannot be told counts for nothing. Some facts cap the whole: malware, flaws
    that are being exploited, secrets, an ended distribution.
    """
    targets = (inspection.target, *others)
    if len(targets) > MAX_IMAGES:
        raise UsageError(f"{len(targets)} images, at most {MAX_IMAGES} at a time", where="tidegate grade")
    settings = call.settings(db=db, **inspection.flags, **judging.flags)
    grades = _grades(call, settings, [with_changes(inspection, target=target) for target in targets], judging)
    _write(output, grades, settings)
    worse = [one for one in grades if at_least and one.letter > at_least]
    if worse:
        call.note(f"{len(worse)} of {len(grades)} {'is' if len(worse) == 1 else 'are'} worse than {at_least}")
    return 1 if worse else 0


def _grades(call: Call, settings: Settings, images: Sequence[Inspection], judging: Judging) -> "list[Grade]":
    if not settings.db.exists():
        remedy = "fetch one with `tidegate db update`, or build one with `tidegate db build`"
        raise NotFoundError("no knowledge file", where=str(settings.db), remedy=remedy)
    from tidegate.knowledge.database import Knowledge

    with Knowledge.open(settings.db) as knowledge:
        return [_grade(call, settings, image, judging, knowledge) for image in images]


def _grade(call: Call, settings: Settings, image: Inspection, judging: Judging, knowledge: "Knowledge") -> "Grade":
    from tidegate.assembly.examiner import Examiner
    from tidegate.examination.grade import grade

    inventory = take_inventory(call, settings, image)
    said = judging.said(call, judging.found(call, image.target))
    report = Examiner(settings).report(inventory, knowledge, said=said, at=judging.at)
    created = inventory.config.created if inventory.config else ""
    day = report.at or knowledge.stamp.made_at.date()
    return grade(report, created=created, maker=_maker(settings, image, inventory), at=day)


def _maker(settings: Settings, image: Inspection, inventory: "Inventory") -> "Maker":
    """What the image says of its maker, and what lies with it in its registry."""
    from tidegate.examination.maker import maker_of
    from tidegate.oci.target import parse_target

    reference = parse_target(image.target).reference
    if reference is None:
        return maker_of(inventory)
    from tidegate.assembly.outward import build_outbound, build_registry_client
    from tidegate.oci.proofs import proofs_of

    with build_outbound(settings, insecure=image.insecure) as outbound:
        seen = proofs_of(build_registry_client(settings, outbound), reference, inventory.digest)
    signature, signed_by = "present" if seen.is_signed else "none", ""
    if settings.signing.trust_policy_file is not None:
        signature, signed_by = _verified(
            settings, settings.signing.trust_policy_file, image, inventory.digest, signature
        )
    return maker_of(inventory, signature=signature, signed_by=signed_by, has_provenance=seen.has_provenance)


def _verified(settings: Settings, policy: Path, image: Inspection, digest: "Digest", seen: str) -> tuple[str, str]:
    """What became of the signature, and whose it is."""
    from tidegate.assembly.signing import verify_found
    from tidegate.clock import system_clock
    from tidegate.oci.target import parse_target
    from tidegate.verification.document import load_trust_policy

    trusted, target = load_trust_policy(policy), parse_target(image.target)
    found = verify_found(settings, trusted, target, digest, insecure=image.insecure, at=system_clock())
    if found.verified:
        return "verified", ", ".join(sorted({who for one in found.requirements for who in one.signers}))
    return ("refused" if seen == "present" or found.signatures else seen), ""


def _write(output: Output, grades: "Sequence[Grade]", settings: Settings) -> None:
    if output.form == "json":
        output.write_json(grades)
    elif output.form == "markdown":
        output.write_text(_markdown(grades))
    else:
        from tidegate.cli.page import write_page

        write_page(output, _page(grades), colour=settings.colour)


def _style(letter: str) -> "Style":
    from tidegate.cli.page import Style

    return {"A": Style.GOOD, "B": Style.GOOD, "C": Style.WARN, "D": Style.BAD, "F": Style.WORST}.get(
        letter, Style.FAINT
    )


def _page(grades: "Sequence[Grade]") -> "Iterator[Line]":
    """A table of letters first, one column an image; then each image's reasons."""
    from tidegate.cli.page import Style, cut, piece

    titles = max(len(mark.title) for one in grades for mark in one.marks) + 2
    if len(grades) > 1:
        names = [piece(f"{cut(one.name, _COLUMN - 2):<{_COLUMN}}", Style.TITLE) for one in grades]
        yield (piece(" " * titles), *names)
        for at, mark in enumerate(grades[0].marks):
            cells = [one.marks[at] for one in grades]
            yield (
                piece(f"{mark.title:<{titles}}"),
                *(piece(f"{it.letter:<{_COLUMN}}", _style(it.letter)) for it in cells),
            )
        whole = [piece(f"{f'{one.letter}  {one.points}':<{_COLUMN}}", _style(one.letter)) for one in grades]
        yield (piece(f"{'in all':<{titles}}", Style.TITLE), *whole)
    for one in grades:
        yield ()
        yield (
            piece(f"{one.letter}  ", _style(one.letter)),
            piece(one.name, Style.TITLE),
            piece(f"  {one.points} of 100"),
        )
        yield (piece(one.digest, Style.FAINT),)
        for cap in one.caps:
            yield (piece(f"  no better, because {cap}", Style.BAD),)
        for mark in one.marks:
            head, *more = mark.reasons
            yield (piece(f"  {mark.letter}  ", _style(mark.letter)), piece(f"{mark.title:<{titles}}"), piece(head))
            for reason in more:
                yield (piece(" " * (titles + 5)), piece(reason, Style.FAINT))


def _markdown(grades: "Sequence[Grade]") -> str:
    def cell(text: str) -> str:
        from tidegate.bounds import printable

        safe = printable(text).replace("\\", "\\\\").replace("|", "\\|").replace("`", "'")
        return "".join(f"&#{ord(char)};" if char in "<>&*_[]~#" else char for char in safe)

    lines = [f"| | {' | '.join(cell(one.name) for one in grades)} |", f"|---|{'---|' * len(grades)}"]
    for at, mark in enumerate(grades[0].marks):
        told = (f"**{one.marks[at].letter}** {cell(one.marks[at].reasons[0])}" for one in grades)
        lines.append(f"| {cell(mark.title)} | {' | '.join(told)} |")
    lines.append(f"| **in all** | {' | '.join(f'**{one.letter}** ({one.points} of 100)' for one in grades)} |")
    lines += [f"\n{cell(one.name)}: no better, because {cell(cap)}" for one in grades for cap in one.caps]
    return "\n".join(lines) + "\n"
