# SPDX-License-Identifier: Apache-2.0
"""Docker's own registry on a loopback port, as an upstream."""

import shutil
import subprocess
from pathlib import Path
from typing import Self

import httpx
import pytest

from free_port import free_port
from tidegate.artifact import Reference
from tidegate.oci.push import Pusher
from tidegate.oci.registry import RegistryClient
from tidegate.outbound import Outbound


class DockerRegistry:
    """A registry that can be stopped and started again with what it holds."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("docker-registry")
        if program is None:
            pytest.skip("docker-registry is missing; apt-get install docker-registry")
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._program = folder, program
        self.host = f"127.0.0.1:{free_port()}"
        (folder / "config.yml").write_text(
            f"version: 0.1\nlog: {{level: info, accesslog: {{disabled: false}}}}\nstorage: {{filesystem: "
            f"{{rootdirectory: {folder}/data}}, delete: {{enabled: true}}}}\nhttp: {{addr: '{self.host}'}}\n"
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Starts it; returns when it answers."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "serve", str(self._folder / "config.yml")], stdout=log, stderr=log
            )
        transport = httpx.HTTPTransport(retries=10)  # connection refused until it listens
        with httpx.Client(transport=transport, trust_env=False) as client:
            assert client.get(f"http://{self.host}/v2/").status_code == 200

    def stop(self) -> None:
        """Ends it; what it holds stays."""
        self._process.terminate()
        self._process.wait(60)

    def push(self, layout: Path, tag: str, name: str) -> str:
        """Pushes an image of a layout folder; returns its digest."""
        with Outbound() as outbound:
            pusher = Pusher(RegistryClient(outbound), Reference.parse(f"{self.host}/{name}"))
            return str(pusher.push_layout(layout, tag=tag).digest)

    def requests(self, method: str, part: str) -> int:
        """How many requests of a method had a part in their path so far."""
        lines = (self._folder / "log").read_text().splitlines()
        return sum(f'"{method} ' in line and part in line.partition(f'"{method} ')[2] for line in lines)


def intake_file(folder: Path, host: str, **more: object) -> Path:
    """An intake file whose upstream `hub` is a registry of this machine."""
    said = {
        "source": host,
        "under": "hub",
        "repositories": ["**"],
        "addresses": [host],
        "plain_http": True,
        "fresh_s": 0.0,
        **more,
    }
    path = folder / "intake.toml"
    path.write_text("[upstream.hub]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in said.items()))
    return path


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{key}" = {_toml(one)}' for key, one in value.items()) + "}"
    return f'"{value}"' if isinstance(value, str) else str(value)
