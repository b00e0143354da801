# SPDX-License-Identifier: Apache-2.0
"""Precision and recall of components on images whose content is known: one each, or the difference is shown.

`expected.txt` holds what is there: the image, the package URL, the basis, the place, and who owns that.
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from labelled_images import GONE, IMAGES, Layer

from tidegate.inventory import Component
from tidegate.oci.layer_builder import BuiltLayer, Compression, LayerBuilder
from tidegate.oci.open import open_target
from tidegate.oci.target import parse_target
from tidegate.oci.write import write_image
from tidegate.scan.facts_store import FactsStore
from tidegate.scan.image import scan_image
from tidegate.scan.parts import ScanParts
from tidegate.scan.roster import CATALOGERS
from tidegate.scan.secrets.detector import SecretDetector

EXPECTED = Path(__file__).with_name("expected.txt")


def layer_of(table: Layer, compression: Compression) -> BuiltLayer:
    builder = LayerBuilder(compression=compression)
    for path, content in table.items():
        if path.endswith(GONE):
            builder.whiteout(path.removesuffix(GONE))
        else:
            builder.file(path, content)
    return builder.build()


def components(image: str, compression: Compression, folder: Path) -> tuple[Component, ...]:
    layers = [layer_of(table, compression) for table in IMAGES[image]]
    write_image(folder / "layout", "quality", layers)
    with open_target(parse_target(f"oci:{folder / 'layout'}:quality")) as opened:
        parts = ScanParts(secrets=False, custody=False)
        store, secrets = FactsStore(folder / "facts"), SecretDetector()
        return tuple(scan_image(opened, store=store, roster=CATALOGERS, secrets=secrets, parts=parts).components)


@pytest.mark.parametrize("compression", [Compression.GZIP, Compression.ZSTD])
@pytest.mark.parametrize("image", IMAGES)
def test_every_component_that_is_there_and_none_that_is_not(
    image: str, compression: Compression, tmp_path: Path
) -> None:
    rows = [line.split(" ") for line in EXPECTED.read_text().splitlines() if not line.startswith("#")]
    there = {tuple(row[1:]) for row in rows if row[0] == image}
    told = {(it.purl, it.basis.value, it.location, it.owner or "-") for it in components(image, compression, tmp_path)}
    recall, precision = len(told & there) / len(there), len(told & there) / len(told)
    assert (recall, precision) == (1.0, 1.0), {"missed": sorted(there - told), "not there": sorted(told - there)}
