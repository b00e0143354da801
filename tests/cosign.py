# SPDX-License-Identifier: Apache-2.0
"""A real cosign, as judge and as signer."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

PASSWORD = b"correct horse"
_BUILT = Path(__file__).parents[1] / ".tools" / "bin" / "cosign"


@dataclass(frozen=True, slots=True)
class Ran:
    """What one run gave."""

    status: int
    out: str
    said: str


@dataclass(frozen=True, slots=True)
class Cosign:
    """Runs cosign in a folder that is its home as well, so that nothing of one test is there in the next."""

    program: Path
    folder: Path

    @classmethod
    def here(cls, folder: Path) -> "Cosign":
        """The one that was built for the tests, or one on the path; skips without one."""
        found = _BUILT if _BUILT.exists() else shutil.which("cosign")
        if found is None:
            pytest.skip("cosign is missing; tools/go-programs.sh cosign builds it")
        return cls(Path(found), folder)

    def run(self, *arguments: object) -> Ran:
        """Runs it, whatever comes of it."""
        environment = {**os.environ, "COSIGN_PASSWORD": PASSWORD.decode(), "HOME": str(self.folder)}
        done = subprocess.run(
            [self.program, *map(str, arguments)],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def do(self, *arguments: object) -> str:
        """Runs it, and it must succeed; returns what it wrote."""
        done = self.run(*arguments)
        assert done.status == 0, done.said
        return done.out
