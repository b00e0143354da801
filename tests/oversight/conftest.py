# SPDX-License-Identifier: Apache-2.0
"""A record with its tables and nothing in them, made once."""

from pathlib import Path

import pytest

from tidegate.storage.migrations import migrate


@pytest.fixture(scope="session")
def empty_record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file to copy."""
    path = tmp_path_factory.mktemp("empty") / "state.db"
    migrate(f"sqlite:///{path}")
    return path
