# SPDX-License-Identifier: Apache-2.0
"""Which entry of which layer a container sees, by paths alone (OCI image-spec 1.1 `layer.md`).

Each layer is a tree of its own; a folder that is only implied, by an entry or a whiteout in it, counts as a folder.
Layers are laid over each other as overlay file systems do it: a folder over a folder joins, anything else replaces; a
whiteout or an opaque folder acts on the layers below only. Paths have no leading slash and `/` between parts; "" is
the root.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

from tidegate.inventory import LayerFacts, LinkKind

FOLDER: Final = "d"
"""The kind of a folder in a layer's tree; every other word stands for something that is none."""

_FILE: Final = "f"
_LINK: Final = "l"

MAX_LINKS: Final = 40
"""Links followed for one path before it counts as a loop, as Linux does it."""

MAX_PATH_CHARS: Final = 4096


class Overlay:
    """The joined view of an image's layers.

    Args:
        layers: bottom first.
        tree_of: gives a layer's entries, path to kind (`FOLDER` or another word); asked once a layer, when needed.
    """

    def __init__(self, layers: Sequence[LayerFacts], tree_of: Callable[[LayerFacts], Mapping[str, str]]) -> None:
        self._sheets = tuple(_Sheet(layer, tree_of) for layer in layers)

    def owner(self, path: str) -> int | None:
        """Index of the layer whose own entry for this very path is seen; None when there is none.

        A folder may be joined from several layers: then it is the topmost that has an entry for it.
        """
        return self._owner(path, len(self._sheets))

    def hidden_by(self, layer: int, path: str) -> int | None:
        """Index of the lowest layer above `layer` that hides that layer's entry at `path`; None when it is seen.

        An entry is hidden by a whiteout of it or of a folder above it, by an opaque folder above it, by anything but
        a folder laid over a folder above it, and by any entry at the same path unless both are folders.
        """
        is_folder = self._sheets[layer].is_folder(path)
        for index in range(layer + 1, len(self._sheets)):
            if self._sheets[index].hides(path, is_folder=is_folder):
                return index
        return None

    def resolve(self, path: str) -> str | None:
        """Follows every symbolic link in a path, as a process inside the container would.

        Absolute targets start at the image's root and `..` stays within it.

        Returns:
            The path without links; None when it leads nowhere or in circles.
        """
        return self._resolve(path, len(self._sheets))

    def content(self, path: str) -> tuple[int, str] | None:
        """Where the bytes lie that a process would read at this path: symbolic and hard links followed.

        Returns:
            Layer index and path of the entry that carries the bytes; None when there is no such file.
        """
        upto = len(self._sheets)
        for _ in range(MAX_LINKS):
            real = self._resolve(path, upto)
            index = self._owner(real, upto) if real is not None else None
            if real is None or index is None or self._sheets[index].is_folder(real):
                return None
            target = self._sheets[index].hard.get(real)
            if target is None:
                return index, real
            path, upto = target, index + 1  # the name was bound when that layer was laid
        return None

    def _owner(self, path: str, upto: int) -> int | None:
        joined = False
        for index in range(upto - 1, -1, -1):
            sheet = self._sheets[index]
            if path in sheet.tree:
                return index if not joined or sheet.is_folder(path) else None
            if sheet.cuts(path):
                return None
            joined = joined or path in sheet.folders
        return None

    def _resolve(self, path: str, upto: int) -> str | None:
        todo = path.split("/")[::-1]
        done: list[str] = []
        followed = 0
        while todo:
            part = todo.pop()
            if part in {"", "."}:
                continue
            if part == "..":
                del done[-1:]
                continue
            here = "/".join([*done, part])
            kind, target = self._look(here, upto)
            if not kind or (todo and kind == _FILE) or len(here) > MAX_PATH_CHARS:
                return None
            if kind != _LINK:
                done.append(part)
                continue
            followed += 1
            if followed > MAX_LINKS or len(target) > MAX_PATH_CHARS:
                return None
            if target.startswith("/"):
                done.clear()
            todo.extend(target.split("/")[::-1])
        return "/".join(done)

    def _look(self, path: str, upto: int) -> tuple[str, str]:
        """What is seen at a path whose folders are no links ("" for nothing), and where it points when it is one."""
        index = self._owner(path, upto)
        if index is not None:
            sheet = self._sheets[index]
            if path in sheet.symbolic:
                return _LINK, sheet.symbolic[path]
            return (FOLDER if sheet.is_folder(path) else _FILE), ""
        for sheet in self._sheets[upto - 1 :: -1] if upto else ():
            if path in sheet.folders:
                return FOLDER, ""
            if sheet.cuts(path):
                break
        return "", ""


class _Sheet:
    """One layer, indexed when it is first looked at."""

    def __init__(self, layer: LayerFacts, tree_of: Callable[[LayerFacts], Mapping[str, str]]) -> None:
        self._layer = layer
        self._tree_of = tree_of
        self._tree: Mapping[str, str] | None = None
        self._folders: frozenset[str] = frozenset()
        self._whiteouts = frozenset(layer.whiteouts)
        self._opaque = frozenset(layer.opaque)
        self.symbolic = {link.path: link.target for link in layer.links if link.kind is LinkKind.SYMBOLIC}
        self.hard = {link.path: link.target for link in layer.links if link.kind is LinkKind.HARD}

    @property
    def tree(self) -> Mapping[str, str]:
        """The layer's own entries."""
        if self._tree is None:
            self._tree = self._tree_of(self._layer)
            self._folders = _folders_of(self._tree, [*map(_parent, self._whiteouts), *self._opaque])
        return self._tree

    @property
    def folders(self) -> frozenset[str]:
        """Folders of the layer, also those only implied by what lies in them."""
        _ = self.tree
        return self._folders

    def is_folder(self, path: str) -> bool:
        """True when the layer has a folder there."""
        return self.tree.get(path, FOLDER if path in self.folders else "") == FOLDER

    def hides(self, path: str, *, is_folder: bool) -> bool:
        """True when an entry at this path in a layer below is not seen because of this layer."""
        if self.cuts(path):
            return True
        if path in self.tree:
            return not (is_folder and self.is_folder(path))
        return not is_folder and path in self.folders

    def cuts(self, path: str) -> bool:
        """True when this layer ends everything below it at this path, without an entry of its own there."""
        if path in self._whiteouts:
            return True
        for above in _above(path):
            if above in self._whiteouts or above in self._opaque or self.tree.get(above, FOLDER) != FOLDER:
                return True
        return False


def _above(path: str) -> Iterator[str]:
    while path:
        path = _parent(path)
        yield path


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _folders_of(tree: Mapping[str, str], implied: Sequence[str]) -> frozenset[str]:
    folders = {""}
    own = {path if kind == FOLDER else path.rpartition("/")[0] for path, kind in tree.items()}
    for start in chain(implied, own):
        here = start
        while here not in folders:
            folders.add(here)
            here = _parent(here)
    return frozenset(folders)
