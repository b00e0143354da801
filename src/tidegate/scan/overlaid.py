# SPDX-License-Identifier: Apache-2.0
"""The layers of an image laid over each other: components, operating system, secrets and troubles a user is told of."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tidegate.artifact import Digest
from tidegate.inventory import Component, Custody, LayerFacts, LocatedSecret, OsRelease, Outcome
from tidegate.oci.image import Layer
from tidegate.oci.squash import Overlay
from tidegate.scan.analyser import Analyser
from tidegate.scan.components import components_of, owners_of, with_owners
from tidegate.scan.custody.reckoned import custody_of
from tidegate.scan.facts_store import FollowedFacts, ImageView
from tidegate.scan.licensed import with_licences
from tidegate.scan.links import Detour, detours, follow
from tidegate.scan.os_release import chosen_os_release
from tidegate.scan.parts import SECRETS
from tidegate.scan.tree import kinds_by_path
from tidegate.scan.visible import Sighting, visible_files
from tidegate.values import replace

ReadDetours: TypeAlias = Callable[[int, list[Detour]], list[FollowedFacts]]
"""Reads files of one layer (by index) that are wanted under the names of links to them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """The layers of one image laid over each other, and what was read of the files that are seen.

    Attributes:
        layers: bottom first.
        tree_of: a layer's paths and their kinds.
        followed: what was read through links, with the index of its layer.
    """

    layers: Sequence[LayerFacts]
    tree_of: Callable[[LayerFacts], Mapping[str, str]]
    overlay: Overlay
    followed: Sequence[tuple[int, FollowedFacts]]
    sightings: Sequence[Sighting]
    os_release: OsRelease | None
    components: Sequence[Component]


def join(layers: Sequence[LayerFacts], analyser: Analyser, read: ReadDetours, *, where: str) -> Joined:
    """Lays the facts of layers, bottom first, over each other.

    Args:
        layers: the facts.
        analyser: its roster says which names are wanted.
        read: reads what lies behind links; errors are passed on.
        where: the image's name in errors.

    Raises:
        BoundExceededError: `max_followed_links`.
    """
    tree_of = _Trees()
    overlay = Overlay(layers, tree_of)
    followed = [
        (index, facts)
        for index, wanted in detours(overlay, layers, tree_of, analyser.dispatch, analyser.limits, where=where)
        for facts in read(index, wanted)
    ]
    over = analyser.passed_over
    sightings = [it for it in visible_files(overlay, layers, followed) if not (over and over.has(it.facts.path))]
    os = chosen_os_release(sighting.facts for sighting in sightings)
    found = components_of(sightings, tuple(layer.digest for layer in layers), os)
    return Joined(
        layers=layers,
        tree_of=tree_of,
        overlay=overlay,
        followed=followed,
        sightings=sightings,
        os_release=os,
        components=tuple(with_licences(with_owners(found, sightings, layers, overlay), sightings, overlay)),
    )


def view_of(
    layers: Sequence[LayerFacts],
    analyser: Analyser,
    read: ReadDetours,
    *,
    copied: Sequence[bool],
    version: str,
    where: str,
) -> ImageView:
    """What the facts of layers, bottom first, show together; arguments and errors as of `join`.

    Args:
        layers: the facts.
        analyser: its roster says which names are wanted.
        read: reads what lies behind links; errors are passed on.
        copied: for each layer, whether the image's makers laid their own files into it.
        version: what the view is to be kept under.
        where: the image's name in errors.
    """
    it, over = join(layers, analyser, read, where=where), analyser.passed_over
    custody, census = (
        custody_of(
            it.sightings,
            it.components,
            layers,
            it.overlay,
            it.tree_of,
            copied=copied,
            passed_over=analyser.passed_over,
        )
        if analyser.parts.custody
        else (None, None)
    )
    return ImageView(
        version=version,
        layers=tuple(layer.digest for layer in layers),
        diff_ids=tuple(layer.diff_id for layer in layers),
        components=tuple(it.components),
        os_release=it.os_release,
        secrets=_with_packages(
            [one for one in _secrets(it.overlay, layers) if not over.has(one.secret.path)], it, custody
        ),
        outcomes=tuple(
            one
            for one in _outcomes(it.overlay, layers, [facts for _, facts in it.followed])
            if not over.has(one.location)
        ),
        custody=custody,
        census=census,
    )


def follow_in_layers(
    blobs: Sequence[Layer], analyser: Analyser, index: int, wanted: list[Detour]
) -> list[FollowedFacts]:
    """What was read of one layer's files through links: from the store, else by a second walk of the layer.

    Raises:
        InvalidInputError: the layer is broken, or not the one that was read before.
        OutsideError: the disk, the registry or the store failed.
    """
    layer, store, version = blobs[index], analyser.store, analyser.version
    if store is None:
        return follow(layer, wanted, analyser.dispatch, analyser.limits, analyser=version)
    digest = layer.descriptor.digest
    known = [store.followed(digest, version, detour.target, detour.path) for detour in wanted]
    complete = [facts for facts in known if facts is not None]
    if len(complete) == len(wanted):
        return complete
    found = follow(layer, wanted, analyser.dispatch, analyser.limits, analyser=version)
    for facts in found:
        store.keep_followed(facts)
    return found


def _secrets(overlay: Overlay, layers: Sequence[LayerFacts]) -> Iterator[LocatedSecret]:
    for index, layer in enumerate(layers):
        for secret in layer.secrets:
            is_deleted = overlay.hidden_by(index, secret.path) is not None
            yield LocatedSecret(secret=secret, layer=layer.digest, deleted=is_deleted)


def _with_packages(secrets: Sequence[LocatedSecret], it: Joined, custody: Custody | None) -> tuple[LocatedSecret, ...]:
    """The same with the distribution's packages whose files they are in, where custody finds nothing changed."""
    seen = {one.secret.path for one in secrets if not one.deleted} if custody and not custody.truncated else set[str]()
    owners = owners_of(seen, it.components, it.sightings, it.layers, it.overlay)
    for file in custody.modified if custody and owners else ():
        owners.pop(file.path, None)
    if not owners:
        return tuple(secrets)
    return tuple(
        replace(one, package=owners[one.secret.path]) if not one.deleted and one.secret.path in owners else one
        for one in secrets
    )


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
