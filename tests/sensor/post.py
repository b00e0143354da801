# SPDX-License-Identifier: Apache-2.0
"""A whole server, and a sensor that reports to it as a robot."""

import json
import os
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import httpx
from api_server import ApiServer
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from node import Sensor

TOKEN = "t0ken-of-this-test"
NODE = "node-1"
_PASSWORD = "correct horse battery staple"
POLICY = """apiVersion: tidegate.dev/v1
kind: ResponsePolicy
metadata: {name: tests}
spec:
  rules:
    - name: foreign
      acts: [executed]
      containers: ["hot*"]
      steps: [label, isolate]
      alone: true
    - name: recalled
      acts: [recalled]
      steps: [freeze]
      workloadPercent: 100
  limits: {perNode: 20, namespacePercent: 100, workloadPercent: 100}
"""


class Post:
    """The server's side; a port of its own, so that it can go and come back.

    Args:
        folder: of the server's home, the sensor's login and settings.
    """

    def __init__(
        self, folder: Path, *, policy: str = POLICY, silent_seconds: int = 15, more: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.home = folder / "server"
        self.home.mkdir()
        (folder / "response.yaml").write_text(policy)
        self._environment = {
            "TIDEGATE_EXECUTION_RESPONSE_FILES": str(folder / "response.yaml"),
            "TIDEGATE_EXECUTION_NODE_SILENT_S": str(silent_seconds),
            "TIDEGATE_EXECUTION_ROGUE_MODE": "observe",
            **(more or {}),
        }
        self.address = ""
        self._robot = ("", "")

    def __enter__(self) -> Self:
        self.start()
        try:
            self._set_up()
        except BaseException:
            self.stop()
            raise
        return self

    def _set_up(self) -> None:
        self._robot = self.add_robot(NODE, "report")
        for name in ("anna", "bob"):
            user = {"kind": "user", "name": name, "password": _PASSWORD}
            assert self.root.post("/principals", json=user).status_code == 201
            self._grant(name, "respond", "approve", "audit")

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Serves, at the same address as before."""
        port = int(self.address.rpartition(":")[2] or 0)
        self._server = ApiServer(self.home, token=TOKEN, environment=self._environment, port=port)
        self._server.__enter__()
        self.address = self._server.address
        self.root = self._server.client(("root", TOKEN))

    def stop(self) -> None:
        """Ends it."""
        self._server.__exit__()

    def kill(self) -> None:
        """Ends it as a crash would."""
        self._server.process.kill()
        self._server.process.wait(60)
        self.stop()

    def person(self, name: str) -> httpx.Client:
        """The API as one of two people."""
        return self._server.client((name, _PASSWORD))

    def robot(self) -> httpx.Client:
        """The API as the node."""
        return self._server.client(self._robot)

    def sensor(self, rules: str, more: Mapping[str, str] | None = None) -> Sensor:
        """A sensor of the node."""
        login = self.folder / "login.json"
        self._log_in(login, self._robot)
        public = load_pem_private_key((self.home / "keys/signing.pem").read_bytes(), None).public_key()
        key = self.folder / "server.pub"
        key.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        environment = {
            "TIDEGATE_CLIENT_SERVER": self.address,
            "TIDEGATE_CLIENT_LOGIN_FILE": str(login),
            "TIDEGATE_SENSOR_NODE": NODE,
            "TIDEGATE_SENSOR_SERVER_KEYS": str(key),
            "TIDEGATE_EXECUTION_RESPONSE_FILES": str(self.folder / "response.yaml"),
            **(more or {}),
        }
        home = self.folder / "node"
        home.mkdir(exist_ok=True)
        return Sensor(home, rules, environment)

    def add_robot(self, name: str, *verbs: str) -> tuple[str, str]:
        """A robot that may do so much: its name and secret."""
        made = self.root.post("/principals", json={"kind": "robot", "name": name, "days": 1})
        assert made.status_code == 201, made.text
        robot = (made.json()["principal"]["name"], made.json()["secret"])
        self._grant(robot[0], *verbs)
        return robot

    def robot_login(self, name: str, *verbs: str) -> Path:
        """The file of a login of a robot that may do so much."""
        file = self.folder / f"login-{name}.json"
        self._log_in(file, self.add_robot(name, *verbs))
        return file

    def command(self, who: str, *words: str) -> "subprocess.CompletedProcess[str]":
        """Runs `tidegate` as one of two people at a machine of their own."""
        home = self.folder / who
        home.mkdir(exist_ok=True)
        self._log_in(home / "login.json", (who, _PASSWORD))
        environment = {
            **os.environ,
            "TIDEGATE_HOME": str(home),
            "TIDEGATE_CLIENT_SERVER": self.address,
            "TIDEGATE_CLIENT_LOGIN_FILE": str(home / "login.json"),
        }
        command = [sys.executable, "-m", "tidegate", *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)

    def _log_in(self, file: Path, login: tuple[str, str]) -> None:
        word = b64encode(":".join(login).encode()).decode()
        file.write_text(json.dumps({"auths": {self.address.removeprefix("http://"): {"auth": word}}}))

    def events(self, kind: str) -> list[dict[str, Any]]:
        """All of a kind, oldest first."""
        found: list[dict[str, Any]] = []
        after = 0
        while True:
            page = self.root.get("/events", params={"after": after, "limit": 1000}).json()
            found += [one["event"] for one in page["events"] if one["event"]["type"] == f"dev.tidegate.{kind}"]
            if not page["events"]:
                return found
            after = page["next"]

    def seen(self, **wanted: object) -> list[dict[str, Any]]:
        """Observations on record with these values; `name` is that of the container."""
        name = wanted.pop("name", None)
        found = [one["data"]["observation"] for one in self.events("execution.observation.made")]
        found = [one for one in found if name is None or (one["container"] or {}).get("name") == name]
        quiet = {"shell", "unadmitted"}  # every test runs shells, of images that nobody admitted
        found = [one for one in found if one["act"] not in quiet or "act" in wanted]
        return [one for one in found if all(one[key] == value for key, value in wanted.items())]

    def wait_for(self, true: Callable[[], object], *, seconds: float = 240) -> None:
        """Until the record makes it true."""
        ends = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < ends, (self.home / "server.log").read_text()[-3000:]
            time.sleep(0.05)

    def wait_for_container(self, name: str) -> str:
        """The id of a container that the server was told of."""
        found: list[str] = []

        def known() -> list[str]:
            page = self.root.get(f"/nodes/{NODE}/containers").json()["containers"]
            found[:] = [one["container"]["id"] for one in page if one["container"]["name"] == name]
            return found

        self.wait_for(known)
        return found[0]

    def responses(self, **wanted: object) -> list[dict[str, Any]]:
        """Responses on record with these values."""
        page = self.root.get("/responses").json()["responses"]
        return [one for one in page if all(one[key] == value for key, value in wanted.items())]

    def _grant(self, holder: str, *verbs: str) -> None:
        grant = {"holder": holder, "pattern": "**", "verbs": list(verbs)}
        answer = self.root.post("/grants", json=grant)
        assert answer.status_code == 201, answer.text
