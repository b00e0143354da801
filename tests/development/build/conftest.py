# SPDX-License-Identifier: Apache-2.0
"""A bench for builds."""

import shutil
from pathlib import Path

import pytest
from built import Bench, make_bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A repository, a base and a key; skips where the programs are missing."""
    busybox = shutil.which("busybox")
    if shutil.which("buildah") is None or busybox is None:
        pytest.skip("needs buildah, runc and a static busybox: apt-get install buildah runc busybox-static")
    return make_bench(tmp_path, Path(busybox))
