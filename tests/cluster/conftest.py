# SPDX-License-Identifier: Apache-2.0
"""What the tests of a cluster's own sensor share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from kept_objects import KeptObjects

from tidegate.reporting.spool import Spool


@pytest.fixture
def kept() -> Iterator[KeptObjects]:
    with KeptObjects() as made:
        yield made


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with Spool(tmp_path / "spool.db") as made:
        yield made
