# SPDX-License-Identifier: Apache-2.0
"""`tidegate sbom`."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.inspection import Inspection, inspection_options, take_inventory
from tidegate.cli.output import Output, output_options
from tidegate.cli.report_output import write_lines
from tidegate.inventory import Inventory

FORMS: Final = ("cyclonedx-json", "cyclonedx-xml", "spdx-json", "spdx-tag-value")
"""Names of `tidegate.sbom.SBOM_FORMS`, here so that help does not import what writes them."""
_VERSIONS: Final = ("1.4", "1.5", "1.6", "2.3")


def _moment(_context: click.Context, _option: click.Parameter, value: str | None) -> datetime | None:
    """Reads `now` or an RFC 3339 moment."""
    if value is None:
        return None
    from tidegate.clock import parse_rfc3339, system_clock
    from tidegate.errors import InvalidInputError

    try:
        return system_clock() if value == "now" else parse_rfc3339(value)
    except InvalidInputError as error:
        raise click.BadParameter("write `now`, or a moment like 2026-01-31T12:00:00Z") from error


def document_options(function: Callable[..., int]) -> Callable[..., int]:
    """Adds `--spec-version` and `--timestamp`."""
    function = click.option(
        "--timestamp", callback=_moment, metavar="MOMENT", help="`now`, or in RFC 3339. [as the image says, or none]"
    )(function)
    return click.option("--spec-version", type=click.Choice(_VERSIONS), help="Version of the form. [newest]")(function)


def write_inventory(
    output: Output, inventory: Inventory, *, spec_version: str | None, timestamp: datetime | None
) -> None:
    """Writes a bill of materials where it is wanted."""
    from tidegate.sbom import write_sbom

    document = write_sbom(inventory, output.form, version=spec_version or "", made_at=timestamp)
    if output.form.endswith("json"):
        output.write_document(document)
    else:
        write_lines(output, document)


@verb(
    "sbom",
    examples=(
        ("tidegate sbom oci:./image -o image.cdx.json", "into a file, whole or not at all"),
        ("tidegate sbom oci:./image --format spdx-json --spec-version 2.3", "for those who want SPDX"),
        ("tidegate sbom registry.example/team/app:1.2 | jq '.components | length'", "for a program"),
    ),
)
@output_options(*FORMS)
@inspection_options
@document_options
def command(
    call: Call,
    *,
    output: Output,
    inspection: Inspection,
    spec_version: str | None,
    timestamp: datetime | None,
) -> int:
    """Write an image's bill of materials, as CycloneDX 1.4 to 1.6 or SPDX 2.3.

    TARGET is oci:DIR[:TAG], oci-archive:FILE, docker-archive:FILE, rootfs:DIR, dir:DIR or registry:REFERENCE. A bare
    word is guessed, and the guess is told.

    There is no clock in it: the same image gives the same bytes, unless --timestamp asks for a moment.
    """
    settings = call.settings(**inspection.flags)
    from tidegate.scan.parts import ScanParts

    inventory = take_inventory(call, settings, inspection, parts=ScanParts(secrets=False))
    if inventory.outcomes:
        call.warn(f"not all could be read as it should be ({len(inventory.outcomes)}); `tidegate scan` says what")
    write_inventory(output, inventory, spec_version=spec_version, timestamp=timestamp)
    return 0
