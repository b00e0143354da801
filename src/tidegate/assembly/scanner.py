# SPDX-License-Identifier: Apache-2.0
"""The scanner from settings: which catalogers, which secrets, which bounds, where facts are kept."""

import os
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from tidegate.inventory import Inventory
from tidegate.oci.image import Folder, Image
from tidegate.scan.analyser import Analyser, Progress
from tidegate.scan.cataloger import Cataloger
from tidegate.scan.facts_store import FactsStore
from tidegate.scan.image import scan_image
from tidegate.scan.limits import ScanLimits
from tidegate.scan.parts import ALL_PARTS, ScanParts
from tidegate.scan.passing_over import NOTHING_PASSED_OVER, PassedOver
from tidegate.scan.roster import CATALOGERS
from tidegate.scan.secrets.house import HouseSecrets
from tidegate.settings import Settings

if TYPE_CHECKING:
    from tidegate.scan.contents import SeenFile
    from tidegate.scan.custody.explanation import Explanation
    from tidegate.scan.secrets.detector import SecretDetector

Scanner = Callable[[Image | Folder], Inventory]
Explainer = Callable[[Image | Folder, str], "Explanation"]
Lister = Callable[[Image | Folder], "Mapping[str, bytes]"]


def build_scanner(
    settings: Settings,
    *,
    progress: Progress | None = None,
    secrets: "SecretDetector | None" = None,
    parts: ScanParts = ALL_PARTS,
    passed_over: PassedOver = NOTHING_PASSED_OVER,
) -> Scanner:
    """A function that reads the facts of an image; layers seen before are not opened.

    Args:
        settings: bounds, workers, and where facts are kept.
        progress: told of each layer done.
        secrets: the secret scanner; None for the house's own rules.
        parts: what is looked for.
        passed_over: folders and files that are not told of.
    """
    store = FactsStore(settings.scan.cache_dir / "facts")
    detector = secrets or HouseSecrets()
    limits = _limits(settings)
    workers = settings.scan.workers or os.cpu_count() or 1

    def scan(source: Image | Folder) -> Inventory:
        return scan_image(
            source,
            store=store,
            roster=_roster(source),
            secrets=detector,
            limits=limits,
            workers=workers,
            progress=progress,
            parts=parts,
            passed_over=passed_over,
        )

    return scan


def source_version(settings: Settings, secrets: "SecretDetector | None" = None) -> str:
    """Changes whenever the same folder of sources could give other facts.

    Args:
        settings: bounds.
        secrets: the secret scanner; None for the house's own rules.
    """
    from tidegate.scan.source_roster import SOURCE_CATALOGERS

    limits = _limits(settings)
    analyser = Analyser(
        roster=SOURCE_CATALOGERS, secrets=secrets or HouseSecrets(), limits=limits, store=None, workers=1
    )
    return f"{analyser.version} {limits}"


def build_explainer(settings: Settings) -> Explainer:
    """A function that explains one path of an image; layers that were scanned before are not opened.

    Args:
        settings: bounds, workers, and where facts are kept.
    """
    analyser_of = _analysers(settings)

    def explain(source: Image | Folder, path: str) -> "Explanation":
        from tidegate.scan.explained import explain_path

        return explain_path(source, path, analyser_of(source))

    return explain


def build_lister(settings: Settings, *, passed_over: PassedOver = NOTHING_PASSED_OVER) -> Lister:
    """A function that lists every file of an image, or folder, with what tells its content apart.

    Args:
        settings: bounds, workers, and where facts are kept.
        passed_over: folders and files that are not told of.
    """
    analyser_of = _analysers(settings, passed_over)

    def contents(source: Image | Folder) -> "Mapping[str, bytes]":
        from tidegate.scan.contents import contents_of

        return contents_of(source, analyser_of(source))

    return contents


def build_file_lister(settings: Settings) -> "Callable[[Image], tuple[SeenFile, ...]]":
    """A function that lists every file of an image with the layer it is seen from.

    Args:
        settings: bounds, workers, and where facts are kept.
    """
    analyser_of = _analysers(settings)

    def files(source: Image) -> "tuple[SeenFile, ...]":
        from tidegate.scan.contents import files_of

        return tuple(files_of(source, analyser_of(source)))

    return files


def build_file_reader(settings: Settings) -> "Callable[[Image | Folder, Collection[str], int], Mapping[str, bytes]]":
    """A function that reads a few files of an image, or folder, by their paths; its last argument bounds each.

    Args:
        settings: bounds, workers, and where facts are kept.
    """
    analyser_of = _analysers(settings)

    def contents(source: Image | Folder, paths: Collection[str], max_bytes: int) -> "Mapping[str, bytes]":
        from tidegate.scan.contents import bytes_of

        return bytes_of(source, analyser_of(source), paths, max_bytes=max_bytes)

    return contents


def _analysers(
    settings: Settings, passed_over: PassedOver = NOTHING_PASSED_OVER
) -> Callable[[Image | Folder], Analyser]:
    """Makes what reads a source whole, as settings say."""
    store = FactsStore(settings.scan.cache_dir / "facts")
    secrets = HouseSecrets()
    limits = _limits(settings)
    workers = settings.scan.workers or os.cpu_count() or 1

    def analyser(source: Image | Folder) -> Analyser:
        return Analyser(
            roster=_roster(source),
            secrets=secrets,
            limits=limits,
            store=store,
            workers=workers,
            passed_over=passed_over,
        )

    return analyser


def _limits(settings: Settings) -> ScanLimits:
    options = settings.scan
    return ScanLimits(
        max_unpacked_bytes=options.max_layer_bytes, max_entries=options.max_entries, max_ratio=options.max_ratio
    )


def _roster(source: Image | Folder) -> tuple[Cataloger, ...]:
    if isinstance(source, Folder) and source.is_source:
        from tidegate.scan.source_roster import SOURCE_CATALOGERS  # forty modules that no image needs

        return SOURCE_CATALOGERS
    return CATALOGERS
