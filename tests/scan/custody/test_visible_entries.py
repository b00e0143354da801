# SPDX-License-Identifier: Apache-2.0
"""All visible files at once are what the overlay says of each path, whatever the layers do to each other."""

import hashlib
import io
from collections.abc import Mapping, Sequence

import pytest
from custody_images import NoSecrets
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.inventory import LayerFacts, LinkKind
from tidegate.oci.layer_builder import Compression, LayerBuilder
from tidegate.oci.squash import Overlay
from tidegate.scan.analyser import Analyser
from tidegate.scan.analysis import analyse_layer
from tidegate.scan.custody import visible_entries as module
from tidegate.scan.custody.visible_entries import HARD_LINK, visible_entries
from tidegate.scan.limits import ScanLimits
from tidegate.scan.parts import ScanParts
from tidegate.scan.tree import DenseTree, kinds_by_path

NAMES = ("a", "b", "a/a", "a/b", "a/b/a", "b/a", "b/b")
ANALYSER = Analyser(roster=(), secrets=NoSecrets(), limits=ScanLimits(), parts=ScanParts(secrets=False))
ACTS = st.lists(
    st.tuples(st.sampled_from(["file", "folder", "link", "hard", "whiteout", "opaque"]), st.sampled_from(NAMES)),
    max_size=7,
)


def facts_of(acts: Sequence[tuple[str, str]], number: int) -> LayerFacts:
    builder = LayerBuilder(compression=Compression.PLAIN, parents=False)
    for act, name in acts:
        if act == "file":
            builder.file(name, f"{number}{name}", mode=0o755)
        elif act == "folder":
            builder.folder(name)
        elif act == "link":
            builder.symlink(name, "b/a")
        elif act == "hard":
            builder.hardlink(name, "a/b")
        elif act == "whiteout":
            builder.whiteout(name)
        else:
            builder.opaque(name)
    layer = builder.build()
    return analyse_layer(io.BytesIO(layer.read()), layer.descriptor, layer.diff_id, ANALYSER)


@pytest.mark.property
@settings(max_examples=300, deadline=None)
@given(st.lists(ACTS, min_size=1, max_size=4), st.booleans())
def test_every_path_is_seen_as_the_overlay_sees_it(layers: list[list[tuple[str, str]]], is_dense: bool) -> None:
    facts = [facts_of(acts, number) for number, acts in enumerate(layers)]

    def tree_of(layer: LayerFacts) -> Mapping[str, str]:
        return DenseTree(layer.tree) if is_dense else kinds_by_path(layer.tree)

    overlay = Overlay(facts, tree_of)
    seen = {(index, entry.path): entry for index, entry in visible_entries(facts, overlay, tree_of)}
    assert len({path for _, path in seen}) == len(seen)
    for path in NAMES:
        index = overlay.owner(path)
        kind = dict(tree_of(facts[index]).items()).get(path) if index is not None else None
        if kind in {"f", "d"}:
            assert (index, path) in seen, (path, kind)
        content = overlay.content(path)
        entry = seen.get((index if index is not None else -1, path))
        if content is not None and entry is not None and entry.kind in {"f", HARD_LINK}:
            assert entry.sha256 == hashlib.sha256(f"{content[0]}{content[1]}".encode()).digest()
    for index, path in seen:
        assert overlay.owner(path) == index


def test_hard_links_in_circles_end() -> None:
    facts = [facts_of([("hard", "a"), ("hard", "b"), ("file", "b/b")], 0)]
    assert [link.kind for link in facts[0].links] == [LinkKind.HARD, LinkKind.HARD]
    overlay = Overlay(facts, lambda layer: kinds_by_path(layer.tree))
    assert {it.path for _, it in visible_entries(facts, overlay, lambda layer: kinds_by_path(layer.tree))} >= {"b/b"}
    assert module.HARD_LINK == "h"
