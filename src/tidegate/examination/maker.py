# SPDX-License-Identifier: Apache-2.0
"""Who made an image, as its own labels and annotations say, and what lies with it that proves it."""

from typing import Final

from tidegate.examination.grade import Maker
from tidegate.inventory import Inventory

_SOURCE: Final = ("org.opencontainers.image.source", "org.opencontainers.image.url", "org.label-schema.vcs-url")
_VENDOR: Final = (
    "org.opencontainers.image.vendor",
    "org.opencontainers.image.authors",
    "vendor",
    "maintainer",
    "org.label-schema.vendor",
)
"""OCI image-spec 1.1 `annotations.md`, and what came before it."""


def maker_of(
    inventory: Inventory, *, signature: str = "unknown", signed_by: str = "", has_provenance: bool = False
) -> Maker:
    """What an image says of its maker.

    Args:
        inventory: the image.
        signature: what became of its signature; see `Maker`.
        signed_by: whose it is, when it was verified.
        has_provenance: a build provenance lies with it.
    """
    labels = {**(inventory.config.labels if inventory.config else {}), **inventory.annotations}
    return Maker(
        signature=signature,
        signed_by=signed_by,
        has_provenance=has_provenance,
        source=next((str(labels[name]) for name in _SOURCE if labels.get(name)), ""),
        vendor=next((str(labels[name]) for name in _VENDOR if labels.get(name)), ""),
    )
