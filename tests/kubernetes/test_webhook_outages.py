# SPDX-License-Identifier: Apache-2.0
"""Everything around the webhook is killed in turn while a cluster is busy: who is admitted gets in, and nobody else."""

import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from threading import Event, Lock

import httpx
import pytest
from webhook_cluster import asking, pod

from cluster import Cluster
from postgres_server import PostgresServer, postgres_server
from webhook_process import WebhookProcess

sys.path.append(str(Path(__file__).parents[1] / "journey"))

from whole_server import WholeServer, python_image

WORKERS = 3
ENOUGH = 20
"""Pods of either kind that are tried in each state."""


@dataclass
class Load:
    """Developers who create pods that are admitted, and pods that are not, without end."""

    cluster: Cluster
    admitted: str
    wrong: list[str] = field(default_factory=list)
    tried: int = 0
    _stop: Event = field(default_factory=Event)
    _lock: Lock = field(default_factory=Lock)
    _numbers: Iterator[int] = field(default_factory=count)

    def run(self, client: httpx.Client) -> None:
        while not self._stop.is_set():
            with self._lock:
                number = next(self._numbers)
            for image, wanted in ((self.admitted, 201), ("team/unknown:1", 403)):
                document = pod(f"load-{number}", image)
                answer = client.post("/api/v1/namespaces/default/pods", json=document)
                if answer.status_code != wanted:
                    self.wrong.append(f"{image}: {answer.status_code} {answer.text[:300]}")
            client.delete(f"/api/v1/namespaces/default/pods/load-{number}?gracePeriodSeconds=0")
            with self._lock:
                self.tried += 1

    def more(self) -> None:
        """Waits until enough was tried from here on."""
        wanted = self.tried + ENOUGH
        self.cluster.wait(lambda: self.tried >= wanted or self.wrong, "the load", seconds=240)
        assert not self.wrong, self.wrong[:3]

    def stop(self) -> None:
        self._stop.set()


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


def test_whatever_is_killed_who_is_admitted_gets_in_and_nobody_else(
    apiserver: Cluster, postgres: PostgresServer
) -> None:
    with tempfile.TemporaryDirectory(prefix="tg-outages-") as name:
        folder = Path(name)
        server = WholeServer(folder / "server", environment={"TIDEGATE_DATABASE_URL": postgres.url})
        with server:
            digest = python_image(folder / "image", "one", {"h11": "0.14.0"})
            server.push(folder / "image", "one", "team/app:1")
            assert server.verdict(digest)["state"] == "admitted"
            trusted = folder / "server.pub"
            trusted.write_text(server.api("/keys")["keys"][0]["public_key"])
            settings = {"CLIENT_SERVER": f"http://{server.address}"}
            with (
                WebhookProcess(folder / "webhook", trusted, settings=settings) as webhook,
                asking(apiserver, webhook) as asked,
            ):
                known = pod("known", "team/app:1")
                apiserver.wait(lambda: asked.create(known, dry=True).code == 0, "the verdict", seconds=120)
                _under_load(apiserver, f"registry.example/team/app@{digest}", server, postgres)


def _under_load(apiserver: Cluster, image: str, server: WholeServer, postgres: PostgresServer) -> None:
    load = Load(cluster=apiserver, admitted=image)
    clients = [apiserver.client("developer") for _ in range(WORKERS)]
    with ThreadPoolExecutor(WORKERS) as pool:
        try:
            runs = [pool.submit(load.run, client) for client in clients]
            acts: tuple[Callable[[], object], ...] = (
                lambda: None,
                postgres.stop,
                postgres.start,
                server.process.kill,  # the registry goes with it
                postgres.stop,
            )
            for act in acts:
                act()
                load.more()
        finally:
            load.stop()
    for run in runs:
        run.result()
    assert load.tried >= ENOUGH * len(acts)
    assert not load.wrong, load.wrong[:3]
