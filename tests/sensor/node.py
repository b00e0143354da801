# SPDX-License-Identifier: Apache-2.0
"""A node for the sensor's tests: real containers, and `tidegate sensor` beside them."""

import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tidegate.values import msgspec

_PROGRAMS = ("sh", "cp", "cat", "ls", "mv", "rm", "ln", "chmod", "true", "sleep", "mkdir", "touch")
_CONF = """[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
"""
RULES = """apiVersion: tidegate.dev/v1
kind: DriftRules
metadata:
  name: tests
spec:
  rules:
    - name: closed
      containers: ["closed*"]
      mode: enforce
      opened: true
    - name: programs
      containers: ["programs*"]
      images: ["*/own:*"]
      mode: enforce
      allow: ["/data/plugins/*"]
    - name: told
      containers: ["told*"]
      mode: alert
    - name: quiet
      containers: ["quiet*"]
      mode: observe
"""


class Podman:
    """Runs containers from one image, in a store of its own."""

    image = "localhost/own:1"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "containers.conf").write_text(_CONF)
        self.environment = {**os.environ, "CONTAINERS_CONF": str(folder / "containers.conf")}
        self.command = ["podman", "--root", str(folder / "root"), "--runroot", str(folder / "run")]
        self.call("import", str(_root(folder)), self.image)

    def call(self, *words: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        command, environment = [*self.command, *words], self.environment
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)
        assert not check or done.returncode == 0, done.stderr
        return done

    def run(self, script: str, *, name: str, options: Sequence[str] = ()) -> "subprocess.CompletedProcess[str]":
        """Runs a script in a new container that goes with it."""
        words = ["run", "--rm", "--network", "none", "--name", name, *options]
        return self.call(*words, self.image, "/bin/sh", "-c", script, check=False)

    def start(self, *, name: str, options: Sequence[str] = ()) -> None:
        """A container that waits."""
        self.call("run", "-d", "--network", "none", "--name", name, *options, self.image, "/bin/sleep", "1000")

    def execute(self, name: str, script: str) -> "subprocess.CompletedProcess[str]":
        return self.call("exec", name, "/bin/sh", "-c", script, check=False)

    def clear(self) -> None:
        self.call("rm", "-f", "-t", "0", "--all", check=False)
        for point in ("root/overlay", "root"):
            subprocess.run(["umount", "-q", self.folder / point], check=False)


def _root(folder: Path) -> Path:
    """A root file system of a few programs of this machine, with the libraries they need."""
    wanted = {Path("/bin") / name: Path(str(shutil.which(name))) for name in _PROGRAMS}
    for source in list(wanted.values()):
        for word in subprocess.run(["ldd", source], capture_output=True, text=True, check=True).stdout.split():
            if word.startswith("/"):
                wanted[Path(word)] = Path(word)
    path = folder / "root.tar"
    with tarfile.open(path, "w") as tar:
        for name in ("tmp", "data", "dev/shm"):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777
            tar.addfile(entry)
        for place, source in wanted.items():
            tar.add(source.resolve(), str(place).lstrip("/"))
    return path


class Sensor:
    """`tidegate sensor` while it runs, and what it tells."""

    def __init__(self, folder: Path, rules: str, environment: Mapping[str, str] | None = None) -> None:
        file = folder / "drift.yaml"
        file.write_text(rules)
        command = [sys.executable, "-m", "tidegate", "sensor", "--rules", str(file), "--format", "json"]
        pipe, environment = subprocess.PIPE, {**os.environ, "TIDEGATE_HOME": str(folder), **(environment or {})}
        self.process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=folder, env=environment)
        self.told: list[dict[str, Any]] = []
        self.said: list[str] = []
        self._news = threading.Condition()
        self._threads = [threading.Thread(target=self._read), threading.Thread(target=self._listen)]
        for thread in self._threads:
            thread.start()
        try:
            self.wait_for(lambda: any("watching" in line for line in self.said))
        except AssertionError:
            self.end()
            raise

    def wait_for(self, true: Callable[[], object], *, seconds: float = 120) -> None:
        """Until what was told or said makes it true."""
        with self._news:
            assert self._news.wait_for(true, seconds), (self.told[-3:], self.said)

    def seen(self, *, name: str = "", **wanted: object) -> list[dict[str, Any]]:
        """What was told, of one container or all, with these values; of shells, which tests run by, only when asked."""
        found = [one for one in self.told if not name or (one["container"] or {}).get("name") == name]
        found = [one for one in found if one["act"] != "shell" or "act" in wanted]
        return [one for one in found if all(one[key] == value for key, value in wanted.items())]

    def guard(self) -> int:
        """The process that answers the kernel."""
        return self._part("--as-guard")

    def attendant(self) -> int:
        """The process that reports to the server."""
        return self._part("--as-attendant")

    def kill(self) -> None:
        """All of it, at once, as a crash would."""
        for pid in (self.process.pid, self.guard(), self.attendant()):
            os.kill(pid, signal.SIGKILL)
        self._ended()

    def _part(self, word: str) -> int:
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            for child in (task / "children").read_text(encoding="ascii").split():
                if word in Path(f"/proc/{child}/cmdline").read_text(encoding="utf-8").split("\0"):
                    return int(child)
        raise AssertionError(f"no {word} runs: {self.said}")

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self._ended()

    def _ended(self) -> int:
        status = self.process.wait(120)
        for thread in self._threads:
            thread.join()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        return status

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._news:
                self.told.append(msgspec.json.decode(line))
                self._news.notify_all()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._news:
                self.said.append(line)
                self._news.notify_all()
