# SPDX-License-Identifier: Apache-2.0
"""What the registry's endpoints need, handed in once."""

from dataclasses import dataclass, field

from tidegate.curation.shelf import Shelf
from tidegate.curation.shelf_blobs import ShelfBlobs
from tidegate.identity import Access
from tidegate.server.metrics import HttpMetrics
from tidegate.server.offload import Offload
from tidegate.server.registry.open_uploads import OpenUploads
from tidegate.server.registry.pulls import UpstreamPulls
from tidegate.server.registry.verdicts import Verdicts


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryServices:
    """The shelf, who may see what of it, and how to reach it.

    Attributes:
        pulls: answers for names that come from upstreams; None where none do.
        verdicts: waits for those on their way.
        open_uploads: whose uploads are unfinished, and the bound of that.
    """

    shelf: Shelf
    blobs: ShelfBlobs
    access: Access
    offload: Offload
    metrics: HttpMetrics
    verdicts: Verdicts
    pulls: UpstreamPulls | None = None
    open_uploads: OpenUploads = field(default_factory=OpenUploads)
