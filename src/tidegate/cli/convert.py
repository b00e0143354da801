# SPDX-License-Identifier: Apache-2.0
"""`tidegate convert`."""

from datetime import datetime
from pathlib import Path

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.inspection import read_sbom_file
from tidegate.cli.output import Output, output_options
from tidegate.cli.sbom import FORMS, document_options, write_inventory


@verb(
    "convert",
    examples=(
        ("tidegate convert image.spdx --format cyclonedx-json", "from SPDX to CycloneDX"),
        ("tidegate convert image.cdx.json --format cyclonedx-xml --spec-version 1.4", "for an old reader"),
    ),
)
@output_options(*FORMS)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@document_options
def command(call: Call, *, output: Output, file: Path, spec_version: str | None, timestamp: datetime | None) -> int:
    """Write a bill of materials in another form.

    FILE is CycloneDX 1.2 to 1.6 (JSON, XML) or SPDX 2.2 or 2.3 (JSON, tag-value), by whatever tool; an attestation
    around it is taken off, without checking who signed it. What tidegate itself wrote loses nothing.
    """
    inventory = read_sbom_file(call, file)
    if inventory.outcomes:
        call.warn(f"not all could be read as it should be ({len(inventory.outcomes)}): {inventory.outcomes[0].reason}")
    write_inventory(output, inventory, spec_version=spec_version, timestamp=timestamp)
    return 0
