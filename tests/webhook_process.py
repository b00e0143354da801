# SPDX-License-Identifier: Apache-2.0
"""`tidegate serve --mode webhook` as a cluster runs it: a process of its own, over TLS."""

import os
import re
import signal
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import httpx

_ADDRESS = re.compile(r"answers at (https://\S+)")


class WebhookProcess:
    """A webhook over a folder; ended with the block.

    Args:
        home: holds everything of it.
        trusted: PEM file of the key whose verdicts count.
        settings: further environment variables, without their prefix.
        port: 0 for any free one.
    """

    def __init__(self, home: Path, trusted: Path, *, port: int = 0, settings: dict[str, str] | None = None) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.port = port
        self._environment = {
            **os.environ,
            "TIDEGATE_HOME": str(home),
            "TIDEGATE_SIGNING_TRUSTED_KEYS": str(trusted),
            **{f"TIDEGATE_{name}": value for name, value in (settings or {}).items()},
        }

    def __enter__(self) -> Self:
        self.start()
        return self

    def start(self) -> None:
        """Starts it, at the port it had before where it had one."""
        with (self.home / "webhook.log").open("a+") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tidegate", "serve", "--mode", "webhook", "--port", str(self.port)],
                env=self._environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        found = _ADDRESS.search(self.process.stdout.readline())
        assert found, self.log()
        self.url = found[1]
        self.port = int(self.url.rpartition(":")[2])
        self.http = httpx.Client(base_url=self.url, verify=self.trust(), trust_env=False, timeout=60)

    def trust(self) -> ssl.SSLContext:
        """Trusts the authority that the webhook made itself, and nobody else."""
        return ssl.create_default_context(cafile=str(self.authority))

    @property
    def authority(self) -> Path:
        return self.home / "webhook" / "tls" / "authority.pem"

    def log(self) -> str:
        return (self.home / "webhook.log").read_text()[-3000:]

    def kill(self) -> None:
        """Ends it without a word."""
        self._close(signal.SIGKILL)

    def stop(self) -> int:
        """Ends it as an init system would; returns its exit status."""
        return self._close(signal.SIGTERM)

    def _close(self, number: signal.Signals) -> int:
        self.http.close()
        self.process.send_signal(number)
        try:
            return self.process.wait(timeout=60)
        finally:
            self.process.kill()
            assert self.process.stdout is not None
            self.process.stdout.close()

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.stop()
        elif self.process.stdout is not None:
            self.http.close()
            self.process.stdout.close()

    def ask(self, door: str, review: Any) -> Any:
        """The response to a review: a document, or bytes as they are."""
        content = {"content": review} if isinstance(review, bytes) else {"json": review}
        answer = self.http.post(f"/{door}", **content)
        assert answer.status_code == 200, answer.text
        document = answer.json()
        assert document["kind"] == "AdmissionReview"
        return document["response"]

    def peak_bytes(self) -> int:
        """The most memory it ever held in RAM."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
