# SPDX-License-Identifier: Apache-2.0
"""The page that shows how to build: its commands, run as they stand there, with a real builder."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from built import Bench

PAGE = Path(__file__).parents[3] / "docs" / "build-an-image.md"


@pytest.mark.tools
def test_what_the_page_shows_works_as_it_stands(bench: Bench) -> None:
    bench.write("FROM registry.example/base:1\nCOPY hello /hello\n", hello="hello\n")
    for path in (bench.folder / "release.key", bench.folder / "release.pub"):
        path.unlink()
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) == 3
    head = f'set -eux\ntidegate() {{ "{sys.executable}" -m tidegate "$@"; }}\n'
    done = subprocess.run(
        ["bash", "-c", head + "".join(blocks)],
        cwd=bench.folder,
        env=bench.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("verified  sha256:") == 2, done.stdout
    assert "the same to the last byte when built again" in done.stdout
