# SPDX-License-Identifier: Apache-2.0
"""What it costs to sign a statement and append it, in a short log and in one of a million, and to prove an entry.

python -m bench ledger

LEDGER_ENTRIES=N builds a log of N entries instead of 1,000,000. Everything runs in one thread.
"""

import os
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, Final

from sqlalchemy import Connection, insert

from tidegate import ledger
from tidegate.admission.ledger_line import parse_ledger_line
from tidegate.admission.records import record
from tidegate.artifact import Digest
from tidegate.evidence import SCAN, Statement, Subject
from tidegate.ledger import Checkpoint, NoteSigner, sign_checkpoint
from tidegate.ledger.verification import Defects, verify_log
from tidegate.signing.keys import SigningKey
from tidegate.storage.database import Database
from tidegate.storage.ledger_schema import ledger_entry
from tidegate.storage.migrations import migrate

AT: Final = datetime(2026, 6, 1, tzinfo=UTC)
LONG: Final = int(os.environ.get("LEDGER_ENTRIES", "1000000"))
LINE: Final = (
    b'{"envelope":"sha256:%064d","predicateType":"https://tidegate.dev/predicates/scan/v1","subject":"sha256:%064d"}'
)
ROUND: Final = 1000
PROOFS: Final = 200

Row = dict[str, Any]


def run() -> list[Row]:
    """Measures everything here."""
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder:
        url = f"sqlite:///{Path(folder) / 'state.db'}"
        migrate(url)
        database = Database(url)
        try:
            return _measured(database)
        finally:
            database.close()


def _measured(database: Database) -> list[Row]:
    bare = _rate(database, _bare)
    short = _rate(database, _one_by_one)
    _grow(database, 100_000)
    middle = _rate(database, _one_by_one)
    built = _grow(database, LONG)
    long = _rate(database, _one_by_one)
    signed = _rate(database, _signed(SigningKey.generate()))
    proof, worked = _proofs(database)
    head, verified = _heads(database), _verified(database)
    return [
        _row("ledger: append at 1,000 entries (reference: a bare insert)", short, "/s", bare, None),
        _row("ledger: append at 100,000 (reference: at 1,000)", middle, "/s", short, 0.8),
        _row(f"ledger: append at {LONG:,} (reference: at 1,000)", long, "/s", short, 0.8),
        _row("ledger: append in batches of 10,000", built, "/s", None, 10_000),
        _row(f"ledger: sign and append a statement, one core, at {LONG:,}", signed, "/s", None, 1000),
        _row(f"ledger: proof in a tree of {LONG:,}, storage reads included", proof, "ms", None, 5.0, low=False),
        _row("ledger: of that, processor time", worked, "ms", None, 5.0, low=False),
        _row(f"ledger: a signed checkpoint of {LONG:,}", head, "ms", None, 5.0, low=False),
        _row("ledger: entries verified, each with its tiles, one core", verified, "/s", None, None),
    ]


def _one_by_one(connection: Connection) -> None:
    for number in range(ROUND):
        ledger.append(connection, LINE % (number, number), AT)


def _bare(connection: Connection) -> None:
    """The insert alone, at the far end of the table; taken away again."""
    for number in range(ROUND):
        row = {"index": 10**12 + number, "entry": LINE % (number, number), "recorded_at": ""}
        connection.execute(insert(ledger_entry), row)
    connection.execute(ledger_entry.delete().where(ledger_entry.c.index >= 10**12))


def _signed(key: SigningKey) -> Callable[[Connection], None]:
    def act(connection: Connection) -> None:
        for number in range(ROUND):
            subject = Subject(name="app", digest=Digest.of(f"{time.time_ns()} {number}".encode()))
            statement = Statement(subjects=(subject,), predicate_type=SCAN, predicate={"findings": []})
            record(connection, statement, key, at=AT)

    return act


def _grow(database: Database, size: int) -> float:
    """Appends in batches until the log is that long; entries a second."""
    began, added = time.perf_counter(), 0
    while True:
        with database.begin() as connection:
            count = min(size - ledger.size(connection), 10_000)
            if count <= 0:
                return added / (time.perf_counter() - began)
            ledger.append_all(connection, [LINE % (number, number) for number in range(count)], AT)
            added += count


def _rate(database: Database, act: Callable[[Connection], None]) -> float:
    """Acts a second of one core in the best of five transactions of 1,000: processor time, so disks do not count."""
    best = float("inf")
    for _ in range(5):
        began = time.process_time()
        with database.begin() as connection:
            act(connection)
        best = min(best, time.process_time() - began)
    return ROUND / best


def _proofs(database: Database) -> tuple[float, float]:
    """Milliseconds of the middle one: by the clock, and of the processor."""
    chance, times, work = Random(1), [], []
    for _ in range(PROOFS):
        with database.read() as connection:
            began, worked = time.perf_counter(), time.process_time()
            size = ledger.size(connection)
            ledger.inclusion_proof(connection, chance.randrange(size), size)
            times.append((time.perf_counter() - began) * 1000)
            work.append((time.process_time() - worked) * 1000)
    return median(times), median(work)


def _verified(database: Database) -> float:
    """Entries for a second of one core, of a whole log out of its tables: hashes, tiles, root, and what each says."""
    defects, began = Defects(), time.process_time()
    with database.read() as connection:
        size = ledger.size(connection)
        head = Checkpoint(origin="bench", size=size, root=ledger.root(connection, size))
        verify_log(
            ledger.StoredTiles(connection), head, defects, lambda _, entry: parse_ledger_line(entry, where="entry")
        )
    if defects:
        raise SystemExit(f"the log is damaged: {defects[0]}")
    return size / (time.process_time() - began)


def _heads(database: Database) -> float:
    key, times = NoteSigner.generate("bench.example/ledger"), []
    for _ in range(PROOFS):
        with database.read() as connection:
            began = time.perf_counter()
            size = ledger.size(connection)
            root = ledger.root(connection, size)
            sign_checkpoint(Checkpoint(origin=key.name, size=size, root=root), key)
            times.append((time.perf_counter() - began) * 1000)
    return median(times)


def _row(name: str, value: float, unit: str, reference: float | None, target: float | None, *, low: bool = True) -> Row:
    return {
        "name": name,
        "value": round(value, 3),
        "unit": unit,
        "reference": None if reference is None else round(reference, 3),
        "ratio": None if reference is None else round(value / reference, 2),
        "target": target,
        "more_is_better": low,
    }
