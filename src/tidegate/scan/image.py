# SPDX-License-Identifier: Apache-2.0
"""One image, or one folder, to its inventory: the facts of its layers laid over each other."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeAlias

from tidegate.artifact import Digest
from tidegate.inventory import Inventory, LayerFacts, LocatedSecret, Outcome
from tidegate.oci.image import Folder, Image, Layer
from tidegate.oci.squash import Overlay
from tidegate.scan.analysis import SECRETS, SecretScanner
from tidegate.scan.cataloger import Cataloger
from tidegate.scan.components import components_of, with_owners
from tidegate.scan.facts_store import FactsStore, FollowedFacts
from tidegate.scan.folder import analyse_folder
from tidegate.scan.layers import Analyser, Progress, facts_of_layers
from tidegate.scan.limits import ScanLimits
from tidegate.scan.links import Detour, detours, follow, follow_in_folder
from tidegate.scan.os_release import chosen_os_release
from tidegate.scan.tree import kinds_by_path
from tidegate.scan.visible import visible_files

_Read: TypeAlias = Callable[[int, list[Detour]], list[FollowedFacts]]


def scan_image(
    image: Image | Folder,
    *,
    store: FactsStore | None,
    roster: Sequence[Cataloger],
    secrets: SecretScanner,
    limits: ScanLimits | None = None,
    workers: int = 2,
    progress: Progress | None = None,
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

    Raises:
        BoundExceededError: a layer is over a limit.
        DigestMismatchError: a layer is another than the manifest or the configuration says.
        InvalidInputError: a layer is broken or hostile.
        OutsideError: the disk, the registry or the store failed.
    """
    limits = limits or ScanLimits()
    analyser = Analyser(roster=roster, secrets=secrets, limits=limits, store=store, workers=workers)
    if isinstance(image, Folder):
        return _scan_folder(image, analyser)
    layers = facts_of_layers(image.layers, analyser, progress or _untold)
    return _inventory(layers, analyser, image.name, partial(_follow, image.layers, analyser), image)


def _scan_folder(folder: Folder, analyser: Analyser) -> Inventory:
    limits = analyser.limits
    facts = analyse_folder(folder, roster=analyser.roster, secrets=analyser.secrets, limits=limits)

    def read(_: int, wanted: list[Detour]) -> list[FollowedFacts]:
        return follow_in_folder(folder, facts, wanted, analyser.dispatch)

    return _inventory((facts,), analyser, folder.name, read, None)


def _inventory(
    layers: Sequence[LayerFacts], analyser: Analyser, name: str, read: _Read, image: Image | None
) -> Inventory:
    tree_of = _Trees()
    overlay = Overlay(layers, tree_of)
    followed = [
        (index, facts)
        for index, wanted in detours(overlay, layers, tree_of, analyser.dispatch, analyser.limits, where=name)
        for facts in read(index, wanted)
    ]
    sightings = visible_files(overlay, layers, followed)
    os = chosen_os_release(sighting.facts for sighting in sightings)
    digests = tuple(layer.digest for layer in layers)
    components = with_owners(components_of(sightings, digests, os), sightings, layers, overlay)
    return Inventory(
        digest=image.digest if image is not None else layers[0].digest,
        name=name,
        layers=digests,
        components=tuple(components),
        os_release=os,
        config=image.config if image is not None else None,
        secrets=tuple(_secrets(overlay, layers)),
        outcomes=tuple(_outcomes(overlay, layers, [facts for _, facts in followed])),
    )


def _follow(blobs: Sequence[Layer], analyser: Analyser, index: int, wanted: list[Detour]) -> list[FollowedFacts]:
    """What was read of one layer's files through links: from the store, else by a second walk of the layer."""
    layer, store, version = blobs[index], analyser.store, analyser.version
    known: list[FollowedFacts] = []
    for detour in wanted if store is not None else ():
        facts = store.followed(layer.descriptor.digest, version, detour.target, detour.path) if store else None
        known += [facts] if facts is not None else []
    if len(known) == len(wanted):
        return known
    found = follow(layer, wanted, analyser.dispatch, analyser.limits, analyser=version)
    for facts in found if store is not None else ():
        store.keep_followed(facts) if store else None
    return found


def _secrets(overlay: Overlay, layers: Sequence[LayerFacts]) -> Iterator[LocatedSecret]:
    for index, layer in enumerate(layers):
        for secret in layer.secrets:
            is_deleted = overlay.hidden_by(index, secret.path) is not None
            yield LocatedSecret(secret=secret, layer=layer.digest, deleted=is_deleted)


def _outcomes(overlay: Overlay, layers: Sequence[LayerFacts], followed: Sequence[FollowedFacts]) -> list[Outcome]:
    """Troubles with files that are seen; those of the secret scanner also with hidden ones, for these can be pulled."""
    kept = {outcome for facts in followed for outcome in facts.outcomes}
    for index, layer in enumerate(layers):
        for outcome in layer.outcomes:
            if outcome.plugin == SECRETS or overlay.hidden_by(index, outcome.location) is None:
                kept.add(outcome)
    return sorted(kept, key=lambda it: (it.location, it.plugin, it.status, it.reason))


class _Trees:
    """Unpacked trees of the layers of one scan."""

    def __init__(self) -> None:
        self._of: dict[Digest, Mapping[str, str]] = {}

    def __call__(self, layer: LayerFacts) -> Mapping[str, str]:
        if layer.digest not in self._of:
            self._of[layer.digest] = kinds_by_path(layer.tree)
        return self._of[layer.digest]


def _untold(_done: int, _all: int) -> None:
    """Nobody asked how far it is."""
