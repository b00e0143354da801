# SPDX-License-Identifier: Apache-2.0
"""Every file and folder a container sees, with the layer whose bytes it sees, in one pass over the packed trees.

`tidegate.oci.squash.Overlay` answers for one path; this asks about all of them, top layer first, so that for each
entry only what lies above is looked up, and nothing is held but what links need.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final, TypeAlias

from tidegate.inventory import LayerFacts, LinkKind
from tidegate.oci.squash import FOLDER, MAX_LINKS, Overlay
from tidegate.scan.tree import FILE, TreeEntry, count_of, entries_of

TreeOf: TypeAlias = Callable[[LayerFacts], Mapping[str, str]]

HARD_LINK: Final = "h"


def visible_entries(layers: Sequence[LayerFacts], overlay: Overlay, tree_of: TreeOf) -> Iterator[tuple[int, TreeEntry]]:
    """Files and folders that are seen.

    Args:
        layers: bottom first.
        overlay: of the same layers.
        tree_of: a layer's paths and their kinds.

    Yields:
        Index of the layer and its entry. A hard link comes with what it is linked to, of the kind `HARD_LINK`; links
        come last. Symbolic links, devices and the root are left out.
    """
    above = _Above()
    links = _HardLinks(layers, overlay, tree_of)
    for index in range(len(layers) - 1, -1, -1):
        layer = layers[index]
        tree = tree_of(layer)
        wanted = links.targets[index]
        is_hidden, hides_folder = above.hides, above.hides_folder
        for entry in _latest(layer, tree):
            kind, path = entry.kind, entry.path
            if kind == FILE:
                if path in wanted:
                    links.keep(index, entry)
                if not is_hidden(path):
                    yield index, entry
            elif kind == FOLDER:
                if path and not hides_folder(path):
                    yield index, entry
            elif kind == HARD_LINK and not is_hidden(path):
                links.see(index, path)
        if index:
            above.add(layer, tree)
    yield from links.resolved()


def _latest(layer: LayerFacts, tree: Mapping[str, str]) -> Iterator[TreeEntry]:
    """Entries of a layer; of a path that comes more than once the last one only."""
    if count_of(layer.tree) == len(tree):
        return entries_of(layer.tree)
    return _last_of_each(layer)


def _last_of_each(layer: LayerFacts) -> Iterator[TreeEntry]:
    once: set[str] = set()
    again: set[str] = set()
    for entry in entries_of(layer.tree):
        (again if entry.path in once else once).add(entry.path)
    once.clear()
    last: dict[str, TreeEntry] = {}
    for entry in entries_of(layer.tree):
        if entry.path in again:
            last[entry.path] = entry
        else:
            yield entry
    yield from last.values()


class _Above:
    """What the layers above the one at hand lay over it."""

    def __init__(self) -> None:
        self._kinds: dict[str, str] = {}
        self._dense: list[Mapping[str, str]] = []
        self._folders: set[str] = set()
        self._whiteouts: set[str] = set()
        self._ends: set[str] = set()
        self._cut: dict[str, bool] = {}
        self.hides: Callable[[str], bool] = _nothing
        self.hides_folder: Callable[[str], bool] = _nothing

    def add(self, layer: LayerFacts, tree: Mapping[str, str]) -> None:
        """Takes a layer, all of whose entries have been seen."""
        self.hides = self._hides
        self.hides_folder = self._hides_folder
        self._cut.clear()
        self._whiteouts.update(layer.whiteouts)
        self._ends.update(layer.whiteouts, layer.opaque)
        self._imply(chain(tree, layer.whiteouts, (f"{folder}/" for folder in layer.opaque)))
        if isinstance(tree, dict):
            kinds = self._kinds
            for path, kind in tree.items():
                if kind != FOLDER or path not in kinds:
                    kinds[path] = kind
        else:
            self._dense.append(tree)

    def _imply(self, paths: Iterable[str]) -> None:
        """Takes folders that are there because something lies in them, or is deleted from them."""
        folders = self._folders
        for folder in {path.rpartition("/")[0] for path in paths}:
            here = folder
            while here and here not in folders:
                folders.add(here)
                here = here.rpartition("/")[0]

    def _hides(self, path: str) -> bool:
        return self._hides_folder(path) or path in self._folders

    def _hides_folder(self, path: str) -> bool:
        """The same for a folder, which one that is only implied does not hide."""
        if path in self._kinds or path in self._whiteouts or self._is_cut(path.rpartition("/")[0]):
            return True
        return bool(self._dense) and any(path in tree for tree in self._dense)

    def _is_cut(self, folder: str) -> bool:
        """True when nothing of a folder in the layers below is seen."""
        trail: list[str] = []
        here = folder
        while (known := self._cut.get(here)) is None:
            trail.append(here)
            if here in self._ends or self._kind(here) != FOLDER:
                known = True
                break
            if not here:
                known = False
                break
            here = here.rpartition("/")[0]
        for passed in trail:
            self._cut[passed] = known
        return known

    def _kind(self, folder: str) -> str:
        kind = self._kinds.get(folder, FOLDER)
        for tree in self._dense:
            if kind == FOLDER:
                kind = tree.get(folder, FOLDER)
        return kind


def _nothing(_path: str) -> bool:
    return False


class _HardLinks:
    """Hard links that are seen, and the entries whose bytes they show."""

    def __init__(self, layers: Sequence[LayerFacts], overlay: Overlay, tree_of: TreeOf) -> None:
        self._overlay = overlay
        self._layers = layers
        self._tree_of = tree_of
        self._hard = [{it.path: it.target for it in layer.links if it.kind is LinkKind.HARD} for layer in layers]
        self._seen: list[tuple[int, str, tuple[int, str]]] = []
        self._kept: dict[tuple[int, str], TreeEntry] = {}
        self.targets: list[set[str]] = [set(hard.values()) for hard in self._hard]

    def see(self, index: int, path: str) -> None:
        """Takes a link that is seen; the layer of what it shows is this one or comes later."""
        target = self._within(index, path)
        content = (index, target) if target else self._overlay.content(path)
        if content is not None:
            self.targets[content[0]].add(content[1])
            self._seen.append((index, path, content))

    def keep(self, index: int, entry: TreeEntry) -> None:
        """Takes an entry that some link may show."""
        self._kept[index, entry.path] = entry

    def resolved(self) -> Iterator[tuple[int, TreeEntry]]:
        """The links, each as the entry it shows under its own path."""
        for index, path, content in self._seen:
            entry = self._kept.get(content)
            if entry is not None:
                yield index, entry._replace(path=path, kind=HARD_LINK)

    def _within(self, index: int, path: str) -> str:
        """What a link shows when that lies in its own layer; "" when it does not."""
        tree, hard = self._tree_of(self._layers[index]), self._hard[index]
        target = hard.get(path, "")
        for _ in range(MAX_LINKS):
            if tree.get(target) == FILE:
                return target
            target = hard.get(target, "")
        return ""
