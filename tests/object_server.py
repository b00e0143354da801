# SPDX-License-Identifier: Apache-2.0
"""An S3 server of the test's own, on loopback: versitygw over a folder, which checks signatures."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from free_port import free_port

_BUILT = Path(__file__).parents[1] / ".tools" / "bin" / "versitygw"
KEY, SECRET = "tidegate-test", "a secret of the test only"


@dataclass(kw_only=True)
class ObjectServer:
    """A running server.

    Attributes:
        folder: what is in its buckets, as files.
        credentials: a file as `~/.aws/credentials`.
    """

    process: subprocess.Popen[bytes]
    port: int
    folder: Path
    credentials: Path

    @property
    def url(self) -> str:
        """Of a prefix in its bucket."""
        return f"s3://bucket/some/prefix?endpoint=http://127.0.0.1:{self.port}&region=us-east-1"

    @property
    def objects(self) -> Path:
        """Where what lies under the prefix lies."""
        return self.folder / "bucket" / "some" / "prefix"

    def pause(self) -> None:
        """Lets it take connections and answer none."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)  # it is told before all threads stand still

    def resume(self) -> None:
        """Lets it go on."""
        self.process.send_signal(signal.SIGCONT)

    def environment(self) -> dict[str, str]:
        """What tidegate is told of it."""
        return {"TIDEGATE_STORAGE_BLOBS_URL": self.url, "TIDEGATE_STORAGE_CREDENTIALS_FILE": str(self.credentials)}


@contextmanager
def start_objects(folder: Path, *, port: int = 0) -> Iterator[ObjectServer]:
    """Runs a server over a folder until the block ends; skips where it is not built."""
    program = shutil.which("versitygw") or (str(_BUILT) if _BUILT.exists() else "")
    if not program:
        pytest.skip("an S3 server is missing: tools/go-programs.sh versitygw")
    port = port or free_port()
    (folder / "objects" / "bucket").mkdir(parents=True, exist_ok=True)
    credentials = folder / "credentials"
    credentials.write_text(f"[default]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n")
    command = [program, "--access", KEY, "--secret", SECRET, "--port", f"127.0.0.1:{port}", "--quiet"]
    command += ["posix", "--sidecar", str(folder / "side"), str(folder / "objects")]
    (folder / "side").mkdir(exist_ok=True)
    with (folder / "objects.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={"PATH": os.environ["PATH"]})
    server = ObjectServer(process=process, port=port, folder=folder / "objects", credentials=credentials)
    try:
        _wait(process, port, folder / "objects.log")
        yield server
    finally:
        process.kill()
        process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    ends = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < ends:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)  # it has no other way to say that it listens
            continue
        return
    raise AssertionError(f"the S3 server did not start: {log.read_text()[-2000:]}")
