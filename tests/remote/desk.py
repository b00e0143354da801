# SPDX-License-Identifier: Apache-2.0
"""A person's own folder, with the command in it."""

import os
import subprocess
import sys
from pathlib import Path


class Desk:
    """Runs the command as somebody whose server is named in their environment."""

    def __init__(self, folder: Path, server: str) -> None:
        self.folder = folder
        self.server = server
        self.config = folder / ".docker" / "config.json"
        path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TIDEGATE_", "DOCKER_"))}
        self.environment = {**kept, "HOME": str(folder), "PATH": path, "TIDEGATE_CLIENT_SERVER": server}

    def start(self, *words: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "tidegate", *words],
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, typed: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "tidegate", *words],
            env=self.environment,
            cwd=self.folder,
            input=typed,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
