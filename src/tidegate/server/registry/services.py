# SPDX-License-Identifier: Apache-2.0
"""What the registry's endpoints need, handed in once."""

from dataclasses import dataclass

from tidegate.curation.shelf import Shelf
from tidegate.curation.shelf_blobs import ShelfBlobs
from tidegate.identity import Access
from tidegate.server.metrics import HttpMetrics
from tidegate.server.offload import Offload


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryServices:
    """The shelf, who may see what of it, and how to reach it."""

    shelf: Shelf
    blobs: ShelfBlobs
    access: Access
    offload: Offload
    metrics: HttpMetrics
