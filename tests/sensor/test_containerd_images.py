# SPDX-License-Identifier: Apache-2.0
"""Which image a container of containerd runs: by a real containerd, and by files that are none of its."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from node import Podman

from tidegate.errors import InvalidInputError
from tidegate.sensor.bolt import Bolt
from tidegate.sensor.containerd import by_containerd
from tidegate.sensor.containers import Containers

IMAGE = "docker.io/library/own:1"
FIRST, SECOND = "a" * 64, "b" * 64
_CONFIG = """version = 2
root = "{folder}/lib"
state = "{folder}/run"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
address = "{folder}/socket"
"""


class Containerd:
    """A containerd of its own, with the client it brings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "config.toml").write_text(_CONFIG.format(folder=folder))
        self.log = (folder / "log").open("w")
        command = ["containerd", "--config", str(folder / "config.toml"), "--log-level", "warn"]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)

    def call(self, *words: str, check: bool = True) -> str:
        command = ["ctr", "--address", str(self.folder / "socket"), "--connect-timeout", "60s", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert not check or done.returncode == 0, done.stderr + (self.folder / "log").read_text()[-2000:]
        return done.stdout

    def digest(self) -> str:
        """What its name of the image means now."""
        (line,) = [line for line in self.call("images", "list").splitlines() if line.startswith(IMAGE)]
        return next(word for word in line.split() if word.startswith("sha256:"))

    def end(self) -> None:
        for number in (FIRST, SECOND):
            self.call("tasks", "kill", "--signal", "KILL", number, check=False)
            self.call("tasks", "delete", "--force", number, check=False)
            self.call("containers", "delete", number, check=False)
        self.process.terminate()
        self.process.wait(60)
        self.log.close()


@pytest.fixture(scope="module")
def containerd(podman: Podman) -> Iterator[Containerd]:
    if shutil.which("containerd") is None or shutil.which("ctr") is None:
        pytest.skip("containerd is missing: apt-get install containerd")
    with TemporaryDirectory(prefix="tg-", dir="/tmp") as name:  # the name of a socket is short
        folder = Path(name)
        for number in ("1", "2"):
            made = podman.call("create", Podman.image, "/bin/true").stdout.strip()
            podman.call("commit", "--change", f"LABEL of={number}", made, IMAGE)
            podman.call("save", "--format", "oci-archive", "-o", str(folder / f"{number}.tar"), IMAGE)
        running = Containerd(folder)
        try:
            yield running
        finally:
            running.end()


@pytest.mark.tools
def test_the_image_it_was_made_of_is_known_until_its_name_moves(containerd: Containerd) -> None:
    containerd.call("images", "import", str(containerd.folder / "1.tar"))
    first = containerd.digest()
    containerd.call("run", "--detach", IMAGE, FIRST, "/bin/sleep", "1000")
    found = Containers().running()[FIRST][0]
    assert (found.image, found.digest) == (IMAGE, first)
    containerd.call("images", "import", str(containerd.folder / "2.tar"))
    second = containerd.digest()
    assert second != first
    containerd.call("run", "--detach", IMAGE, SECOND, "/bin/sleep", "1000")
    now = Containers().running()
    # The first was made before the name moved: which image it was, the name does not tell any more.
    assert (now[FIRST][0].digest, now[SECOND][0].digest) == ("", second)
    assert now[FIRST][0].image == IMAGE


@pytest.mark.tools
def test_a_database_that_is_written_meanwhile_is_read(containerd: Containerd) -> None:
    database = containerd.folder / "lib/io.containerd.metadata.v1.bolt/meta.db"
    for number in range(40):
        containerd.call("namespaces", "create", f"n{number}")
        with Bolt(database) as opened:
            assert opened.get(b"v1", b"version") is not None
            assert opened.get(b"v1", f"n{number}".encode()) is None  # a bucket has no value
            assert opened.get(b"v1", f"n{number}".encode(), b"labels") is None
            assert opened.get(b"nothing", b"of", b"it") is None


@pytest.mark.property
@pytest.mark.tools
@settings(max_examples=150, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0, 1 << 17), st.binary(min_size=1, max_size=8)), max_size=12))
def test_a_broken_database_is_refused_or_tells_less(containerd: Containerd, changes: list[tuple[int, bytes]]) -> None:
    whole = (containerd.folder / "lib/io.containerd.metadata.v1.bolt/meta.db").read_bytes()
    broken = bytearray(whole)
    for at, said in changes:
        broken[at % len(broken) : at % len(broken) + len(said)] = said
    file = containerd.folder / "broken.db"
    file.write_bytes(bytes(broken))
    with Bolt(file) as opened, suppress(InvalidInputError):
        opened.get(b"v1", b"default", b"containers", FIRST.encode(), b"image")


@pytest.mark.parametrize("link", [None, "/", "relative/a/b/c", "/var/../lib/x/y/z", "/nowhere/r/n/id"])
def test_a_bundle_without_a_database_tells_nothing(tmp_path: Path, link: str | None) -> None:
    if link is not None:
        (tmp_path / "work").symlink_to(link)
    assert by_containerd(tmp_path, FIRST, Path("/")) is None


@pytest.mark.parametrize("content", [b"", b"x" * 10_000, b"\0" * 70_000])
def test_what_is_no_database_tells_nothing(tmp_path: Path, content: bytes) -> None:
    place = tmp_path / "lib/io.containerd.metadata.v1.bolt"
    place.mkdir(parents=True)
    (place / "meta.db").write_bytes(content)
    (tmp_path / "work").symlink_to("/lib/io.containerd.runtime.v2.task/default/" + FIRST)
    assert by_containerd(tmp_path, FIRST, tmp_path) is None
    with Bolt(place / "meta.db") as opened, pytest.raises(InvalidInputError, match="no bbolt file"):
        opened.get(b"v1")
