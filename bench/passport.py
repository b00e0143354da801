# SPDX-License-Identifier: Apache-2.0
"""What it costs to write a passport as a file, and to verify one with no server.

python -m bench passport
"""

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from tidegate import ledger
from tidegate.admission.gate import Gate
from tidegate.artifact import Digest
from tidegate.evidence import TEST_RESULTS, Statement, Subject
from tidegate.ledger import NoteSigner
from tidegate.ledger.policy import KnownLog, LogPolicy
from tidegate.oversight.bundle import write_bundle
from tidegate.oversight.bundle_check import check_bundle
from tidegate.signing.keys import SigningKey, TrustedKeys
from tidegate.storage.database import Database
from tidegate.storage.migrations import migrate

AT: Final = datetime(2026, 6, 1, tzinfo=UTC)
IMAGE: Final = Digest.of(b"image")
STATEMENTS: Final = 100
OTHERS: Final = 100_000
"""Entries of the ledger about other images."""
ROUNDS: Final = 10

Row = dict[str, Any]


def run() -> list[Row]:
    """Measures everything here."""
    key, notes = SigningKey.generate(), NoteSigner.from_seed("bench.example/log", bytes(32))
    gate = Gate(policies=(), signer=key, trusted=TrustedKeys.of([key.verifying]), verifier_id="https://x.example")
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder:
        url = f"sqlite:///{Path(folder) / 'state.db'}"
        migrate(url)
        database = Database(url)
        try:
            with database.begin() as connection:
                ledger.append_all(connection, [b"entry %d" % at for at in range(OTHERS)], AT)
            for number in range(STATEMENTS):
                with database.begin() as connection:
                    gate.add(connection, _statement(number), at=AT + timedelta(minutes=number))
            with database.read() as connection:
                data = write_bundle(connection, gate, notes, IMAGE)
                written = _best(lambda: write_bundle(connection, gate, notes, IMAGE))
        finally:
            database.close()
    log = LogPolicy(logs=(KnownLog(notes.verifier),))

    def verified() -> object:
        report = check_bundle(data, [key.verifying], log=log, at=AT)
        assert report.holds
        assert len(report.statements) == STATEMENTS
        return report

    size = f"of {STATEMENTS} statements, {len(data) // 1024} KiB, in a ledger of {OTHERS:,}"
    return [_row(f"passport: export one {size}", written), _row("passport: verify it offline", _best(verified))]


def _statement(number: int) -> Statement:
    return Statement(
        subjects=(Subject(name="team/app", digest=IMAGE),),
        predicate_type=TEST_RESULTS,
        predicate={"number": number, "passed": True},
    )


def _best(act: Callable[[], object]) -> float:
    """Milliseconds of processor time, the best of several."""
    found = []
    for _ in range(ROUNDS):
        start = time.process_time()
        act()
        found.append((time.process_time() - start) * 1e3)
    return min(found)


def _row(name: str, value: float) -> Row:
    return {"name": name, "value": round(value, 1), "unit": "ms", "reference": None, "ratio": None, "target": None}


if __name__ == "__main__":
    for row in run():
        print(row)
