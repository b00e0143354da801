# SPDX-License-Identifier: Apache-2.0
"""What each layer did at one path, and which links lead there."""

from collections.abc import Iterator, Sequence
from typing import Final

from tidegate.artifact import Digest
from tidegate.inventory import LayerFacts, LinkKind
from tidegate.oci.squash import FOLDER, MAX_LINKS, Overlay
from tidegate.scan.custody.explanation import Deed, Event, Followed, LayerRef
from tidegate.scan.custody.visible_entries import TreeOf
from tidegate.scan.tree import TreeEntry, entries_of

KINDS: Final = {"f": "file", "d": "folder", "l": "link", "h": "hard link", "o": "other"}
"""Words for the kinds of entries."""

MAX_PARTS: Final = 4_096
"""Parts of a path that are looked at, those of links included."""


def entry_at(layer: LayerFacts, path: str, tree_of: TreeOf) -> TreeEntry | None:
    """A layer's own entry for a path."""
    if path not in tree_of(layer):
        return None
    found = None
    for entry in entries_of(layer.tree):
        if entry.path == path:
            found = entry
    return found


def events_at(path: str, layers: Sequence[LayerFacts], refs: Sequence[LayerRef], tree_of: TreeOf) -> Iterator[Event]:
    """What the layers did at a path, bottom first; what deletes where nothing was is left out."""
    is_there = False
    for layer, ref in zip(layers, refs, strict=True):
        cut = _cut_at(layer, path, tree_of)
        if cut is not None and is_there:
            is_there = False
            yield Event(layer=ref, deed=Deed.DELETED, path=cut)
        entry = entry_at(layer, path, tree_of)
        if entry is not None:
            links = {link.path: link.target for link in layer.links if link.path == path}
            yield Event(
                layer=ref,
                deed=Deed.REPLACED if is_there else Deed.BROUGHT,
                path=path,
                kind=KINDS[entry.kind],
                size=entry.size,
                mode=entry.mode,
                digest=Digest(f"sha256:{entry.sha256.hex()}") if entry.sha256 else None,
                target=links.get(path, ""),
            )
            is_there = True


def links_to(path: str, layers: Sequence[LayerFacts], overlay: Overlay) -> tuple[Followed, ...]:
    """The links that are followed on the way to a path, in order; the last ones may lead nowhere."""
    symbolic = [{it.path: it.target for it in layer.links if it.kind is LinkKind.SYMBOLIC} for layer in layers]
    followed: list[Followed] = []
    todo, done = path.split("/")[::-1], list[str]()
    for _ in range(MAX_PARTS):
        if not todo or len(followed) >= MAX_LINKS:
            break
        part = todo.pop()
        if part == "..":
            del done[-1:]
        if part in {"", ".", ".."}:
            continue
        here = "/".join([*done, part])
        owner = overlay.owner(here)
        target = symbolic[owner].get(here) if owner is not None else None
        if target is None:
            done.append(part)
            continue
        followed.append(Followed(link=here, target=target))
        if target.startswith("/"):
            done.clear()
        todo.extend(target.split("/")[::-1])
    return tuple(followed)


def _cut_at(layer: LayerFacts, path: str, tree_of: TreeOf) -> str | None:
    """What in a layer ends whatever the layers below have at a path; None when nothing does."""
    if path in layer.whiteouts:
        return path
    tree, here = tree_of(layer), path
    while here:
        here = here.rpartition("/")[0]
        if here in layer.whiteouts or here in layer.opaque or tree.get(here, FOLDER) != FOLDER:
            return here
    return None
