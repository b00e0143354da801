# SPDX-License-Identifier: Apache-2.0
"""A whole server tells NATS what happens, and takes in what Falco puts there, through kill -9 of either."""

import json
import threading
from pathlib import Path
from typing import Any

from access_material import TOKEN
from api_server import ApiServer

from nats_server import NatsServer, events_in, start_nats

_ALERT = {"hostname": "n-1", "output": "o", "priority": "Critical", "rule": "r", "time": "2026-11-30T10:00:00.1Z"}


def test_none_is_lost_when_either_is_killed(tmp_path: Path) -> None:
    with start_nats(tmp_path / "nats") as nats:
        nats.publish("FALCO", "falco", json.dumps(_ALERT).encode())
        environment = {"TIDEGATE_NATS_SERVERS": nats.url, "TIDEGATE_NATS_TAKE": "falco=FALCO"}
        made: list[str] = []
        for turn in range(3):
            with ApiServer(tmp_path, token=TOKEN, environment=environment) as server:
                root = server.client(("root", TOKEN))
                if turn == 1:
                    nats.kill()
                for number in range(5):
                    name = f"robot-{turn}-{number}"
                    assert root.post("/principals", json={"kind": "robot", "name": name, "days": 1}).status_code == 201
                    made.append(name)
                if turn == 1:
                    nats.start()
                if turn < 2:
                    server.process.kill()
                    continue
                opened = until_told(nats, "execution.incident.opened", 1)
                assert opened[0]["data"]["node"] == "n-1"
                created = until_told(nats, "oversight.principal.created", len(made))
        assert {one["subject"] for one in created} == {f"robot${name}" for name in made}


def until_told(nats: NatsServer, kind: str, count: int) -> list[dict[str, Any]]:
    """The events of a kind that the stream has, once there are so many with an id of their own; a minute at most."""
    pause = threading.Event()
    for _ in range(300):
        try:
            found = [one for one in events_in(nats.stored("TIDEGATE")) if one["type"] == f"dev.tidegate.{kind}"]
        except Exception:  # noqa: BLE001 - there is no stream yet
            found = []
        if len({one["id"] for one in found}) >= count:
            return found
        pause.wait(0.2)
    raise AssertionError(f"{kind}: {found}")
