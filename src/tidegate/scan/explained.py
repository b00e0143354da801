# SPDX-License-Identifier: Apache-2.0
"""One path of one image, or folder, explained: its layers are read, or recalled, as a scan does it."""

from functools import partial

from tidegate.oci.image import Folder, Image
from tidegate.scan.analyser import Analyser
from tidegate.scan.custody.explain import explain
from tidegate.scan.custody.explanation import Explanation
from tidegate.scan.custody.instruction import copied_layers
from tidegate.scan.folder import analyse_folder
from tidegate.scan.layers import facts_of_layers
from tidegate.scan.links import follow_in_folder
from tidegate.scan.overlaid import Joined, follow_in_layers, join


def explain_path(source: Image | Folder, path: str, analyser: Analyser) -> Explanation:
    """Tells what is known of a path.

    Raises:
        BoundExceededError: a layer is over a limit.
        InvalidInputError: a layer is broken or hostile.
        OutsideError: the disk, the registry or the store failed.
    """
    if isinstance(source, Folder):
        facts = analyse_folder(source, analyser)
        joined = join(
            (facts,),
            analyser,
            lambda _, wanted: follow_in_folder(source, facts, wanted, analyser.dispatch),
            where=source.name,
        )
        return _explained(joined, path, None, source)
    layers = facts_of_layers(source.layers, analyser, _untold)
    joined = join(layers, analyser, partial(follow_in_layers, source.layers, analyser), where=source.name)
    return _explained(joined, path, source, source)


def _explained(joined: Joined, path: str, image: Image | None, source: Image | Folder) -> Explanation:
    config = image.config if image is not None else None
    copied = (source.is_source,) if isinstance(source, Folder) else copied_layers(config, len(joined.layers))
    return explain(
        path,
        sightings=joined.sightings,
        components=joined.components,
        layers=joined.layers,
        overlay=joined.overlay,
        tree_of=joined.tree_of,
        copied=copied,
        config=config,
    )


def _untold(_done: int, _all: int) -> None:
    """The scan before has told."""
