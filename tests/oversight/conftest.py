# SPDX-License-Identifier: Apache-2.0
"""A record with its tables and nothing in them, made once."""

from pathlib import Path

import pytest

from migrated import migrated


@pytest.fixture(scope="session")
def empty_record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file to copy."""
    path = tmp_path_factory.mktemp("empty") / "state.db"
    migrated(f"sqlite:///{path}")
    return path
