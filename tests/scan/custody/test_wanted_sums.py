# SPDX-License-Identifier: Apache-2.0
"""Which digests of files are computed: those that packages state, whatever the lowest layer makes believe."""

import hashlib
from pathlib import Path

import pytest
from custody_images import PARTS, NoSecrets, custody, paths

from tidegate.inventory import LayerFacts
from tidegate.oci.image import Folder, Image
from tidegate.oci.layer_builder import LayerBuilder
from tidegate.oci.open import open_target
from tidegate.oci.target import parse_target
from tidegate.oci.write import write_image
from tidegate.scan.analyser import Analyser
from tidegate.scan.facts_store import FactsStore
from tidegate.scan.layers import facts_of_layers
from tidegate.scan.limits import ScanLimits
from tidegate.scan.roster import CATALOGERS
from tidegate.scan.tree import entries_of
from tidegate.scan.wanted_sums import expected_sums

MADE = b"as it was made"
STATUS = "Package: tool\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\nMaintainer: m\n"


def dpkg_layer(content: bytes) -> LayerBuilder:
    md5 = hashlib.md5(MADE, usedforsecurity=False).hexdigest()
    return (
        LayerBuilder()
        .file("usr/bin/tool", content, mode=0o755)
        .file("var/lib/dpkg/status", STATUS)
        .file("var/lib/dpkg/info/tool.list", "/.\n/usr\n/usr/bin\n/usr/bin/tool\n")
        .file("var/lib/dpkg/info/tool.md5sums", f"{md5}  usr/bin/tool\n")
    )


def opened(folder: Path, *builders: LayerBuilder) -> Image:
    write_image(folder, "latest", [builder.build() for builder in builders])
    with open_target(parse_target(f"oci:{folder}:latest")) as image:  # a layout holds nothing open
        assert not isinstance(image, Folder)
        return image


def facts_of(image: Image, store: FactsStore | None = None) -> tuple[LayerFacts, ...]:
    analyser = Analyser(roster=CATALOGERS, secrets=NoSecrets(), limits=ScanLimits(), parts=PARTS, store=store)
    return facts_of_layers(image.layers, analyser, lambda _done, _all: None)


def sums_of(facts: LayerFacts, path: str) -> set[str]:
    entry = next(entry for entry in entries_of(facts.tree) if entry.path == path)
    return {name for name in ("sha256", "sha1", "md5") if getattr(entry, name)}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("etc/dpkg/dpkg.cfg", ("md5",)),
        ("etc/apt/sources.list", ("md5",)),
        ("lib/apk/db/installed", ("sha1",)),
        ("usr/lib/apk/db/installed", ("sha1",)),
        ("usr/lib/sysimage/rpm/rpmdb.sqlite", ()),
        ("etc/passwd", ("sha1", "md5")),
    ],
)
def test_the_lowest_layer_tells_what_to_expect(tmp_path: Path, path: str, expected: tuple[str, ...]) -> None:
    image = opened(tmp_path / "image", LayerBuilder().file("bin/sh", b"sh").file(path, b"x"))
    assert expected_sums(image.layers[0], ScanLimits()) == expected


def test_only_what_is_stated_is_computed(tmp_path: Path) -> None:
    image = opened(tmp_path / "image", LayerBuilder().file("etc/dpkg/origins/debian", b"x"), dpkg_layer(MADE))
    assert sums_of(facts_of(image)[1], "usr/bin/tool") == {"sha256", "md5"}
    assert not custody(image).modified


@pytest.mark.parametrize("pretended", ["etc/apk/world", "etc/rpm/macros", "etc/passwd"])
def test_a_lowest_layer_that_lies_hides_no_modified_file(tmp_path: Path, pretended: str) -> None:
    image = opened(tmp_path / "image", LayerBuilder().file(pretended, b"x"), dpkg_layer(b"changed"))
    found = custody(image)
    assert paths(found.modified) == {"usr/bin/tool"}
    assert sums_of(facts_of(image)[1], "usr/bin/tool") == {"sha256", "sha1", "md5"}


@pytest.mark.parametrize("lowest", ["etc/apk/world", "etc/dpkg/dpkg.cfg"])
def test_what_was_read_before_is_not_opened_again(tmp_path: Path, lowest: str) -> None:
    image = opened(tmp_path / "image", LayerBuilder().file(lowest, b"x"), dpkg_layer(MADE))
    store = FactsStore(tmp_path / "facts")
    first = facts_of(image, store)
    for blob in (tmp_path / "image" / "blobs" / "sha256").iterdir():
        blob.write_bytes(b"")
    assert facts_of(image, store) == first
