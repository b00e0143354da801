# SPDX-License-Identifier: Apache-2.0
"""What the tests of the execution tier share."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def kubectl() -> Any:
    """Runs kubectl on files alone (`--local`) and gives back its JSON."""
    program = shutil.which("kubectl")
    if program is None:
        pytest.skip("kubectl is missing: install the package kubernetes-client, or kubectl itself")

    def run(*words: str | Path) -> Any:
        done = subprocess.run(
            [program, *map(str, words), "--local", "-o", "json"], capture_output=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    return run
