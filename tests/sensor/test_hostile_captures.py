# SPDX-License-Identifier: Apache-2.0
"""What a container may do to whoever captures it: wait, lead astray, grow, vanish, and call its files anything."""

import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from threading import Event as Flag
from typing import Any

import pytest

from tidegate.artifact import Digest
from tidegate.clock import system_clock
from tidegate.errors import NotFoundError, OutsideError, TidegateError
from tidegate.execution.capture import Capture, CapturedContainer, CapturedProcess, OpenFile
from tidegate.execution.capture_archive import MAX_OVERVIEW_BYTES
from tidegate.execution.observation import Container
from tidegate.execution.order import Order
from tidegate.execution.response_policy import Step
from tidegate.sensor.forensics import processes as told
from tidegate.sensor.forensics import sending, written
from tidegate.sensor.forensics.capturing import Wanted, capture
from tidegate.sensor.forensics.memory import MemoryChoice
from tidegate.sensor.forensics.redaction import Redaction
from tidegate.sensor.forensics.sockets import MAX_HOLDERS, _holders
from tidegate.sensor.forensics.written import Written
from tidegate.values import replace
from tidegate.wire import to_json

BOX = Container(id="ab" * 32, name="web")


class Stand:
    """An upper folder, one of the image, and a place outside of both."""

    def __init__(self, folder: Path) -> None:
        self.upper, self.lower, self.outside = (folder / name for name in ("upper", "lower", "outside"))
        for one in (self.upper, self.lower, self.outside):
            one.mkdir()
        (self.outside / "secret").write_text("of the node")
        self.left_out: list[str] = []

    def write(self, sink: io.BytesIO | None = None) -> tuple[Written, dict[str, tarfile.TarInfo]]:
        sink = sink or io.BytesIO()
        made = Written(self.upper, [str(self.lower)], self.left_out)
        made.write(sink)
        self.layer = sink.getvalue()
        with tarfile.open(fileobj=io.BytesIO(self.layer)) as tar:
            return made, {one.name: one for one in tar}


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path)


def _when_seen(monkeypatch: pytest.MonkeyPatch, name: str, act: Callable[[], object]) -> None:
    """Has the container act in the moment after an entry was looked at."""
    seen = os.stat

    def look(path: Any, **more: Any) -> os.stat_result:
        state = seen(path, **more)
        if path == name and "dir_fd" in more:
            monkeypatch.undo()
            act()
        return state

    monkeypatch.setattr(os, "stat", look)


