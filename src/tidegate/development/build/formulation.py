# SPDX-License-Identifier: Apache-2.0
"""A bill of materials that tells, too, what the image was made with: each stage before the last (`formulation`). Pure.

CycloneDX 1.5 and newer, ECMA-424 `formulation`: how something came to be, apart from what it consists of, so that
nobody counts a compiler among what runs.
"""

from collections.abc import Sequence
from typing import Any

from tidegate.development.build.provenance import UsedBase
from tidegate.inventory import Inventory
from tidegate.sbom import cyclonedx_document
from tidegate.values import Struct


class StageInventory(Struct, frozen=True, kw_only=True):
    """What one stage's image has in it."""

    name: str
    inventory: Inventory


def sbom_with_stages(image: Inventory, stages: Sequence[StageInventory], bases: Sequence[UsedBase]) -> dict[str, Any]:
    """The document of the image, each stage's components in a formula of its own.

    Raises:
        BoundExceededError: too many components.
    """
    document = cyclonedx_document(image)
    if stages or bases:
        document["formulation"] = [_formula(one, bases) for one in stages] or [_bases("bases", bases)]
    return document


def stage_sbom(image: Inventory, stage: StageInventory) -> dict[str, Any]:
    """The document of one stage by itself; its image says what it was a stage of."""
    document = cyclonedx_document(stage.inventory)
    component = document["metadata"]["component"]
    component["properties"] = [
        *component.get("properties", []),
        {"name": "tidegate:build:stage", "value": stage.name},
        {"name": "tidegate:build:stageOf", "value": str(image.digest)},
    ]
    return document


def _formula(stage: StageInventory, bases: Sequence[UsedBase]) -> dict[str, Any]:
    document = cyclonedx_document(stage.inventory)
    prefix = f"stage:{stage.name}:"
    made = [
        {**one, "bom-ref": f"{prefix}{one['bom-ref']}"}
        for one in (document["metadata"]["component"], *document["components"])
    ]
    own = [one for one in bases if stage.name in one.stages]
    return {
        "bom-ref": f"stage:{stage.name}",
        "components": made,
        "properties": [
            {"name": "tidegate:build:stage", "value": stage.name},
            *({"name": "tidegate:build:base", "value": f"{one.name}@{one.digest}"} for one in own),
        ],
    }


def _bases(ref: str, bases: Sequence[UsedBase]) -> dict[str, Any]:
    told = [{"name": "tidegate:build:base", "value": f"{one.name}@{one.digest}"} for one in bases]
    return {"bom-ref": ref, "properties": told}
