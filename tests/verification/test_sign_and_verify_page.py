# SPDX-License-Identifier: Apache-2.0
"""The page that shows how it is done: its commands, run as they stand there, with a real cosign and a real registry."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cosign import Cosign

PAGE = Path(__file__).parents[2] / "docs" / "sign-and-verify.md"


@pytest.mark.tools
def test_what_the_page_shows_works_as_it_stands(image: str, cosign: Cosign, tmp_path: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) == 3
    head = f'set -eux\ntidegate() {{ "{sys.executable}" -m tidegate "$@"; }}\ncosign() {{ "{cosign.program}" "$@"; }}\n'
    environment = {**os.environ, "HOME": str(tmp_path), "TIDEGATE_HOME": str(tmp_path / "home"), "IMAGE": image}
    done = subprocess.run(
        ["bash", "-c", head + "".join(blocks)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("verified  sha256:") == 3, done.stdout
