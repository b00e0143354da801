# SPDX-License-Identifier: Apache-2.0
"""Layers read by forked processes: the same facts, the same errors, and nobody left behind."""

import os
import random
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine_parts import LineCataloger, WordScanner

from tidegate.errors import BoundExceededError, OutsideError
from tidegate.inventory import FileFacts, Inventory
from tidegate.oci.image import Folder, Image
from tidegate.oci.layer_builder import LayerBuilder
from tidegate.oci.open import open_target
from tidegate.oci.target import parse_target
from tidegate.oci.write import write_image
from tidegate.scan import forked
from tidegate.scan.cataloger import Cataloger, ImageFile
from tidegate.scan.image import scan_image
from tidegate.scan.limits import ScanLimits
from tidegate.wire import to_msgpack

LAYERS = 5
LAYER_BYTES = 2_000_000


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    noise = random.Random(5)
    folder = tmp_path_factory.mktemp("layers") / "image"
    built = []
    for number in range(LAYERS):
        builder = LayerBuilder().file("var/db/packages", f"one {number}\n")
        builder.file(f"srv/{number}", noise.randbytes(LAYER_BYTES)).file(f"usr/bin/{number}", b"HUSH %d" % number)
        built.append(builder.build())
    write_image(folder, "latest", built)
    return folder


@pytest.fixture
def image(layout: Path) -> Iterator[Image]:
    with open_target(parse_target(f"oci:{layout}:latest")) as opened:
        assert not isinstance(opened, Folder)
        yield opened


def scanned(
    image: Image, *, workers: int, limits: ScanLimits | None = None, cataloger: Cataloger | None = None
) -> Inventory:
    roster = (cataloger or LineCataloger(),)
    return scan_image(image, store=None, roster=roster, secrets=WordScanner(), limits=limits, workers=workers)


@pytest.fixture(autouse=True)
def alone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads of the test runner hold nothing that a forked process needs."""
    if "several_threads" not in request.node.name:
        monkeypatch.setattr(threading, "active_count", lambda: 1)


@pytest.fixture(autouse=True)
def nobody_is_left() -> Iterator[None]:
    before = children()
    yield
    assert children() == before


def children() -> set[str]:
    """Processes of ours, ended ones that nobody waited for among them."""
    return {pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()}


def open_files() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


class InWhichProcess(LineCataloger):
    """Notes the process it runs in as a version."""

    def catalog(self, file: ImageFile) -> FileFacts:
        return super().catalog(ImageFile(path=file.path, content=b"pid %d" % os.getpid()))


class Deadly(LineCataloger):
    """Kills the process it runs in, unless that is the one that made it."""

    def __init__(self) -> None:
        self._maker = os.getpid()

    def catalog(self, file: ImageFile) -> FileFacts:
        if os.getpid() != self._maker:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().catalog(file)


def test_facts_are_those_of_one_process(image: Image) -> None:
    assert forked.can_fork(image.layers)
    expected = to_msgpack(scanned(image, workers=1))
    assert to_msgpack(scanned(image, workers=2)) == expected
    assert to_msgpack(scanned(image, workers=16)) == expected


def test_layers_are_read_in_other_processes(image: Image) -> None:
    found = scanned(image, workers=2, cataloger=InWhichProcess())
    assert {it.version for it in found.components} != {str(os.getpid())}
    alone = scanned(image, workers=1, cataloger=InWhichProcess())
    assert {it.version for it in alone.components} == {str(os.getpid())}


def test_what_goes_wrong_is_raised_as_it_is(image: Image) -> None:
    limits = ScanLimits(max_entries=3)
    with pytest.raises(BoundExceededError) as alone:
        scanned(image, workers=1, limits=limits)
    with pytest.raises(BoundExceededError) as among_others:
        scanned(image, workers=2, limits=limits)
    assert among_others.value.bound == alone.value.bound == "max_entries"


def test_a_killed_process_is_told(image: Image) -> None:
    with pytest.raises(OutsideError, match="ended with -9"):
        scanned(image, workers=2, cataloger=Deadly())


def test_who_stops_asking_leaves_nobody_behind(image: Image) -> None:
    from tidegate.scan.analyser import Analyser

    analyser = Analyser(roster=(LineCataloger(),), secrets=WordScanner(), limits=ScanLimits(), workers=2)
    reading = forked.read_in_processes(image.layers, analyser)
    next(reading)
    reading.close()  # type: ignore[attr-defined]  # it is a generator


def test_a_process_of_several_threads_is_not_forked(image: Image) -> None:
    done = threading.Event()
    other = threading.Thread(target=done.wait)
    other.start()
    try:
        assert not forked.can_fork(image.layers)
        assert scanned(image, workers=2).components
    finally:
        done.set()
        other.join()


def test_no_descriptor_stays_open(image: Image) -> None:
    before = open_files()
    scanned(image, workers=2)
    with pytest.raises(BoundExceededError):
        scanned(image, workers=2, limits=ScanLimits(max_entries=3))
    assert open_files() == before
