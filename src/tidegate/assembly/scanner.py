# SPDX-License-Identifier: Apache-2.0
"""The scanner from settings: which catalogers, which secrets, which bounds, where facts are kept."""

import os
from collections.abc import Callable

from tidegate.inventory import Inventory
from tidegate.oci.image import Folder, Image
from tidegate.scan.analyser import Progress
from tidegate.scan.cataloger import Cataloger
from tidegate.scan.facts_store import FactsStore
from tidegate.scan.image import scan_image
from tidegate.scan.limits import ScanLimits
from tidegate.scan.roster import CATALOGERS
from tidegate.scan.secrets.detector import SecretDetector
from tidegate.settings import Settings

Scanner = Callable[[Image | Folder], Inventory]


def build_scanner(settings: Settings, *, progress: Progress | None = None) -> Scanner:
    """A function that reads the facts of an image; layers seen before are not opened.

    Args:
        settings: bounds, workers, and where facts are kept.
        progress: told of each layer done.
    """
    options = settings.scan
    store = FactsStore(options.cache_dir / "facts")
    secrets = SecretDetector()
    limits = ScanLimits(
        max_unpacked_bytes=options.max_layer_bytes, max_entries=options.max_entries, max_ratio=options.max_ratio
    )
    workers = options.workers or os.cpu_count() or 1

    def scan(source: Image | Folder) -> Inventory:
        return scan_image(
            source,
            store=store,
            roster=_roster(source),
            secrets=secrets,
            limits=limits,
            workers=workers,
            progress=progress,
        )

    return scan


def _roster(source: Image | Folder) -> tuple[Cataloger, ...]:
    if isinstance(source, Folder) and source.is_source:
        from tidegate.scan.source_roster import SOURCE_CATALOGERS  # forty modules that no image needs

        return SOURCE_CATALOGERS
    return CATALOGERS
