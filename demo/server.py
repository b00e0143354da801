# SPDX-License-Identifier: Apache-2.0
"""A running tidegate, driven as a user drives it: the command, and HTTP."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from demo.timeline import expect

_COMMAND = str(Path(sys.executable).with_name("tidegate"))
_ADDRESS = re.compile(r"http://(\S+?)/?\s")
_START_SECONDS = 60


class Tidegate:
    """`tidegate serve` in a home folder of its own.

    Raises:
        UnexpectedError: it did not start.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self._log = (home.parent / "server.log").open("w+")
        command = [_COMMAND, "serve", "--port", "0"]
        self._process = subprocess.Popen(
            command, env=self._environment(), stdout=subprocess.PIPE, stderr=self._log, text=True
        )
        expect(self._process.stdout is not None, "the server has no output")
        line = self._process.stdout.readline() if self._process.stdout else ""
        found = _ADDRESS.search(line)
        if found is None:
            self._log.seek(0)
            expect(found, f"the server did not start: {self._log.read()[-600:]}")
        self.address = found.group(1) if found else ""
        self.http = httpx.Client(base_url=f"http://{self.address}", timeout=90)

    @property
    def pid(self) -> int:
        """Of the server."""
        return self._process.pid

    def run(self, *words: str) -> tuple[int, str, str]:
        """One tidegate command against this home: exit status, standard output, standard error."""
        done = subprocess.run([_COMMAND, *words], env=self._environment(), capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def json(self, path: str, **parameters: Any) -> Any:
        """What the management API answers."""
        answer = self.http.get(f"/api/v1{path}", params=parameters)
        answer.raise_for_status()
        return answer.json()

    def verdict(self, digest: str) -> Any:
        """The image's state once it is decided."""
        found = self.json(f"/images/{digest}", wait=60)
        expect(found["state"] not in {"quarantined", "analysing"}, f"no verdict over {digest} within a minute")
        return found

    def events(self, after: int, kind: str) -> tuple[int, Any]:
        """Waits for the next event of a kind; returns its offset and data."""
        while True:
            page = self.json("/events", after=after, wait=60)
            expect(page["events"], f"no event {kind} within a minute")
            for item in page["events"]:
                if item["event"]["type"] == f"dev.tidegate.{kind}":
                    return item["offset"], item["event"]
            after = page["next"]

    def stop(self) -> int:
        """Ends it as an init system would; returns its exit status."""
        self.http.close()
        self._process.terminate()
        return self._process.wait(timeout=60)

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "TIDEGATE_HOME": str(self.home)}
