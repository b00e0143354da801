# SPDX-License-Identifier: Apache-2.0
"""Every file of one image, or folder, that a container sees, with what tells its content apart."""

from collections.abc import Collection, Iterator, Mapping
from functools import partial
from typing import NamedTuple

from tidegate.errors import BoundExceededError, OutsideError
from tidegate.oci.image import Folder, Image, Layer
from tidegate.scan.analyser import Analyser
from tidegate.scan.custody.visible_entries import HARD_LINK, visible_entries
from tidegate.scan.entry import EntryKind, path_bytes, path_text
from tidegate.scan.folder import analyse_folder, read_below
from tidegate.scan.inflate import LayerStream
from tidegate.scan.layers import facts_of_layers
from tidegate.scan.limits import ScanLimits
from tidegate.scan.links import follow_in_folder
from tidegate.scan.overlaid import Joined, follow_in_layers, join
from tidegate.scan.read_ahead import InTurn
from tidegate.scan.tar import TarWalk
from tidegate.scan.tree import FILE


def contents_of(source: Image | Folder, analyser: Analyser) -> Mapping[str, bytes]:
    """The sha256 of each file by its path; of one whose digest was not computed, its size in words.

    Layers that were scanned before are not opened. Symbolic links, devices and folders are left out.

    Raises:
        BoundExceededError: a layer is over a limit.
        InvalidInputError: a layer is broken or hostile.
        OutsideError: the disk, the registry or the store failed.
    """
    return {file.path: file.sha256 or b"%d bytes" % file.size for file in files_of(source, analyser)}


class SeenFile(NamedTuple):
    """One file that a container sees; `layer` is counted from 0 at the bottom, `sha256` b"" where it is not known."""

    path: str
    layer: int
    size: int
    sha256: bytes


def files_of(source: Image | Folder, analyser: Analyser) -> Iterator[SeenFile]:
    """The same, one after the other, each with its layer.

    Raises:
        BoundExceededError, InvalidInputError, OutsideError: as `contents_of`.
    """
    joined, over = _joined(source, analyser), analyser.passed_over
    for layer, entry in visible_entries(joined.layers, joined.overlay, joined.tree_of):
        if entry.kind in {FILE, HARD_LINK} and not over.has(entry.path):
            yield SeenFile(entry.path, layer, entry.size, entry.sha256)


def bytes_of(
    source: Image | Folder, analyser: Analyser, paths: Collection[str], *, max_bytes: int
) -> Mapping[str, bytes]:
    """The content of a few files as a process would read them, links followed; those that are not there are left out.

    Args:
        source: the image, or folder.
        analyser: layers it has read before are walked once more, each at most once.
        paths: at most a few.
        max_bytes: of each.

    Raises:
        BoundExceededError: a file is over `max_bytes`, or a layer over a limit.
        InvalidInputError, OutsideError: as `contents_of`.
    """
    overlay = _joined(source, analyser).overlay
    places: dict[int, dict[bytes, list[str]]] = {}
    for path in paths:
        if (place := overlay.content(path)) is not None:
            places.setdefault(place[0], {}).setdefault(path_bytes(place[1]), []).append(path)
    found: dict[str, bytes] = {}
    for index, wanted in places.items():
        if isinstance(source, Folder):
            read = _below(source, wanted, max_bytes)
        else:
            read = _in_layer(source.layers[index], wanted, analyser.limits, max_bytes)
        found |= {path: content for target, content in read for path in wanted[target]}
    return found


def _below(source: Folder, wanted: Collection[bytes], max_bytes: int) -> Iterator[tuple[bytes, bytes]]:
    for target in wanted:
        try:
            size, content = read_below(source, target, max_bytes)
        except OSError as error:
            raise OutsideError("cannot be read", where=path_text(target)) from error
        _check(size, max_bytes, target)
        yield target, content


def _in_layer(
    layer: Layer, wanted: Collection[bytes], limits: ScanLimits, max_bytes: int
) -> Iterator[tuple[bytes, bytes]]:
    with layer.open() as stream:
        source = LayerStream(stream, layer.descriptor, layer.diff_id, limits)
        chunks = InTurn(source)
        walk = TarWalk(chunks, limits)
        for entry in walk:
            if entry.kind is EntryKind.FILE and entry.name in wanted:
                _check(entry.size, max_bytes, entry.name)
                yield entry.name, walk.read()
        while chunks.next_chunk():
            pass
        source.finish()  # what was read is of this layer and no other


def _check(size: int, max_bytes: int, target: bytes) -> None:
    if size > max_bytes:
        raise BoundExceededError("max_bytes", max_bytes, where=path_text(target))


def _joined(source: Image | Folder, analyser: Analyser) -> Joined:
    if isinstance(source, Folder):
        facts = analyse_folder(source, analyser)
        return join(
            (facts,),
            analyser,
            lambda _, wanted: follow_in_folder(source, facts, wanted, analyser.dispatch),
            where=source.name,
        )
    layers = facts_of_layers(source.layers, analyser, _untold)
    return join(layers, analyser, partial(follow_in_layers, source.layers, analyser), where=source.name)


def _untold(_done: int, _all: int) -> None:
    """The scan before has told."""
