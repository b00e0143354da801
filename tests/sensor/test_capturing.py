# SPDX-License-Identifier: Apache-2.0
"""A capture of a real container has what ran, was open, was written and lay in memory, and proves itself."""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
import zstandard
from node import Podman

from tidegate.artifact import Digest
from tidegate.clock import system_clock
from tidegate.errors import InvalidInputError, NotFoundError
from tidegate.execution.capture import (
    Capture,
    CapturedContainer,
    CapturedProcess,
    CapturedSocket,
    ChangedFile,
)
from tidegate.execution.capture_archive import CaptureArchive, open_capture
from tidegate.sensor.containers import container_id
from tidegate.sensor.forensics.capturing import Wanted, capture
from tidegate.sensor.forensics.memory import MemoryChoice
from tidegate.values import replace

_SCRIPT = """
echo mark-of-this-test > /data/secret.txt
cp /bin/sleep /data/dropped
rm /bin/ls
cp /bin/true /bin/cat
mkdir -p /data/sub/folder; echo x > /data/sub/folder/file; ln -s /etc /data/link
rm -rf /dev/shm; mkdir /var; mkdir /var/empty
cp /bin/sleep /tmp/gone
/tmp/gone 1000 & rm /tmp/gone
exec 7< /data/secret.txt
/data/dropped 1000 &
exec /bin/sleep 1000
"""


def _pids(number: str) -> list[int]:
    found = []
    for path in Path("/proc").iterdir():
        try:
            if path.name.isdecimal() and container_id((path / "cgroup").read_text()) == number:
                found.append(int(path.name))
        except OSError:
            continue
    return sorted(found)


class Seized:
    """A container in which much happened."""

    def __init__(self, podman: Podman) -> None:
        options = [
            "-d",
            "--network",
            "none",
            "--name",
            "seized",
            "-e",
            "API_TOKEN=mark-of-the-token",
            "-e",
            "MODE=prod",
        ]
        words = ["run", *options, podman.image, "/bin/sh", "-c", _SCRIPT, "--password=mark-of-the-word"]
        self.id = podman.call(*words).stdout.strip()
        self.podman = podman

    @property
    def wanted(self) -> Wanted:
        container = CapturedContainer(id=self.id, name="seized", image=self.podman.image)
        return Wanted(
            node="node-1", container=container, pids=tuple(_pids(self.id)), reason="a test", events=('{"a":1}',)
        )


@pytest.fixture(scope="module")
def seized(podman: Podman) -> Iterator[Seized]:
    made = Seized(podman)
    deadline = datetime.now(UTC).timestamp() + 120
    while not {"dropped", "gone", "sleep"} <= {_name(pid) for pid in _pids(made.id)}:
        assert datetime.now(UTC).timestamp() < deadline
    yield made
    podman.call("rm", "-f", "-t", "0", "seized", check=False)


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


@pytest.fixture(scope="module")
def file(seized: Seized, tmp_path_factory: pytest.TempPathFactory) -> Path:
    to = tmp_path_factory.mktemp("capture") / "capture.tar"
    capture(seized.wanted, to, system_clock)
    return to


@pytest.fixture
def opened(file: Path) -> Iterator[CaptureArchive]:
    with open_capture(file) as archive:
        yield archive


@pytest.fixture
def processes(opened: CaptureArchive) -> dict[str, CapturedProcess]:
    return {one.name: one for one in opened.document("processes.json", list[CapturedProcess])}


def test_what_ran(opened: CaptureArchive, processes: dict[str, CapturedProcess]) -> None:
    overview = opened.document("capture.json", Capture)
    assert overview == opened.overview()
    assert (overview.node, overview.reason, overview.container.name) == ("node-1", "a test", "seized")
    assert overview.processes == 3
    assert set(overview.strange) == {"/data/dropped", "/tmp/gone (deleted)"}
    assert {name: one.origin for name, one in processes.items()} == {
        "sleep": "image", "dropped": "added", "gone": "removed",
    }  # fmt: skip
    gone = processes["gone"]
    sleep = shutil.which("sleep")
    assert sleep
    assert gone.program_digest == f"sha256:{sha256(Path(sleep).resolve().read_bytes()).hexdigest()}"
    assert processes["dropped"].parent == processes["sleep"].pid
    assert processes["sleep"].inner == 1
    assert processes["sleep"].started_at <= overview.ended_at
    assert (7, "/data/secret.txt") in {(file.descriptor, file.target) for file in processes["dropped"].files}
    assert any("x" in region.rights and region.path == "/data/dropped" for region in processes["dropped"].maps)


def test_secrets_are_taken_out(file: Path, opened: CaptureArchive, processes: dict[str, CapturedProcess]) -> None:
    environment = processes["sleep"].environment
    assert environment["MODE"] == "prod"
    assert environment["API_TOKEN"].startswith("[17 characters, ")
    assert environment["API_TOKEN"] == processes["dropped"].environment["API_TOKEN"]
    assert b"mark-of-the-token" not in file.read_bytes()
    assert opened.digest


