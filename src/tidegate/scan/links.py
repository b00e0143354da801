# SPDX-License-Identifier: Apache-2.0
"""Wanted names of an image that are links: what they lead to is read under the name that is wanted.

A package database may lie behind a symbolic link (`var/lib/dpkg` elsewhere), or be a hard link to a file that nobody
wanted by its own name. That shows only when all layers are laid over each other, so such a file is read in a second
walk of its layer alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple, TypeAlias

from tidegate.artifact import Digest
from tidegate.errors import BoundExceededError
from tidegate.inventory import LayerFacts
from tidegate.oci.image import Folder, Layer
from tidegate.oci.squash import Overlay
from tidegate.scan.cataloging import catalog, failed, too_large
from tidegate.scan.dispatch import Dispatch, Takers
from tidegate.scan.entry import EntryKind, path_bytes
from tidegate.scan.facts_store import FollowedFacts
from tidegate.scan.folder import FOLDER_READER, read_below
from tidegate.scan.inflate import LayerStream
from tidegate.scan.limits import ScanLimits
from tidegate.scan.read_ahead import InTurn
from tidegate.scan.tar import TarWalk
from tidegate.scan.tree import FILE
from tidegate.values import replace

TreeOf: TypeAlias = Callable[[LayerFacts], Mapping[str, str]]


class Detour(NamedTuple):
    """A wanted path whose bytes lie in another entry: layer index and path of that entry."""

    layer: int
    target: str
    path: str


def detours(
    overlay: Overlay,
    layers: Sequence[LayerFacts],
    tree_of: TreeOf,
    dispatch: Dispatch,
    limits: ScanLimits,
    *,
    where: str,
) -> list[tuple[int, list[Detour]]]:
    """Wanted paths of an image that no cataloger was given, because a link stands at or above them, by layer.

    Older versions of the same file in the layers below are among them, so that it can be told which layer first
    brought a package in.

    Raises:
        BoundExceededError: over `max_followed_links`.
    """
    given = [{(file.path, file.cataloger) for file in layer.files} for layer in layers]
    found: set[Detour] = set()
    for path, takers in _candidates(overlay, layers, tree_of, dispatch):
        content = overlay.content(path)
        if content is None or not _is_missing(content, takers, given):
            continue
        top, target = content
        below = (index for index in range(top) if tree_of(layers[index]).get(target) == FILE)
        found.update(Detour(index, target, path) for index in (*below, top))
        if len(found) > limits.max_followed_links:
            raise BoundExceededError("max_followed_links", limits.max_followed_links, where=where)
    by_layer = groupby(sorted(found), key=lambda detour: detour.layer)
    return [(index, list(group)) for index, group in by_layer]


def follow(
    layer: Layer, detours: Sequence[Detour], dispatch: Dispatch, limits: ScanLimits, *, analyser: str
) -> list[FollowedFacts]:
    """Reads the targets of detours into one layer, in one walk of it.

    Raises:
        InvalidInputError: the layer is broken, or not the one that was read before.
        OutsideError: the disk or the registry failed.
    """
    by_target = _by_target(detours)
    found: dict[bytes, list[FollowedFacts]] = {}
    with layer.open() as stream:
        source = LayerStream(stream, layer.descriptor, layer.diff_id, limits)
        chunks = InTurn(source)
        walk = TarWalk(chunks, limits)
        for entry in walk:
            if entry.kind is EntryKind.FILE and entry.name in by_target:
                wanted = by_target[entry.name]
                content = walk.read() if entry.size <= largest_wanted(wanted, dispatch) else b""
                digest = layer.descriptor.digest
                found[entry.name] = _cataloged(wanted, entry.size, content, dispatch, (analyser, digest))
        while chunks.next_chunk():
            pass
        source.finish()
    return [facts for group in found.values() for facts in group]


def follow_in_folder(
    folder: Folder, facts: LayerFacts, detours: Sequence[Detour], dispatch: Dispatch
) -> list[FollowedFacts]:
    """Reads the targets of detours in a folder; one that cannot be opened leaves a failed outcome."""
    found: list[FollowedFacts] = []
    about = (facts.analyser, facts.digest)
    for target, wanted in _by_target(detours).items():
        try:
            size, content = read_below(folder, target, largest_wanted(wanted, dispatch))
        except OSError as error:
            reason = error.strerror or type(error).__name__
            trouble = tuple(failed(FOLDER_READER, detour.path, reason) for detour in wanted)
            found += [replace(it, outcomes=trouble) for it in _cataloged(wanted[:1], 0, b"", Dispatch(()), about)]
        else:
            found += _cataloged(wanted, size, content, dispatch, about)
    return found


def largest_wanted(detours: Sequence[Detour], dispatch: Dispatch) -> int:
    """Bytes of the largest file that any cataloger takes under one of these names."""
    takers = (cataloger for detour in detours for cataloger in dispatch.takers(path_bytes(detour.path)))
    return max((cataloger.wants.max_bytes for cataloger in takers), default=0)


def _cataloged(
    detours: Sequence[Detour], size: int, content: bytes, dispatch: Dispatch, about: tuple[str, Digest]
) -> list[FollowedFacts]:
    analyser, layer = about
    found: list[FollowedFacts] = []
    for _, target, path in detours:
        takers = dispatch.takers(path_bytes(path))
        fitting = tuple(it for it in takers if size <= it.wants.max_bytes)
        files, outcomes = too_large(tuple(it for it in takers if it not in fitting), path, size)
        read, troubles = catalog(fitting, path, content)
        found.append(
            FollowedFacts(
                analyser=analyser,
                layer=layer,
                target=target,
                path=path,
                files=(*files, *read),
                outcomes=(*outcomes, *troubles),
            )
        )
    return found


def _by_target(detours: Sequence[Detour]) -> dict[bytes, list[Detour]]:
    grouped: dict[bytes, list[Detour]] = {}
    for detour in detours:
        grouped.setdefault(path_bytes(detour.target), []).append(detour)
    return grouped


def _is_missing(content: tuple[int, str], takers: Takers, given: Sequence[set[tuple[str, str]]]) -> bool:
    index, target = content
    return any((target, cataloger.name) not in given[index] for cataloger in takers)


def _candidates(
    overlay: Overlay, layers: Sequence[LayerFacts], tree_of: TreeOf, dispatch: Dispatch
) -> Iterator[tuple[str, Takers]]:
    for cataloger in dispatch.roster:
        for path in cataloger.wants.paths:
            yield path, dispatch.takers(path_bytes(path))
        for folder in cataloger.wants.folders:
            real = overlay.resolve(folder)
            if real is not None and real != folder:
                for name in _names_in(real, layers, tree_of):
                    path = f"{folder}/{name}"
                    yield path, dispatch.takers(path_bytes(path))
    for layer in layers:
        for link in layer.links:
            takers = dispatch.takers_of_link(path_bytes(link.path))
            if takers:
                yield link.path, takers


def _names_in(folder: str, layers: Sequence[LayerFacts], tree_of: TreeOf) -> set[str]:
    start = f"{folder}/"
    below = (path[len(start) :] for layer in layers for path, _ in tree_of(layer).items() if path.startswith(start))
    return {name for name in below if "/" not in name}
