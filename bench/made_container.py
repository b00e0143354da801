# SPDX-License-Identifier: Apache-2.0
"""Containers without a runtime: an overlay, a cgroup and namespaces, which is all that a sensor knows them by."""

import json
import os
import secrets
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

_LOOP = Path(__file__).with_name("exec_loop.py")
_PROGRAM = "/bin/true"
_PLACES = ("/sys/fs/cgroup/pids", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup")
_CONFIG = {"annotations": {"io.kubernetes.cri.container-name": "measured"}}


def cgroup() -> Path:
    """A new group whose name is a container's id.

    Raises:
        OSError: this process may not make one.
    """
    for place in _PLACES:
        if (Path(place) / "cgroup.procs").is_file():
            made = Path(place) / secrets.token_hex(32)
            made.mkdir()
            return made
    raise FileNotFoundError("no hierarchy of cgroups is mounted")


class ExecLoop:
    """A process in a container of its own, whose root is an overlay, that runs a program again and again."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        for name in ("lower/bin", "upper", "work", "merged", "bundle"):
            (folder / name).mkdir(parents=True)
        for path in _with_libraries(_PROGRAM):
            place = folder / "lower" / path.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(Path(path).resolve(), place)
        (folder / "bundle/config.json").write_text(json.dumps(_CONFIG))
        self.root = folder / "merged"
        options = ",".join(f"{name}dir={folder / name}" for name in ("lower", "upper", "work"))
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, self.root], check=True)
        stack.callback(lambda: subprocess.run(["umount", self.root], check=True))
        group = cgroup()
        stack.callback(group.rmdir)
        # Like a shim, the shell that waits for it names the container and its bundle.
        words = [sys.executable, str(_LOOP), str(self.root), str(group / "cgroup.procs"), _PROGRAM]
        told = ["-b", str(folder / "bundle"), group.name]
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", '"$@"; exit', "sh", *words, *told],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        stack.callback(self._end)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def median_ms(self, times: int) -> float:
        """What one run of the program takes, of so many, from the call to its end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{times}\n")
        self._process.stdin.flush()
        seconds: list[float] = json.loads(self._process.stdout.readline())
        return statistics.median(seconds) * 1000

    def _end(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with suppress(BrokenPipeError):
                stream.close()
        self._process.wait()


@contextmanager
def idle_containers(number: int) -> Iterator[None]:
    """So many containers that sleep, each with a network of its own."""
    with ExitStack() as stack:
        for _ in range(number):
            group = cgroup()
            stack.callback(_removed, group)
            process = subprocess.Popen(["unshare", "--net", "sleep", "100000"])
            stack.callback(_killed, process)
            (group / "cgroup.procs").write_text(str(process.pid))
        yield


@contextmanager
def sensor(folder: Path, words: Sequence[str] = ()) -> Iterator["subprocess.Popen[str]"]:
    """`tidegate sensor` from the moment that it watches."""
    environment = {**os.environ, "TIDEGATE_HOME": str(folder)}
    command = [sys.executable, "-m", "tidegate", "sensor", "--format", "json", *words]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            assert process.stderr is not None
            if not any("watching" in line for line in process.stderr):
                raise RuntimeError("the sensor did not start")
            yield process
        finally:
            process.terminate()
            process.wait()


def _with_libraries(program: str) -> list[str]:
    told = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return [program, *(word for word in told.split() if word.startswith("/"))]


def _killed(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()


def _removed(group: Path) -> None:
    """Its last process may be on its way out."""
    for _ in range(1000):
        with suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.01)
    group.rmdir()