def test_what_was_written_is_what_the_runtime_says(seized: Seized, opened: CaptureArchive) -> None:
    changes = opened.document("changes.json", list[ChangedFile])
    judged = json.loads(seized.podman.call("diff", "--format", "json", "seized").stdout)
    of_files = {one.path: one for one in changes}
    assert {path for path, one in of_files.items() if one.change == "removed"} >= {"/bin/ls"}
    assert set(judged["deleted"]) == {path for path, one in of_files.items() if one.change == "removed"}
    # What the runtime itself made for its mounts is no news to podman; folders on the way it calls changed.
    made = {path for path, one in of_files.items() if one.change == "added"}
    assert {path for path in judged["added"] if path not in made} == set()
    assert {path for path in made if path not in judged["added"]} <= {"/dev", "/etc", "/proc", "/run", "/sys"} | {
        path for path in made if path.startswith(("/etc/", "/run/", "/dev/"))
    }
    assert of_files["/bin/cat"].change == "changed"
    assert of_files["/data/dropped"].is_executable
    assert of_files["/data/secret.txt"].digest == Digest.of(b"mark-of-this-test\n")
    assert (of_files["/data/link"].kind, of_files["/data/sub/folder/file"].size) == ("link", 2)


def test_the_layer_is_one_that_tools_apply(opened: CaptureArchive) -> None:
    with opened.open("written.tar.zst") as source:
        packed = source.read(1 << 26)
    tar = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(packed)).read()
    with tarfile.open(fileobj=io.BytesIO(tar)) as entries:
        names = {entry.name for entry in entries}
    assert {"bin/.wh.ls", "data/secret.txt", "data/sub/folder/file", "bin/cat"} <= names
    bsdtar = shutil.which("bsdtar")
    if bsdtar is None:
        pytest.skip("install libarchive-tools")
    listed = subprocess.run([bsdtar, "-tf", "-"], input=packed, capture_output=True, check=True).stdout.decode()
    assert {name.rstrip("/") for name in listed.splitlines()} == names


def test_memory_of_strange_programs_is_kept(opened: CaptureArchive, processes: dict[str, CapturedProcess]) -> None:
    kept = [region for region in processes["dropped"].maps if region.part]
    assert kept
    with opened.open(kept[0].part) as source:
        data = zstandard.ZstdDecompressor().stream_reader(source).read()  # type: ignore[arg-type] # it reads
    assert len(data) == int(kept[0].end, 16) - int(kept[0].start, 16)
    assert data in Path(str(shutil.which("sleep"))).resolve().read_bytes() + b"\0" * len(data)
    assert not [region for region in processes["sleep"].maps if region.part]


def test_all_memory_has_what_was_in_it(seized: Seized, tmp_path: Path) -> None:
    wanted = replace(seized.wanted, memory=MemoryChoice.ALL)
    capture(wanted, tmp_path / "all.tar", system_clock)
    with open_capture(tmp_path / "all.tar") as archive:
        parts = [title for title in archive.parts if title.startswith("memory/")]
        found = False
        for title in parts:
            with archive.open(title) as source:
                found = found or b"mark-of-the-token" in zstandard.ZstdDecompressor().stream_reader(source).read()  # type: ignore[arg-type]
    assert found
    assert (tmp_path / "all.tar").stat().st_mode & 0o777 == 0o600


def test_sockets_are_told_with_who_holds_them(podman: Podman, tmp_path: Path) -> None:
    script = "exec /bin/sleep 1000"
    number = podman.call("run", "-d", "--network", "none", "--name", "quiet-one", podman.image, "/bin/sh", "-c", script)
    pids = _pids(number.stdout.strip())
    wanted = Wanted(node="n", container=CapturedContainer(id=number.stdout.strip()), pids=tuple(pids))
    capture(wanted, tmp_path / "a.tar", system_clock)
    with open_capture(tmp_path / "a.tar") as archive:
        assert archive.document("sockets.json", list[CapturedSocket]) == []
    podman.call("rm", "-f", "-t", "0", "quiet-one")


def test_every_change_of_the_file_is_seen(file: Path, tmp_path: Path) -> None:
    whole = file.read_bytes()
    with tarfile.open(file) as tar:
        places = [(member.name, member.offset_data, member.size) for member in tar if member.size]
    for name, start, size in places:
        if name == "oci-layout":
            continue
        at = start + size // 2
        changed = tmp_path / "changed.tar"
        changed.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(InvalidInputError), open_capture(changed) as archive:
            assert archive.digest != name


def test_what_does_not_run_any_more_is_told(seized: Seized, tmp_path: Path) -> None:
    gone = replace(seized.wanted, pids=(2**22 - 1,))
    with pytest.raises(NotFoundError, match="does not run any more"):
        capture(gone, tmp_path / "none.tar", system_clock)
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - names only


def test_the_command(seized: Seized, tmp_path: Path) -> None:
    def run(*words: str | Path) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "tidegate", "forensics", *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=240, cwd=tmp_path)

    done = run("capture", "seized", "-o", "seized.tar", "--why", "it was strange")
    assert done.returncode == 0, done.stderr
    assert "runs and is not of its image: /data/dropped" in done.stderr
    page = run("show", "seized.tar", "--format", "table")
    assert page.returncode == 0, page.stderr
    assert "strange   /data/dropped runs and is not of the image" in page.stdout
    assert "- /bin/ls" in page.stdout
    part = run("show", "seized.tar", "--part", "changes.json")
    assert "/data/secret.txt" in {one["path"] for one in json.loads(part.stdout)}
    assert run("show", "seized.tar", "--part", "no").returncode == 2
    assert run("capture", seized.id[:10], "-o", "again.tar").returncode == 0
    unknown = run("capture", "nobody-is-called-so", "-o", "none.tar")
    assert (unknown.returncode, "no such container runs here" in unknown.stderr) == (2, True)
