# SPDX-License-Identifier: Apache-2.0
"""A few files of an image, or of a folder, by the paths a process would read them at."""

from pathlib import Path

import pytest
from engine_parts import LineCataloger, MemoryLayer, WordScanner, image_of
from msgspec.structs import replace

from tidegate.errors import BoundExceededError, DigestMismatchError
from tidegate.oci.image import Folder
from tidegate.oci.layer_builder import Compression, LayerBuilder
from tidegate.scan.analyser import Analyser
from tidegate.scan.contents import bytes_of
from tidegate.scan.limits import ScanLimits

ANALYSER = Analyser(roster=(LineCataloger(),), secrets=WordScanner(), limits=ScanLimits())


def layer() -> LayerBuilder:
    return LayerBuilder(compression=Compression.PLAIN)


def test_files_of_an_image_are_read_as_a_process_sees_them() -> None:
    below = layer().file("a", "old").file("b", "below").file("real/c", "linked").file("gone", "x").file("a2", "1")
    above = layer().file("a", "new").symlink("way", "/real").hardlink("hard", "a").whiteout("gone").file("a2", "2")
    image = image_of(below.build(), above.file("a2", "3").build())
    found = bytes_of(image, ANALYSER, ["a", "b", "way/c", "hard", "gone", "none", "real", "a2"], max_bytes=10)
    assert found == {"a": b"new", "b": b"below", "way/c": b"linked", "hard": b"new", "a2": b"3"}


def test_files_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "c").write_text("linked")
    (tmp_path / "way").symlink_to("/real")
    folder = Folder(name="f", root=tmp_path)
    assert bytes_of(folder, ANALYSER, ["way/c", "real/c", "none"], max_bytes=6) == {
        "way/c": b"linked",
        "real/c": b"linked",
    }
    with pytest.raises(BoundExceededError):
        bytes_of(folder, ANALYSER, ["way/c"], max_bytes=5)


def test_a_file_over_the_bound_and_a_layer_that_is_another_are_refused() -> None:
    built = layer().file("a", "12345").build()
    with pytest.raises(BoundExceededError):
        bytes_of(image_of(built), ANALYSER, ["a"], max_bytes=4)
    other = MemoryLayer(built.descriptor, built.diff_id, layer().file("a", "54321").build().read())
    with pytest.raises(DigestMismatchError):
        bytes_of(replace(image_of(built), layers=(other,)), ANALYSER, ["a"], max_bytes=10)
