# SPDX-License-Identifier: Apache-2.0
"""Every file of one image, or folder, that a container sees, with what tells its content apart."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import NamedTuple

from tidegate.oci.image import Folder, Image
from tidegate.scan.analyser import Analyser
from tidegate.scan.custody.visible_entries import HARD_LINK, visible_entries
from tidegate.scan.folder import analyse_folder
from tidegate.scan.layers import facts_of_layers
from tidegate.scan.links import follow_in_folder
from tidegate.scan.overlaid import Joined, follow_in_layers, join
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
