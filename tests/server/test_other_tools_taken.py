# SPDX-License-Identifier: Apache-2.0
"""Falco and a Kubernetes API server tell a whole server, as somebody who may report."""

from pathlib import Path

import httpx
from access_material import TOKEN
from api_server import ApiServer

_ALERT = {"hostname": "n-1", "output": "o", "priority": "Critical", "rule": "r", "time": "2026-11-30T10:00:00.1Z"}
_EVENT = {
    "auditID": "one",
    "stage": "ResponseComplete",
    "verb": "create",
    "user": {"username": "eve"},
    "objectRef": {"resource": "pods", "namespace": "shop", "name": "web-0", "subresource": "exec"},
}
_LIST = {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": [_EVENT, _EVENT]}


def test_each_is_taken_once_from_who_may_report(tmp_path: Path) -> None:
    with ApiServer(tmp_path, token=TOKEN) as server:
        root = server.client(("root", TOKEN))
        made = root.post("/principals", json={"kind": "robot", "name": "falco", "days": 1}).json()
        robot = server.client((made["principal"]["name"], made["secret"]))
        assert robot.post("/observations/falco", json=_ALERT).status_code == 403
        root.post("/grants", json={"holder": made["principal"]["name"], "pattern": "**", "verbs": ["report"]})
        assert [robot.post("/observations/falco", json=_ALERT).json()["new"] for _ in range(2)] == [1, 0]
        assert [robot.post("/observations/kubernetes", json=_LIST).json()["new"] for _ in range(2)] == [1, 0]
        assert robot.post("/observations/falco", content=b"x" * (256 * 1024 + 1)).status_code == 413
        assert robot.post("/observations/falco", json={}).status_code in {400, 422}
        assert len(incidents(root, 2)) == 2


def incidents(root: httpx.Client, count: int) -> list[object]:
    """Once there are so many: events are waited for, a minute each at most."""
    after = found = 0
    while found < count:
        page = root.get("/events", params={"after": after, "wait": 60}).json()
        assert page["events"], "no incident within a minute"
        found += sum(one["event"]["type"].endswith("incident.opened") for one in page["events"])
        after = page["next"]
    return list(root.get("/incidents").json()["incidents"])
