# SPDX-License-Identifier: Apache-2.0
"""Ledgers with entries in them: plain ones, and homes whose entries are statements that the home's key signed."""

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tidegate import ledger
from tidegate.admission.records import record
from tidegate.artifact import Digest
from tidegate.assembly.gate import build_gate
from tidegate.assembly.stores import open_database
from tidegate.evidence import SCAN, Statement, Subject
from tidegate.settings import Settings, load
from tidegate.storage.database import Database

AT = datetime(2026, 5, 4, tzinfo=UTC)
_BUILT = Path(__file__).parents[1] / ".tools" / "bin" / "tlogcheck"


def settings_of(home: Path, **flags: object) -> Settings:
    """Settings of a home and nothing else."""
    return load({"home": home, **flags}, environ={"HOME": str(home)}, folder=home)


def add_statements(home: Path, count: int, *, start: int = 0) -> None:
    """Records so many statements about images of their own."""
    settings = settings_of(home)
    database, gate = open_database(settings), build_gate(settings)
    with database.begin() as connection:
        for number in range(start, start + count):
            subject = Subject(name=f"app{number}", digest=Digest.of(str(number).encode()))
            statement = Statement(subjects=(subject,), predicate_type=SCAN, predicate={"findings": []})
            record(connection, statement, gate.signer, at=AT)
    database.close()


def add_entries(database: Database, count: int) -> None:
    """Appends so many entries that nothing is behind."""
    with database.begin() as connection:
        first = ledger.size(connection)
        ledger.append_all(connection, [f"entry {number}".encode() for number in range(first, first + count)], AT)


def run_tlogcheck(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """Runs the checker of Go's own packages; the test skips where it is not built."""
    program = shutil.which("tlogcheck") or (str(_BUILT) if _BUILT.exists() else "")
    if not program:
        pytest.skip("tlogcheck is missing: install Go and run tools/go-programs.sh tlogcheck")
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False)
