# SPDX-License-Identifier: Apache-2.0
"""Starts and kills `serve_registry.py`."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from plain_http import NO_AUTHORITIES

_PROGRAM = Path(__file__).with_name("serve_registry.py")


@dataclass(kw_only=True)
class RegistryProcess:
    """A registry in another process."""

    process: subprocess.Popen[str]
    port: int

    def client(self) -> httpx.Client:
        url = f"http://127.0.0.1:{self.port}"
        return httpx.Client(base_url=url, verify=NO_AUTHORITIES, trust_env=False, timeout=120)

    def tell_stacks(self) -> None:
        """Has it write to standard error where each of its threads is."""
        self.process.send_signal(signal.SIGUSR1)
        time.sleep(1)  # nothing tells that it is written

    def peak_bytes(self) -> int:
        """The most memory it ever held in RAM."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024


@contextmanager
def registry_process(folder: Path, *where: str, idle_seconds: float = 3600) -> Iterator[RegistryProcess]:
    """Runs a registry; what is still running at the end is killed.

    Args:
        folder: of state and blobs, unless `where` names others.
        where: `DATABASE_URL OBJECTS_URL CREDENTIALS`, and `collect`, as `serve_registry.py` takes them.
        idle_seconds: after which an upload is dropped.
    """
    command = [sys.executable, str(_PROGRAM), str(folder), "0", str(idle_seconds), *where]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line, "the registry did not start"
            yield RegistryProcess(process=process, port=int(line))
        finally:
            process.kill()
