# SPDX-License-Identifier: Apache-2.0
"""Explains one path of an image by the facts of its layers."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

from tidegate.artifact import ImageConfig
from tidegate.inventory import Component, LayerFacts
from tidegate.oci.squash import Overlay
from tidegate.scan.custody.events import KINDS, entry_at, events_at, links_to
from tidegate.scan.custody.explanation import Explanation, LayerRef
from tidegate.scan.custody.instruction import steps_of
from tidegate.scan.custody.reckoned import file_custody
from tidegate.scan.custody.reckoning import Reckoning, digest_of
from tidegate.scan.custody.visible_entries import HARD_LINK, TreeOf, visible_entries
from tidegate.scan.tree import TreeEntry
from tidegate.scan.visible import Sighting
from tidegate.values import replace

MAX_NEAR: Final = 5
"""Paths that may have been meant."""
MAX_SIBLINGS: Final = 5_000
"""Names that are compared with one that is not there."""


def explain(
    path: str,
    *,
    sightings: Sequence[Sighting],
    components: Sequence[Component],
    layers: Sequence[LayerFacts],
    overlay: Overlay,
    tree_of: TreeOf,
    copied: Sequence[bool],
    config: ImageConfig | None,
) -> Explanation:
    """Tells what is known of a path.

    Args:
        path: absolute or from the root, links and all.
        sightings: the visible files of package databases.
        components: the packages found in them.
        layers: bottom first.
        overlay: of the same layers.
        tree_of: a layer's paths and their kinds.
        copied: for each layer, whether the image's makers laid their own files into it.
        config: with the history; None when there is none.

    Raises:
        InvalidInputError: a packed tree cannot be read back.
    """
    asked = "/".join(part for part in path.split("/") if part not in {"", "."})
    steps = steps_of(config, len(layers))
    refs = [LayerRef(number=i + 1, digest=layer.digest, step=steps[i]) for i, layer in enumerate(layers)]
    followed = links_to(asked, layers, overlay)
    real = overlay.resolve(asked)
    owner = overlay.owner(real) if real is not None else None
    # Of what was there once the layers tell under its real folder, for a link to nowhere has no other name.
    place = real if owner is not None and real is not None else _once(asked, overlay)
    events = tuple(events_at(place, layers, refs, tree_of))
    if owner is None or real is None:
        return Explanation(asked=asked, followed=followed, events=events, near=_near(asked, layers, overlay, tree_of))
    told = Explanation(
        asked=asked,
        path=real,
        kind=KINDS.get(tree_of(layers[owner]).get(real, ""), ""),
        followed=followed,
        layer=refs[owner],
        events=events,
    )
    entry = _content(real, owner, layers, overlay, tree_of)
    if entry is None:
        return told
    return _with_custody(told, owner, entry, Reckoning(sightings, components, layers, overlay, copied))


def _with_custody(told: Explanation, layer: int, entry: TreeEntry, reckoning: Reckoning) -> Explanation:
    verdict = reckoning.judge(layer, entry)
    claim = verdict.claim
    is_stated = claim is not None and bool(claim.checksum)
    digest = told.layer.digest if told.layer is not None else None
    return replace(
        told,
        file=file_custody(digest, entry, verdict) if digest is not None else None,
        reason=verdict.reason,
        package=verdict.component,
        written_as=claim.path if claim is not None else "",
        algorithm=claim.algorithm if claim is not None and is_stated else "",
        stated=claim.checksum.hex() if claim is not None and is_stated else "",
        actual=digest_of(entry, claim.algorithm).hex() if claim is not None and is_stated else "",
    )


def _content(
    path: str, owner: int, layers: Sequence[LayerFacts], overlay: Overlay, tree_of: TreeOf
) -> TreeEntry | None:
    """The regular file that is seen at a path, through a hard link too."""
    content = overlay.content(path)
    if content is None or tree_of(layers[owner]).get(path) not in {"f", HARD_LINK}:
        return None
    entry = entry_at(layers[content[0]], content[1], tree_of)
    return entry._replace(path=path) if entry is not None and entry.kind == "f" else None


def _once(asked: str, overlay: Overlay) -> str:
    folder, _, base = asked.rpartition("/")
    real = overlay.resolve(folder)
    return asked if real is None else f"{real}/{base}" if real else base


def _near(asked: str, layers: Sequence[LayerFacts], overlay: Overlay, tree_of: TreeOf) -> tuple[str, ...]:
    """Visible files of the same name elsewhere, then those of a like name in the same folder."""
    folder, _, base = asked.rpartition("/")
    real = overlay.resolve(folder) or folder
    same: list[str] = []
    siblings: list[str] = []
    for _, entry in visible_entries(layers, overlay, tree_of):
        above, _, name = entry.path.rpartition("/")
        if name == base:
            same.append(entry.path)
        elif above == real and len(siblings) < MAX_SIBLINGS:
            siblings.append(name)
    like = [f"{real}/{name}" if real else name for name in get_close_matches(base, sorted(siblings), n=MAX_NEAR)]
    return tuple([*sorted(same, key=lambda path: (len(path), path)), *like][:MAX_NEAR])
