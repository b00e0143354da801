# SPDX-License-Identifier: Apache-2.0
"""The same layers give the same bytes: whatever the threads, the chunks, the store, and what was asked before."""

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine_parts import LineCataloger, MemoryLayer, WordScanner, image_of
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.inventory import Inventory, LayerFacts
from tidegate.oci.image import Image
from tidegate.oci.layer_builder import Compression, LayerBuilder
from tidegate.scan.analyser import Analyser
from tidegate.scan.analysis import Analysis
from tidegate.scan.facts_store import FactsStore
from tidegate.scan.image import scan_image
from tidegate.scan.inflate import LayerStream
from tidegate.scan.limits import ScanLimits
from tidegate.scan.parts import ALL_PARTS, ScanParts, with_more
from tidegate.scan.read_ahead import InTurn, ReadAhead
from tidegate.scan.tar import TarWalk
from tidegate.wire import to_msgpack

FOLDERS = ("usr/bin", "srv", "app/data", "var/db")
SOME_PARTS = st.builds(ScanParts, packages=st.booleans(), secrets=st.booleans(), custody=st.booleans())


def noise_image(seed: int, layers: int) -> Image:
    """Layers with files of all sizes, small databases, secrets, links and whiteouts."""
    noise = random.Random(seed)
    built = []
    for number in range(layers):
        builder = LayerBuilder(compression=noise.choice(tuple(Compression)), parents=noise.random() < 0.5)
        for at in range(noise.randrange(1, 12)):
            size = noise.choice((0, 3, 700, 511, 512, 60_000, 1_500_000))
            body = noise.choice((b"\x7fELF", b"#!/bin/sh", b"HUSH", b"x")) + noise.randbytes(size)
            builder.file(f"{noise.choice(FOLDERS)}/{at}", body[:size], mode=noise.choice((0o644, 0o4755)))
        builder.file("var/db/packages", f"one {number}\n" + ("two 2\n" if noise.random() < 0.5 else ""))
        if noise.random() < 0.5:
            builder.symlink("etc/PACKAGES", "../var/db/packages")
        if number and noise.random() < 0.5:
            builder.whiteout(f"{noise.choice(FOLDERS)}/{noise.randrange(12)}")
        built.append(builder.build())
    return image_of(*built)


def scanned(image: Image, *, workers: int = 1, store: FactsStore | None = None, parts: ScanParts = ALL_PARTS) -> bytes:
    # Anything over a mebibyte goes piece by piece, so that both ways are gone.
    limits = ScanLimits(max_secret_file_bytes=1_000_000)
    found: Inventory = scan_image(
        image,
        store=store,
        roster=(LineCataloger(),),
        secrets=WordScanner(),
        limits=limits,
        workers=workers,
        parts=parts,
    )
    return to_msgpack(found)


@pytest.mark.property
@given(seed=st.integers(0, 1 << 30), layers=st.integers(1, 4))
@settings(deadline=None, max_examples=25)
def test_neither_threads_nor_the_store_change_an_inventory(seed: int, layers: int) -> None:
    image = noise_image(seed, layers)
    expected = scanned(image)
    assert scanned(image, workers=2) == expected
    assert scanned(image, workers=8) == expected
    with tempfile.TemporaryDirectory() as folder:
        store = FactsStore(Path(folder))
        assert scanned(image, workers=2, store=store) == expected
        opened = [layer.opened for layer in layers_of(image)]
        assert scanned(image, workers=8, store=store) == expected
        assert [layer.opened for layer in layers_of(image)] == opened


@pytest.mark.property
@given(seed=st.integers(0, 1 << 30), before=SOME_PARTS, after=SOME_PARTS)
@settings(deadline=None, max_examples=25)
def test_what_was_asked_before_does_not_change_what_is_told(seed: int, before: ScanParts, after: ScanParts) -> None:
    image = noise_image(seed, 2)
    expected = scanned(image, parts=after)
    with tempfile.TemporaryDirectory() as folder:
        store = FactsStore(Path(folder))
        scanned(image, store=store, parts=before)
        opened = [layer.opened for layer in layers_of(image)]
        assert scanned(image, store=store, parts=after) == expected
        if before.word in {after.word, *(more.word for more in with_more(after))}:
            assert [layer.opened for layer in layers_of(image)] == opened


@pytest.mark.property
@given(seed=st.integers(0, 1 << 30), blocks=st.sampled_from((1, 2, 7, 64, 2048)), ahead=st.booleans())
@settings(deadline=None, max_examples=40)
def test_chunk_sizes_do_not_change_facts(seed: int, blocks: int, *, ahead: bool) -> None:
    for layer in layers_of(noise_image(seed, 1)):
        assert facts_in_chunks(layer, blocks * 512, ahead=ahead) == facts_in_chunks(layer, 1 << 22, ahead=False)


def facts_in_chunks(layer: MemoryLayer, chunk_bytes: int, *, ahead: bool) -> LayerFacts:
    limits = ScanLimits(max_secret_file_bytes=1_000_000)
    analyser = Analyser(roster=(LineCataloger(),), secrets=WordScanner(), limits=limits)
    with layer.open() as stream:
        source = LayerStream(stream, layer.descriptor, layer.diff_id, limits)
        made = ReadAhead(source, notes_ahead=True, chunk_bytes=chunk_bytes) if ahead else InTurn(source, chunk_bytes)
        with made as chunks:
            walk = TarWalk(chunks, limits)
            analysis = Analysis(analyser, source.where)
            analysis.take_layer(walk)
            while chunks.next_chunk():
                pass
        source.finish()
        digest = layer.descriptor.digest
        return analysis.facts(digest=digest, diff_id=source.diff_id, size=source.size, entries=walk.entries)


def layers_of(image: Image) -> Iterator[MemoryLayer]:
    for layer in image.layers:
        assert isinstance(layer, MemoryLayer)
        yield layer
