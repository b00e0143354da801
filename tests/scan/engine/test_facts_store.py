# SPDX-License-Identifier: Apache-2.0
"""Kept facts come back whole or not at all: after damage, after a kill, for another analyser."""

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.artifact import Digest
from tidegate.errors import OutsideError
from tidegate.inventory import (
    FileFacts,
    LayerFacts,
    Link,
    LinkKind,
    Outcome,
    OutcomeStatus,
    Package,
    PackageKind,
    Version,
)
from tidegate.scan.facts_store import FactsStore

LAYER = Digest.of(b"layer")


def facts(*, analyser: str = "one", size: int = 1, tree: bytes = b"") -> LayerFacts:
    package = Package(kind=PackageKind.DEB, name="a", version=Version("1:2-3"), licenses=("MIT",))
    return LayerFacts(
        analyser=analyser,
        digest=LAYER,
        diff_id=Digest.of(b"tar"),
        size=size,
        entries=2,
        files=(FileFacts(path="x\U0010ff80", cataloger="c", packages=(package,)),),
        links=(Link(path="l", target="t", kind=LinkKind.HARD),),
        outcomes=(Outcome(plugin="c", status=OutcomeStatus.PARTIAL, location="x", reason="r"),),
        tree=tree,
    )


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_facts_come_back_as_they_were(tmp_path: Path) -> None:
    store = FactsStore(tmp_path / "deep" / "facts")
    assert store.layer(LAYER, "one") is None
    store.keep_layer(facts(tree=bytes(range(256)) * 100))
    assert store.layer(LAYER, "one") == facts(tree=bytes(range(256)) * 100)


def test_another_analyser_or_layer_finds_nothing(tmp_path: Path) -> None:
    store = FactsStore(tmp_path)
    store.keep_layer(facts())
    assert store.layer(LAYER, "two") is None
    assert store.layer(Digest.of(b"other"), "one") is None


def test_any_damage_is_a_miss_and_is_mended(tmp_path: Path) -> None:
    store = FactsStore(tmp_path)
    store.keep_layer(facts())
    (place,) = files_of(tmp_path)
    whole = place.read_bytes()
    for at in range(len(whole)):
        place.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert store.layer(LAYER, "one") is None
        place.write_bytes(whole[:at])
        assert store.layer(LAYER, "one") is None
    store.keep_layer(facts())
    assert store.layer(LAYER, "one") == facts()


@pytest.mark.property
@given(body=st.binary(max_size=60), length=st.integers(0, (1 << 64) - 1), is_packed=st.booleans())
@settings(deadline=None)
def test_noise_under_a_sound_sum_is_a_miss(body: bytes, length: int, *, is_packed: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = FactsStore(Path(folder))
        store.keep_layer(facts())
        (place,) = files_of(Path(folder))
        data = zlib.compress(body) if is_packed else body
        rest = (len(data) if is_packed else length).to_bytes(8, "little") + data
        place.write_bytes(b"tgfacts2" + hashlib.sha256(rest).digest() + rest)
        assert store.layer(LAYER, "one") is None


def test_facts_of_one_layer_under_the_name_of_another_are_a_miss(tmp_path: Path) -> None:
    store = FactsStore(tmp_path)
    store.keep_layer(facts())
    (place,) = files_of(tmp_path)
    store.keep_layer(facts(analyser="two"))
    other = next(path for path in files_of(tmp_path) if path != place)
    other.write_bytes(place.read_bytes())
    assert store.layer(LAYER, "two") is None


def test_a_folder_that_cannot_be_written_is_an_outside_error(tmp_path: Path) -> None:
    (tmp_path / "facts").write_text("in the way")
    with pytest.raises(OutsideError, match="facts cannot be kept"):
        FactsStore(tmp_path / "facts").keep_layer(facts())


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_facts_store import facts
from tidegate.scan.facts_store import FactsStore
store = FactsStore(Path(sys.argv[1]))
print("ready", flush=True)
size = 0
while True:
    size += 1
    store.keep_layer(facts(size=size, tree=bytes(size % 7) * 500_000))
    if size % 5 == 0:
        print(size, flush=True)
"""


@pytest.mark.parametrize("lines", [1, 2, 4, 7])
def test_a_kill_leaves_the_old_facts_or_the_new_ones(tmp_path: Path, lines: int) -> None:
    here = str(Path(__file__).parent)
    arguments = [sys.executable, "-c", WRITER, str(tmp_path / "facts"), here]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for _ in range(lines):
            last = writer.stdout.readline()
        os.kill(writer.pid, signal.SIGKILL)
    found = FactsStore(tmp_path / "facts").layer(LAYER, "one")
    if lines > 1:
        assert found is not None
        assert found.size >= int(last)
    if found is not None:
        assert found == facts(size=found.size, tree=bytes(found.size % 7) * 500_000)
