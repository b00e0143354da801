# SPDX-License-Identifier: Apache-2.0
"""What all tests share: where the large data set lies, when it is there."""

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The large data set beside the checkout, or where TIDEGATE_TEST_DATA says; skips where it is missing."""
    folder = Path(os.environ.get("TIDEGATE_TEST_DATA", _BESIDE))
    if not (folder / "osv").is_dir():
        pytest.skip(f"the large data set is not at {folder}; set TIDEGATE_TEST_DATA")
    return folder
