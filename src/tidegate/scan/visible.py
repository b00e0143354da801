# SPDX-License-Identifier: Apache-2.0
"""Facts of all layers laid over each other: which files a container sees, and what they were in the layers below."""

from collections.abc import Sequence

from tidegate.inventory import FileFacts, LayerFacts
from tidegate.oci.squash import Overlay
from tidegate.scan.facts_store import FollowedFacts
from tidegate.values import Struct


class Sighting(Struct, frozen=True):
    """One file as one cataloger read it.

    Attributes:
        layer: index of the layer whose bytes are seen.
        facts: what was read of it.
        earlier: the same file in the layers below, topmost first, as far down as it was replaced and never deleted.
    """

    layer: int
    facts: FileFacts
    earlier: tuple[tuple[int, FileFacts], ...] = ()


def visible_files(
    overlay: Overlay, layers: Sequence[LayerFacts], followed: Sequence[tuple[int, FollowedFacts]]
) -> list[Sighting]:
    """The files a container sees, by path and cataloger; `followed` are those that were read through links."""
    versions: dict[tuple[str, str, str], list[tuple[int, FileFacts]]] = {}
    for index, layer in enumerate(layers):
        for facts in layer.files:
            versions.setdefault((facts.path, facts.cataloger, facts.path), []).append((index, facts))
    for index, link in sorted(followed, key=lambda item: item[0]):
        for facts in link.files:
            versions.setdefault((facts.path, facts.cataloger, link.target), []).append((index, facts))
    seen = (_seen(overlay, place, rows) for (_, _, place), rows in sorted(versions.items(), key=lambda item: item[0]))
    return [sighting for sighting in seen if sighting is not None]


def _seen(overlay: Overlay, place: str, rows: list[tuple[int, FileFacts]]) -> Sighting | None:
    top, facts = rows[-1]
    if overlay.hidden_by(top, place) is not None:
        return None
    earlier: list[tuple[int, FileFacts]] = []
    above = top
    for index, older in rows[-2::-1]:
        if overlay.hidden_by(index, place) != above:
            break  # it was gone for a while, so what came back is new
        earlier.append((index, older))
        above = index
    return Sighting(top, facts, tuple(earlier))
