# SPDX-License-Identifier: Apache-2.0
"""A whole tidegate in a process of its own, as a user starts it, and means to have it killed at a chosen step."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import httpx

from plain_http import NO_AUTHORITIES
from tidegate.artifact import Reference
from tidegate.oci.layer_builder import LayerBuilder
from tidegate.oci.push import Pusher
from tidegate.oci.registry import RegistryClient
from tidegate.oci.write import write_image
from tidegate.outbound import Outbound
from told_events import check_recorded

_HERE = Path(__file__).parent
_ADDRESS = re.compile(r"serves at http://(\S+)")
_UNDECIDED = {"submitted", "quarantined", "analysing"}
_PATIENT = {"TIDEGATE_CURATION_VERDICT_WAIT_S": "60", "TIDEGATE_INTAKE_WAIT_S": "120"}
_PATIENCE = 4
"""Minutes a verdict or an event is waited for: machines are slow at times."""


class WholeServer:
    """`tidegate serve` over a home folder; killed with the block when it still runs."""

    def __init__(self, home: Path, *, kill_at: str = "", environment: dict[str, str] | None = None) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self._kill_at = kill_at
        self._environment = environment or {}

    def __enter__(self) -> Self:
        environment = {**os.environ, **_PATIENT, **self._environment, "TIDEGATE_HOME": str(self.home)}
        environment["TIDEGATE_TEST_KILL"] = self._kill_at
        self._log = (self.home / "server.log").open("a+")
        self.process = subprocess.Popen(
            [sys.executable, str(_HERE / "serve_and_die.py")],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = _ADDRESS.search(line)
        if found is None:
            if self._kill_at and self.process.wait(timeout=180) == -signal.SIGKILL:
                return self  # it went on with work at once and came to the place
            self.__exit__()
            raise AssertionError(f"the server did not start: {(self.home / 'server.log').read_text()[-2000:]}")
        self.address = found.group(1)
        self.http = httpx.Client(base_url=f"http://{self.address}", verify=NO_AUTHORITIES, timeout=180)
        return self

    def __exit__(self, *_: object) -> None:
        if hasattr(self, "http"):
            self.http.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=120)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._log.close()
        check_recorded(self.home)

    def stop(self) -> int:
        """Ends it as an init system would; returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=120)

    def died(self) -> int:
        """Waits for its end and returns the exit status."""
        return self.process.wait(timeout=180)

    def api(self, path: str, **parameters: Any) -> Any:
        """What the management API answers."""
        answer = self.http.get(f"/api/v1{path}", params=parameters)
        answer.raise_for_status()
        return answer.json()

    def verdict(self, digest: str) -> Any:
        """The image's state once it is decided."""
        for _ in range(_PATIENCE):
            found = self.api(f"/images/{digest}", wait=60)
            if found["state"] not in _UNDECIDED:
                return found
        raise AssertionError(found)

    def push(self, layout: Path, tag: str, name: str) -> None:
        """Pushes an image of a layout folder."""
        with Outbound() as outbound:
            reference = Reference.parse(f"{self.address}/{name}")
            Pusher(RegistryClient(outbound), reference).push_layout(layout, tag=tag)

    def events(self, after: int = 0) -> list[dict[str, Any]]:
        """Every event after an offset."""
        return [item["event"] for item in self.api("/events", after=after, limit=1000)["events"]]

    def wait_for_event(self, kind: str, *, after: int = 0) -> dict[str, Any]:
        """The next event of a kind."""
        asked_in_vain = 0
        while True:
            page = self.api("/events", after=after, wait=60)
            asked_in_vain += not page["events"]
            assert asked_in_vain < _PATIENCE, f"no {kind} in {_PATIENCE} minutes"
            for item in page["events"]:
                if item["event"]["type"] == f"dev.tidegate.{kind}":
                    return dict(item["event"])
            after = page["next"]

    def review(self, manifest: str, **parameters: Any) -> Any:
        """What the execution gate says of Kubernetes objects."""
        answer = self.http.post("/api/v1/admission/workloads", params=parameters, content=manifest)
        return answer.json()


def python_image(layout: Path, tag: str, packages: dict[str, str], **config: Any) -> str:
    """An image with Python packages installed, by their metadata; returns its digest."""
    builder = LayerBuilder()
    for name, version in packages.items():
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\n"
        builder.file(f"usr/lib/python3/site-packages/{name}-{version}.dist-info/METADATA", metadata)
    builder.file("app/name", tag)
    return str(write_image(layout, tag, [builder.build()], {"User": "10001", **config}).digest)


def run_tidegate(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """One tidegate command over a home folder."""
    environment = {**os.environ, "TIDEGATE_HOME": str(home)}
    command = [str(Path(sys.executable).with_name("tidegate")), *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


def as_json(text: str) -> Any:
    """A command's JSON output."""
    return json.loads(text)
