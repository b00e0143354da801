# SPDX-License-Identifier: Apache-2.0
"""Databases with all tables, for tests of what is kept in them; how tables are made has tests of its own."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from tidegate.storage.migrations import migrate


def migrated(url: str) -> None:
    """As `migrate`; a file of SQLite that is new is a copy of one that was made before, in a tenth of the time."""
    path = Path(url.removeprefix("sqlite:///"))
    if url.startswith("sqlite:") and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(_made_once(), path)
    else:
        migrate(url)


@cache
def _made_once() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="tg-migrated-"))
    atexit.register(shutil.rmtree, folder)
    migrate(f"sqlite:///{folder / 'state.db'}")
    return folder / "state.db"
