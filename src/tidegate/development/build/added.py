# SPDX-License-Identifier: Apache-2.0
"""What ADD fetched, by the layer it made: the one file in it is what the address answered."""

import hashlib
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tidegate.bounds import MIB
from tidegate.development.build.attributed import LayerMaker
from tidegate.development.build.provenance import Fetched
from tidegate.development.build.stages import Plan
from tidegate.oci.image import Image, Layer
from tidegate.oci.reproducible import plain_layer


def fetched_urls(plan: Plan, image: Image, makers: Sequence[LayerMaker]) -> tuple[Fetched, ...]:
    """Every address ADD fetched, with the digest of what came where the image's own layer shows it.

    Raises:
        InvalidInputError: a layer is broken.
    """
    by_line = {one.line: layer for one, layer in zip(makers, image.layers, strict=True) if one.line}
    found = []
    for stage in plan.stages:
        for url, line in stage.urls:
            layer = by_line.get(line)
            found.append(Fetched(url=_without_login(url), sha256=_only_file(layer) if layer else "", line=line))
    return tuple(found)


def _only_file(layer: Layer) -> str:
    with (
        tempfile.TemporaryDirectory(prefix="tidegate-") as folder,
        tarfile.open(plain_layer(layer, Path(folder) / "layer"), "r:") as tar,
    ):
        files = [one for one in tar if one.isreg()]
        content = tar.extractfile(files[0]) if len(files) == 1 else None
        if content is None:
            return ""
        with content:
            hashed = hashlib.sha256()
            while chunk := content.read(MIB):
                hashed.update(chunk)
            return hashed.hexdigest()


def _without_login(url: str) -> str:
    scheme, slashes, rest = url.partition("://")
    if not slashes:
        return url
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path.partition('?')[0]}"
