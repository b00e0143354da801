# SPDX-License-Identifier: Apache-2.0
"""`tidegate explain`."""

from typing import TYPE_CHECKING

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.inspection import Inspection, inspection_options, open_inspected
from tidegate.cli.output import Output, output_options
from tidegate.errors import NotFoundError, UsageError
from tidegate.settings import Settings

if TYPE_CHECKING:
    from tidegate.evidence import Finding
    from tidegate.inventory import Inventory
    from tidegate.scan.custody.explanation import Explanation


@verb(
    "explain",
    examples=(
        ("tidegate explain oci:./image", "how much of it is whose, and the files to look at"),
        ("tidegate explain oci:./image /usr/bin/curl", "who brought that file, and is it still as it was made"),
        ("tidegate explain registry.example/team/app:1.2 etc/passwd --format json", "for a program"),
    ),
)
@output_options("table", "json")
@inspection_options
@click.argument("path", default="", metavar="[PATH]")
def command(call: Call, *, output: Output, inspection: Inspection, path: str) -> int:
    """Tell who brought a file of an image, and whether it is still as its maker made it.

    TARGET is oci:DIR[:TAG], oci-archive:FILE, docker-archive:FILE, rootfs:DIR, dir:DIR or registry:REFERENCE. A bare
    word is guessed, and the guess is told.

    With PATH: the layer and the build instruction that brought it, the package that owns it, its digest beside the
    one the package states, what lay there before, and the findings and secrets that speak of it. Of a path that is
    not there any more: who deleted it. Without PATH: how many files are the distribution's, upstream's, in-house or
    nobody's, and those to look at by name.
    """
    settings = call.settings(**inspection.flags)
    inventory, explanation = _read(call, settings, inspection, path)
    if explanation is None:
        _write_overview(output, settings, inventory)
        return 0
    if not explanation.is_there and not explanation.events:
        near = f"; there is {', '.join(explanation.near)}" if explanation.near else ""
        raise NotFoundError(f"no such path in the image{near}", where=explanation.asked or "/")
    _write(output, settings, inventory, explanation)
    return 0


def _read(call: Call, settings: Settings, inspection: Inspection, path: str) -> "tuple[Inventory, Explanation | None]":
    from tidegate.assembly.scanner import build_explainer, build_scanner
    from tidegate.cli.progress import ProgressLine
    from tidegate.oci.target import Scheme, parse_target

    if parse_target(inspection.target).scheme is Scheme.SBOM:
        raise UsageError("a bill of materials has no files to explain", where=inspection.target)
    with ProgressLine(shown=call.shows_progress) as line:
        scanner = build_scanner(settings, progress=line.layers, passed_over=inspection.passed_over)
        with open_inspected(call, settings, inspection, line) as source:
            inventory = scanner(source)
            return inventory, build_explainer(settings)(source, path) if path else None


def _write_overview(output: Output, settings: Settings, inventory: "Inventory") -> None:
    if output.form == "json":
        artifact = {"name": inventory.name, "digest": inventory.digest}
        output.write_json({"artifact": artifact, "custody": inventory.custody, "census": inventory.census})
        return
    from tidegate.cli.explain_page import overview_page
    from tidegate.cli.page import columns_of, write_page

    write_page(output, overview_page(inventory, columns=columns_of(output)), colour=settings.colour)


def _write(output: Output, settings: Settings, inventory: "Inventory", explanation: "Explanation") -> None:
    findings = _findings(settings, inventory, explanation)
    places = {explanation.asked, explanation.path} - {""}
    secrets = tuple(located for located in inventory.secrets if located.secret.path in places)
    if output.form == "json":
        artifact = {"name": inventory.name, "digest": inventory.digest}
        told = {"artifact": artifact, "explanation": explanation, "findings": findings, "secrets": secrets}
        output.write_json(told)
        return
    from tidegate.cli.explain_page import path_page
    from tidegate.cli.page import columns_of, write_page

    lines = path_page(explanation, findings, secrets, layers=len(inventory.layers), columns=columns_of(output))
    write_page(output, lines, colour=settings.colour)


def _findings(settings: Settings, inventory: "Inventory", explanation: "Explanation") -> "tuple[Finding, ...]":
    """Findings of the package that owns the file, and of packages that lie in it."""
    if not settings.db.exists():
        return ()
    from tidegate.assembly.examiner import Examiner
    from tidegate.knowledge.database import Knowledge

    with Knowledge.open(settings.db) as knowledge:
        report = Examiner(settings).report(inventory, knowledge)
    owner = explanation.package.purl if explanation.package else None
    return tuple(one for one in report.findings if one.purl == owner or one.location == explanation.path)