def test_a_pipe_in_the_place_of_a_file_holds_nobody_up(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    file = stand.upper / "file"
    file.write_text("a")
    (stand.upper / "other").write_text("b")

    def swap() -> None:
        file.unlink()
        os.mkfifo(file)

    _when_seen(monkeypatch, "file", swap)
    made, names = stand.write()
    assert set(names) == {"other"}
    assert [one.path for one in made.changes] == ["/other"]
    assert stand.left_out == ["/file: became something else while it was looked at"]


@pytest.mark.parametrize("name", ["folder", "folder/inner"])
def test_no_link_in_the_place_of_a_folder_leads_out(stand: Stand, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    place = stand.upper / name
    place.mkdir(parents=True)
    (place / "secret").write_text("of the container")

    def swap() -> None:
        place.rename(stand.upper / "moved")
        place.symlink_to(stand.outside)

    _when_seen(monkeypatch, name.rpartition("/")[2], swap)
    _, names = stand.write()
    assert f"{name}/secret" not in names
    assert b"of the node" not in stand.layer
    assert any(one.startswith(f"/{name}: ") for one in stand.left_out)


def test_links_of_the_image_lead_nowhere_either(stand: Stand) -> None:
    (stand.lower / "folder").symlink_to(stand.outside)
    (stand.upper / "folder").mkdir()
    (stand.upper / "folder" / "secret").write_text("of the container")
    made, _ = stand.write()
    assert {one.path: one.change for one in made.changes}["/folder/secret"] == "added"


def test_a_file_that_is_made_to_be_huge_pushes_no_other_out(stand: Stand) -> None:
    with (stand.upper / "a-huge").open("wb") as file:
        file.truncate(written.MAX_WRITTEN_BYTES + 1)
    with (stand.upper / "b-large").open("wb") as file:
        file.truncate(written.LARGE_BYTES + 1)
    (stand.upper / "z-small").write_text("the program that was dropped")
    made, names = stand.write()
    assert list(names) == ["z-small", "b-large"]
    assert {one.path: one.digest is not None for one in made.changes} == {
        "/z-small": True,
        "/b-large": True,
        "/a-huge": False,
    }
    assert [one.partition(":")[0] for one in stand.left_out] == ["/a-huge"]


def test_names_may_be_anything(stand: Stand) -> None:
    odd = ["new\nline", "\x1b[31mred", "\udcff\udcfe", " ", "-rf", "ü" * 100, "a" * 255]
    for name in odd:
        (stand.upper / name).write_text("x")
    (stand.upper / ".wh.passwd").write_text("not a word of the runtime")
    os.mkfifo(stand.upper / "pipe")
    (stand.upper / "link").symlink_to("/etc/\nshadow")
    made, names = stand.write()
    assert set(names) == {*odd, "pipe", "link"}
    assert names["link"].linkname == "/etc/\nshadow"
    paths = {one.path for one in made.changes}
    assert all(path.isprintable() for path in paths)
    assert {"/new\\nline", "/.wh.passwd", "/pipe", "/link"} <= paths
    assert [one.partition(":")[0] for one in stand.left_out] == ["/.wh.passwd"]


def test_devices_are_told_and_never_opened(stand: Stand) -> None:
    try:
        os.mknod(stand.upper / "disk", 0o600 | 0o060000, os.makedev(1, 0))
        os.mknod(stand.upper / "gone", 0o020000, os.makedev(0, 0))
    except PermissionError:
        pytest.skip("only root makes devices")
    made, names = stand.write()
    assert (names["disk"].isblk(), names["disk"].devmajor) == (True, 1)
    assert set(names) == {"disk", ".wh.gone"}
    assert {(one.path, one.change, one.kind) for one in made.changes} == {
        ("/disk", "added", "device"),
        ("/gone", "removed", ""),
    }


def test_folders_without_end_and_names_without_number_come_to_an_end(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = os.open(stand.upper, os.O_RDONLY)
    for _ in range(written.MAX_DEPTH + 50):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    made, _ = stand.write()
    assert len(made.changes) == written.MAX_DEPTH + 1
    assert "depth" in stand.left_out[0]
    monkeypatch.setattr(written, "MAX_NAMES_BYTES", 1000)
    stand.left_out.clear()
    made, _ = stand.write()
    assert sum(len(one.path) for one in made.changes) < 2000
    assert "paths are over the bound" in stand.left_out[0]


def test_a_file_under_two_names_is_kept_once(stand: Stand) -> None:
    (stand.upper / "a").write_text("x" * 1000)
    os.link(stand.upper / "a", stand.upper / "b")
    made, names = stand.write()
    assert (names["b"].islnk(), names["b"].linkname) == (True, "a")
    assert {one.path for one in made.changes} == {"/a", "/b"}


def test_what_processes_tell_is_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(told, "MAX_TOLD_BYTES", 2000)
    left_out: list[str] = []
    found = told.captured_processes([os.getpid()] * 3, Redaction(), lambda _: "", left_out)
    assert [one.pid for one in found] == [os.getpid()] * 3
    assert all(not one.maps and not one.environment for one in found)
    assert len([one for one in left_out if "over 2000 bytes" in one]) == 3


def test_one_program_is_hashed_once_and_not_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    left_out: list[str] = []
    program = Path(f"/proc/{os.getpid()}/exe")
    programs = told._Programs(left_out)
    first = programs.digest(program)
    monkeypatch.setattr("hashlib.file_digest", None)
    assert programs.digest(program) == first != ""
    monkeypatch.setattr(told, "MAX_HASHED_BYTES", 10)
    assert told._Programs(left_out).digest(program) == ""
    assert len(left_out) == 1


def test_a_process_that_vanishes_is_told_and_costs_nothing_else() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait(60)
    left_out: list[str] = []
    found = told.captured_processes([gone.pid, os.getpid()], Redaction(), lambda _: "", left_out)
    assert [one.pid for one in found] == [os.getpid()]
    assert left_out[0].startswith(f"process {gone.pid}: ")


def test_what_got_the_number_of_a_process_is_not_captured(tmp_path: Path) -> None:
    wanted = Wanted(node="n", container=CapturedContainer(id=BOX.id), pids=(os.getpid(),), memory=MemoryChoice.NONE)
    with pytest.raises(NotFoundError):
        capture(wanted, tmp_path / "c.tar", system_clock, is_of=lambda _: False)
    assert list(tmp_path.iterdir()) == []


def test_a_socket_that_all_share_is_told_with_some_of_them() -> None:
    one = CapturedProcess(
        pid=1, parent=0, inner=1, name="a", started_at="", command=(), program="", origin="", program_digest="",
        folder="", users=(), groups=(), capabilities="", seccomp=0, threads=1, environment={},
        files=(OpenFile(descriptor=3, target="socket:[7]"), OpenFile(descriptor=4, target="socket:[7]")), maps=(),
    )  # fmt: skip
    held = _holders([replace(one, pid=number) for number in range(5000)])
    assert held == {"7": tuple(range(MAX_HOLDERS))}


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (["curl", "-u", "anna:mark-7", "https://x"], "anna:"),
        (["curl", "-H", "Authorization: Bearer mark-7"], "Authorization"),
        (["curl", "-H", "X-Api-Key: mark-7"], "X-Api-Key"),
        (["sh", "-c", "export DB_PASSWORD=mark-7; run --port 80"], "--port 80"),
        (["sh", "-c", "API_TOKEN='mark-7' exec app"], "API_TOKEN="),
        (["app", '{"clientSecret": "mark-7", "mode": "prod"}'], "prod"),
        (["app", "--password", "mark-7"], "--password"),
        (["app", "postgres://anna:mark-7@db/x"], "@db/x"),
    ],
)
def test_secrets_in_words_are_taken_out_wherever_they_stand(words: list[str], kept: str) -> None:
    shown = " ".join(Redaction().command(words))
    assert "mark-7" not in shown
    assert kept in shown


def test_secrets_in_environments_are_taken_out_whatever_they_begin_with() -> None:
    pairs = {"KUBERNETES_TOKEN": "mark-7", "KUBERNETES_SERVICE_HOST": "10.0.0.1", "PATH": "/bin", "MODE": "prod"}
    shown = Redaction().environment(iter(pairs.items()))
    assert "mark-7" not in shown["KUBERNETES_TOKEN"]
    assert {name: shown[name] for name in pairs if name != "KUBERNETES_TOKEN"} == {
        name: value for name, value in pairs.items() if name != "KUBERNETES_TOKEN"
    }


def test_an_overview_is_one_that_a_server_takes_whatever_files_are_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ["\x01" * 4000] * 5000
    monkeypatch.setattr(
        "tidegate.sensor.forensics.capturing.captured_sockets", lambda *args: args[2].extend(lines) or []
    )
    wanted = Wanted(node="n", container=CapturedContainer(id=BOX.id), pids=(os.getpid(),), memory=MemoryChoice.NONE)
    _, overview = capture(wanted, tmp_path / "c.tar", system_clock)
    assert len(to_json(overview)) < MAX_OVERVIEW_BYTES
    assert overview.left_out[-1].startswith("and ")


def test_a_process_that_has_its_readers_wait_holds_up_no_later_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, began = Flag(), Flag()

    def waits(*_: object, **__: object) -> tuple[Digest, Capture]:
        began.set()
        assert go_on.wait(120)
        raise NotFoundError("it does not run any more")

    monkeypatch.setattr(sending, "capture", waits)
    monkeypatch.setattr(sending, "MAX_SECONDS", 0.05)
    captures = sending.CapturesToSend(tmp_path, None, "n")  # type: ignore[arg-type]  # nothing is sent
    try:
        with pytest.raises(OutsideError, match="not done after"):
            captures.take(_order(), (BOX, (1,)))
        assert began.wait(120)
        with pytest.raises(OutsideError, match="not done yet"):
            captures.take(_order(), (BOX, (1,)))
    finally:
        go_on.set()
    monkeypatch.setattr(sending, "MAX_SECONDS", 120.0)
    while True:
        with pytest.raises(TidegateError) as refused:
            captures.take(_order(), (BOX, (1,)))
        if isinstance(refused.value, NotFoundError):
            break


def test_a_disk_is_not_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "MIN_FREE_BYTES", 1 << 62)
    captures = sending.CapturesToSend(tmp_path, None, "n")  # type: ignore[arg-type]  # nothing is sent
    with pytest.raises(OutsideError, match="are free"):
        captures.take(_order(), (BOX, (1,)))


def _order() -> Order:
    return Order(
        id="0" * 32,
        node="n",
        container=BOX.id,
        step=Step.CAPTURE,
        issued_at="2026-01-01T00:00:00Z",
        expires_at="2026-01-01T00:05:00Z",
    )
