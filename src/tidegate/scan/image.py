# SPDX-License-Identifier: Apache-2.0
"""One image, or one folder, to its inventory: the facts of its layers laid over each other."""

import hashlib
from collections.abc import Sequence
from functools import partial
from typing import Final

from tidegate.inventory import Inventory
from tidegate.oci.image import Folder, Image
from tidegate.scan.analyser import Analyser, Progress, SecretScanner
from tidegate.scan.cataloger import Cataloger
from tidegate.scan.config_secrets import config_secrets
from tidegate.scan.custody.instruction import copied_layers
from tidegate.scan.facts_store import FactsStore, ImageView
from tidegate.scan.limits import ScanLimits
from tidegate.scan.parts import ALL_PARTS, ScanParts
from tidegate.scan.passing_over import NOTHING_PASSED_OVER, PassedOver

VIEW_VERSION: Final = 8
"""Raised with every change in how layers are laid over each other, or in package URLs and ecosystems."""


def scan_image(
    image: Image | Folder,
    *,
    store: FactsStore | None,
    roster: Sequence[Cataloger],
    secrets: SecretScanner,
    limits: ScanLimits | None = None,
    workers: int = 2,
    progress: Progress | None = None,
    parts: ScanParts = ALL_PARTS,
    passed_over: PassedOver = NOTHING_PASSED_OVER,
) -> Inventory:
    """Reads an image, or a folder, to its inventory.

    The result depends on the layers alone, not on threads or on what was in the store. A layer whose facts are in the
    store is not opened.

    Args:
        image: the opened image or the folder.
        store: facts of layers already read; None keeps nothing. Folders are never kept.
        roster: the catalogers.
        secrets: the secret scanner; must serve `workers` threads at once.
        limits: what a layer may cost; None for the defaults.
        workers: layers read at once.
        progress: told of each layer done.
        parts: what is looked for.
        passed_over: folders and files that are not told of.

    Raises:
        BoundExceededError: a layer is over a limit.
        DigestMismatchError: a layer is another than the manifest or the configuration says.
        InvalidInputError: a layer is broken or hostile.
        OutsideError: the disk, the registry or the store failed.
    """
    limits = limits or ScanLimits()
    if isinstance(image, Folder) and image.is_source:
        from tidegate.scan.beside import looking_beside

        roster = looking_beside(roster, image)
    analyser = Analyser(
        roster=roster,
        secrets=secrets,
        limits=limits,
        store=store,
        workers=workers,
        parts=parts,
        passed_over=passed_over,
    )
    if isinstance(image, Folder):
        return _folder_inventory(image, analyser)
    view = _known(image, analyser) or _seen(image, analyser, progress)
    return Inventory(
        digest=image.digest,
        name=image.name,
        layers=view.layers,
        components=view.components,
        os_release=view.os_release,
        config=image.config,
        secrets=(*view.secrets, *config_secrets(image, analyser)),
        outcomes=view.outcomes,
        annotations=image.manifest.annotations if image.manifest else {},
        layers_unpacked=view.diff_ids,
        custody=view.custody,
        census=view.census,
        passed_over=passed_over.globs,
    )


def _known(image: Image, analyser: Analyser) -> ImageView | None:
    """The view of the very same layers, kept by an earlier scan."""
    if analyser.store is None:
        return None
    version = _version(analyser, copied_layers(image.config, len(image.layers)))
    known = analyser.store.view([layer.descriptor.digest for layer in image.layers], version)
    if known is None or any(
        layer.diff_id not in {None, diff_id} for layer, diff_id in zip(image.layers, known.diff_ids, strict=True)
    ):
        return None
    return known


def _seen(image: Image, analyser: Analyser, progress: Progress | None) -> ImageView:
    from tidegate.scan.layers import facts_of_layers  # a layer that is known needs none of what reads layers
    from tidegate.scan.overlaid import follow_in_layers, view_of

    layers = facts_of_layers(image.layers, analyser, progress or _untold)
    read = partial(follow_in_layers, image.layers, analyser)
    copied = copied_layers(image.config, len(image.layers))
    view = view_of(layers, analyser, read, copied=copied, version=_version(analyser, copied), where=image.name)
    if analyser.store is not None:
        analyser.store.keep_view(view)
    return view


def _folder_inventory(folder: Folder, analyser: Analyser) -> Inventory:
    from tidegate.scan.folder import analyse_folder
    from tidegate.scan.links import follow_in_folder
    from tidegate.scan.overlaid import view_of

    facts = analyse_folder(folder, analyser)
    view = view_of(
        (facts,),
        analyser,
        lambda _, wanted: follow_in_folder(folder, facts, wanted, analyser.dispatch),
        copied=(folder.is_source,),
        version=_version(analyser, (folder.is_source,)),
        where=folder.name,
    )
    return Inventory(
        digest=facts.digest,
        name=folder.name,
        layers=view.layers,
        components=view.components,
        os_release=view.os_release,
        secrets=view.secrets,
        outcomes=view.outcomes,
        custody=view.custody,
        census=view.census,
        passed_over=analyser.passed_over.globs,
    )


def _version(analyser: Analyser, copied: Sequence[bool]) -> str:
    """What a view depends on beside the layers: the history tells which of them are the makers' own."""
    passed_over = analyser.passed_over.word
    less = f"-{hashlib.sha256(passed_over.encode()).hexdigest()[:32]}" if passed_over else ""
    return f"{VIEW_VERSION}-{analyser.version}-{''.join('.c'[it] for it in copied)}{less}"


def _untold(_done: int, _all: int) -> None:
    """Nobody asked how far it is."""
