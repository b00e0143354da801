# SPDX-License-Identifier: Apache-2.0
"""`tidegate serve` with an access token, in a process of its own, for the management API's tests."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Self

import httpx

from plain_http import NO_AUTHORITIES
from told_events import check_recorded

_ADDRESS = re.compile(r"serves at (http://\S+)")


class ApiServer:
    """A running server over a home folder; ended with the block."""

    def __init__(
        self, home: Path, *, token: str = "", environment: dict[str, str] | None = None, port: int = 0
    ) -> None:
        self.home = home
        self._port = port
        self._environment = {**os.environ, "TIDEGATE_HOME": str(home), **(environment or {})}
        if token:
            (home / "access-token").write_text(token)
            self._environment["TIDEGATE_SERVER_ACCESS_TOKEN_FILE"] = str(home / "access-token")
        self._clients: list[httpx.Client] = []

    def __enter__(self) -> Self:
        self._log = (self.home / "server.log").open("a+")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tidegate", "serve", "--port", str(self._port)],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        assert self.process.stdout is not None
        found = _ADDRESS.search(self.process.stdout.readline())
        if found is None:
            self.__exit__()
            raise AssertionError((self.home / "server.log").read_text()[-2000:])
        self.address = found.group(1)
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients:
            client.close()
        self.process.terminate()
        try:
            self.process.wait(timeout=120)
        finally:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self._log.close()
        check_recorded(self.home)

    def client(self, auth: tuple[str, str] | None, *, base: str = "/api/v1") -> httpx.Client:
        """A client of the API, or of the whole server where `base` is empty."""
        url = self.address + base
        made = httpx.Client(base_url=url, verify=NO_AUTHORITIES, auth=auth, trust_env=False, timeout=120)
        self._clients.append(made)
        return made
