# SPDX-License-Identifier: Apache-2.0
"""`tidegate events` follows a server through its end and its start, waits for one event, and reads what was."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from access_material import PASSWORD, TOKEN
from api_server import ApiServer
from desk import Desk

from free_port import free_port


def _create(server: ApiServer, name: str) -> None:
    made = {"kind": "user", "name": name, "password": PASSWORD}
    assert server.client(("root", TOKEN)).post("/principals", json=made).status_code == 201


def _administrator(server: ApiServer, folder: Path) -> Desk:
    folder.mkdir()
    desk = Desk(folder, server.address)
    done = desk.run("login", "--username", "root", typed=TOKEN)
    assert done.returncode == 0, done.stderr
    return desk


def _lines(process: subprocess.Popen[str]) -> Iterator[dict[str, object]]:
    assert process.stdout is not None
    for line in process.stdout:
        yield json.loads(line)


def test_a_follower_goes_on_where_it_was_when_the_server_is_back(tmp_path: Path) -> None:
    home, port = tmp_path / "home", free_port()
    home.mkdir()
    with ExitStack() as stack:
        with ApiServer(home, token=TOKEN, port=port) as server:
            desk = _administrator(server, tmp_path / "desk")
            _create(server, "before")
            follower = desk.start("events", "tail", "--after", "0", "--kind", "oversight.principal")
            stack.enter_context(follower)
            stack.callback(follower.kill)
            told = _lines(follower)
            assert next(told)["subject"] == "before"
        with ApiServer(home, token=TOKEN, port=port) as server:
            _create(server, "after")
            event = next(told)
    assert (event["type"], event["subject"]) == ("dev.tidegate.oversight.principal.created", "after")
    assert event["data"] == {"name": "after", "kind": "user", "by": "root"}


def test_one_event_is_waited_for_and_in_vain_is_an_exit_status(tmp_path: Path, server: ApiServer) -> None:
    desk = _administrator(server, tmp_path / "desk")
    wanted = ("events", "tail", "--kind", "oversight.principal.created", "--subject", "nora", "--count", "1")
    waiting = desk.start(*wanted, "--after", "0")
    _create(server, "other")
    _create(server, "nora")
    out, _ = waiting.communicate(timeout=120)
    assert (waiting.returncode, [json.loads(line)["subject"] for line in out.splitlines()]) == (0, ["nora"])
    in_vain = desk.run(*wanted, "--timeout", "0.2")
    assert (in_vain.returncode, in_vain.stdout) == (1, "")


def test_what_was_is_read_page_by_page(tmp_path: Path, server: ApiServer) -> None:
    desk = _administrator(server, tmp_path / "desk")
    for name in ("olga", "paul"):
        _create(server, name)
    listed = desk.run("events", "list", "--kind", "oversight.principal.created", "--limit", "10000")
    subjects = [json.loads(line)["subject"] for line in listed.stdout.splitlines()]
    assert subjects[-2:] == ["olga", "paul"]
    one = desk.run("events", "list", "--subject", "olga", "--format", "table")
    assert ("oversight.principal.created" in one.stdout, one.stdout.count("\n")) == (True, 1), one.stdout
    wrong = desk.run("events", "list", "--kind", "curation.imagine")
    assert (wrong.returncode, "no event is called so" in wrong.stderr) == (2, True), wrong.stderr


@pytest.mark.parametrize("hostile", ["\x1b]0;owned\x07", "a\nb"])
def test_what_steers_a_terminal_is_shown_as_it_is_not(hostile: str) -> None:
    from tidegate.cli.event_line import event_line
    from tidegate.remote.events import RemoteEvent

    event = {"type": f"dev.tidegate.{hostile}", "subject": hostile, "time": hostile, "data": {"why": hostile}}
    line = "".join(text for text, _ in event_line(RemoteEvent(offset=1, event=event), columns=100))
    assert line.isprintable()
