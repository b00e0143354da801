# SPDX-License-Identifier: Apache-2.0
"""`tidegate ledger witness` in a process of its own, which may be killed and started again over the same folder."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Self

_ADDRESS = re.compile(r"witnesses at (http://\S+)")


class WitnessProcess:
    """A running witness; ended with the block.

    Args:
        home: its folder.
        name: its name in cosignatures.
        policy: the text of the file that names the logs.

    Attributes:
        address: where it listens; the same after a restart.
        key: what it cosigns with.
    """

    def __init__(self, home: Path, name: str, policy: str) -> None:
        self._home = home
        self._name = name
        self._port = "0"
        home.mkdir(exist_ok=True)
        (home / "logs.policy").write_text(policy)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Starts it, or starts it again."""
        command = [sys.executable, "-m", "tidegate", "ledger", "witness", "--name", self._name, "--port", self._port]
        with (self._home / "log").open("a") as log:
            self.process = subprocess.Popen(
                [*command, "--logs", str(self._home / "logs.policy")],
                env={**os.environ, "TIDEGATE_HOME": str(self._home)},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        found = _ADDRESS.search(self.process.stdout.readline())
        if found is None:
            self.kill()
            raise AssertionError((self._home / "log").read_text()[-2000:])
        self.address = found[1]
        self._port = self.address.rpartition(":")[2]
        self.key = self.process.stdout.readline().strip()

    def kill(self) -> None:
        """Ends it as a power cut would."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
