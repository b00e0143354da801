# SPDX-License-Identifier: Apache-2.0
"""Builds by the command itself, with real builders, of a base that is made on the spot."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate.oci.layer_builder import LayerBuilder
from tidegate.oci.write import write_image
from tidegate.wire import from_json

PROGRAMS = ("sh", "cat", "date", "echo", "head", "ln", "mkdir", "rm", "sleep", "touch", "tr", "wc", "wget")
BASE = "registry.invalid/base:1"
CONF = """[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
"""
COMMIT_DATE = "2024-05-06T07:08:09Z"


@dataclass(frozen=True)
class Bench:
    """A folder with a base, a key and a repository to build in."""

    folder: Path

    @property
    def app(self) -> Path:
        """The repository."""
        return self.folder / "app"

    @property
    def home(self) -> Path:
        """Where builds happen."""
        return self.folder / "home"

    @property
    def environment(self) -> dict[str, str]:
        """Of the command."""
        return {
            **os.environ,
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "TIDEGATE_HOME": str(self.home),
        }

    def command(self, *words: str) -> list[str]:
        """A command line of ours."""
        return [sys.executable, "-m", "tidegate", *words]

    def run(self, *words: str, environment: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        """Runs the command to its end."""
        return subprocess.run(
            self.command(*words),
            cwd=self.folder,
            env=environment or self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def build(self, *words: str, to: str = "oci:out", base: bool = True) -> "subprocess.CompletedProcess[str]":
        """Builds the repository as it is."""
        return self.run("build", "app", "-o", to, *(("--base", f"{BASE}=oci:base") if base else ()), *words)

    def result(self, *words: str, to: str = "oci:out") -> dict[str, Any]:
        """Builds what must work; what it tells."""
        done = self.build("--format", "json", *words, to=to)
        assert done.returncode == 0, done.stderr
        return from_json(done.stdout.encode(), dict[str, Any], what="result", max_bytes=1 << 24)

    def document(self, path: str) -> dict[str, Any]:
        """A JSON file."""
        return from_json((self.folder / path).read_bytes(), dict[str, Any], what=path, max_bytes=1 << 24)

    def write(self, dockerfile: str, **files: str) -> None:
        """Puts a Dockerfile, and files, into the repository, and commits them."""
        (self.app / "Dockerfile").write_text(dockerfile)
        for name, content in files.items():
            (self.app / name.replace("__", ".")).write_text(content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "change")

    def git(self, *words: str) -> None:
        """Runs git in the repository, at a fixed moment."""
        self.app.mkdir(exist_ok=True)
        who = {f"GIT_{role}_{part}": "t@t" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
        when = {"GIT_AUTHOR_DATE": COMMIT_DATE, "GIT_COMMITTER_DATE": COMMIT_DATE}
        subprocess.run(["git", *words], cwd=self.app, env={**os.environ, **who, **when}, check=True)


def make_bench(folder: Path, busybox: Path) -> Bench:
    """A bench whose base is one static program."""
    (folder / "containers.conf").write_text(CONF)
    layer = LayerBuilder().file("bin/busybox", busybox, mode=0o755).folder("tmp", mode=0o1777)
    for name in PROGRAMS:
        layer.symlink(f"bin/{name}", "busybox")
    layer.file("etc/os-release", 'ID=debian\nVERSION_ID="12"\n').file("etc/passwd", "root:x:0:0:root:/:/bin/sh\n")
    layer.file("var/lib/dpkg/status", _STATUS)
    config = {"Env": ["PATH=/bin"], "Cmd": ["/bin/sh"]}
    write_image(folder / "base", "1", [layer.build()], config, history=[{"created_by": "COPY base /"}])
    (folder / "pass.txt").write_text("a password")
    (folder / "pass.txt").chmod(0o600)
    bench = Bench(folder)
    assert bench.run("keypair", "generate", "release.key", "--password-file", "pass.txt").returncode == 0
    bench.git("init", "-q", "-b", "main")
    return bench


def marked_processes(home: Path) -> list[str]:
    """What still runs of builds below a home folder, or holds it mounted."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            try:
                told = (process / "environ").read_bytes() + (process / "mountinfo").read_bytes()
                state = (process / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if state != "Z" and int(process.name) != os.getpid() and f"{home}/build/".encode() in told:
                found.append(process.name)
    return found


def texts(done: "subprocess.CompletedProcess[str]", words: Sequence[str]) -> list[str]:
    """Which of these words were said nowhere."""
    return [word for word in words if word not in done.stdout + done.stderr]


_STATUS = """Package: busybox-static
Status: install ok installed
Architecture: amd64
Version: 1:1.35.0-4
Description: one program

"""
