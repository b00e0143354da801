# SPDX-License-Identifier: Apache-2.0
"""`tidegate sbom`."""

from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.inspection import Inspection, inspection_options, take_inventory
from tidegate.cli.output import Output, output_options


@verb(
    "sbom",
    examples=(
        ("tidegate sbom oci:./image -o image.cdx.json", "into a file, whole or not at all"),
        ("tidegate sbom registry.example/team/app:1.2 | jq '.components | length'", "for a program"),
    ),
)
@output_options("cyclonedx-json")
@inspection_options
def command(call: Call, *, output: Output, inspection: Inspection) -> int:
    """Write an image's bill of materials, as CycloneDX 1.6.

    TARGET is oci:DIR[:TAG], oci-archive:FILE, docker-archive:FILE, rootfs:DIR, dir:DIR or registry:REFERENCE. A bare
    word is guessed, and the guess is told.
    """
    from tidegate.clock import system_clock
    from tidegate.sbom import to_cyclonedx

    settings = call.settings(**inspection.flags)
    inventory = take_inventory(call, settings, inspection)
    if inventory.outcomes:
        call.warn(f"not all could be read as it should be ({len(inventory.outcomes)}); `tidegate scan` says what")
    output.write_document(to_cyclonedx(inventory, made_at=system_clock()))
    return 0
