# SPDX-License-Identifier: Apache-2.0
"""A whole server, and `tidegate cluster watch` that reports to it as a robot."""

import json
import os
import signal
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

sys.path.append(str(Path(__file__).parents[1] / "server"))

from api_server import ApiServer

TOKEN = "t0ken-of-this-test"
NAME = "prod"


class Watched:
    """A server, and a watcher that can be killed and started again.

    Args:
        folder: of both.
        kubeconfig: of the cluster.
        environment: of the server, beside its own.
    """

    def __init__(self, folder: Path, kubeconfig: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self._home = folder / "server"
        self._home.mkdir()
        self._kubeconfig = kubeconfig
        self._environment = dict(environment or {})
        self._port = 0
        self.address = ""
        self._login = folder / "login.json"
        self.watcher: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.serve()
        made = self.root.post("/principals", json={"kind": "robot", "name": NAME, "days": 1})
        assert made.status_code == 201, made.text
        robot = (made.json()["principal"]["name"], made.json()["secret"])
        grant = {"holder": robot[0], "pattern": "**", "verbs": ["report"]}
        assert self.root.post("/grants", json=grant).status_code == 201
        word = b64encode(":".join(robot).encode()).decode()
        self._login.write_text(json.dumps({"auths": {self.address.removeprefix("http://"): {"auth": word}}}))
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self.watcher is not None:
                self.end_watcher()
        finally:
            self._server.__exit__()

    def serve(self) -> None:
        """Serves, at the same address as before."""
        port = int(self.address.rpartition(":")[2] or 0)
        self._server = ApiServer(self._home, token=TOKEN, environment=self._environment, port=port)
        self._server.__enter__()
        self.address = self._server.address
        self.root = self._server.client(("root", TOKEN))

    def kill_server(self) -> None:
        """Ends it as a crash would."""
        self._server.process.kill()
        self._server.process.wait(60)
        self._server.__exit__()

    def watch(self, **more: str) -> None:
        """Starts the watcher."""
        environment = {
            **os.environ,
            "TIDEGATE_HOME": str(self.folder / "watcher"),
            "TIDEGATE_CLIENT_SERVER": self.address,
            "TIDEGATE_CLIENT_LOGIN_FILE": str(self._login),
            **more,
        }
        command = [sys.executable, "-m", "tidegate", "cluster", "watch", "--name", NAME]
        with (self.folder / "watcher.log").open("ab") as log:
            self.watcher = subprocess.Popen(
                [*command, "--kubeconfig", str(self._kubeconfig)], env=environment, stdout=log, stderr=log
            )

    def kill_watcher(self) -> None:
        """Ends it as a crash would."""
        assert self.watcher is not None
        self.watcher.kill()
        self.watcher.wait(60)
        self.watcher = None

    def end_watcher(self) -> int:
        """Tells it to end; its exit status."""
        assert self.watcher is not None
        self.watcher.send_signal(signal.SIGTERM)
        status = self.watcher.wait(60)
        self.watcher = None
        return status

    def running(self) -> list[dict[str, Any]]:
        """What the server knows to run in the cluster."""
        answer = self.root.get(f"/nodes/{NAME}/containers")
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["containers"]
        return found

    def pods(self) -> set[tuple[str, str]]:
        """Pods and containers in it."""
        return {(one["container"]["pod"], one["container"]["name"]) for one in self.running()}

    def wait_for(self, true: Callable[[], object], what: str, *, seconds: float = 120) -> None:
        """Until it is so."""
        ends = time.monotonic() + seconds
        while not true():
            log = (self.folder / "watcher.log").read_text()[-2000:]
            assert time.monotonic() < ends, f"{what}\n{log}\n{(self._home / 'server.log').read_text()[-2000:]}"
            assert self.watcher is None or self.watcher.poll() is None, log
            time.sleep(0.05)
