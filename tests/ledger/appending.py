# SPDX-License-Identifier: Apache-2.0
"""Appends entries to a log until it is killed, and says which were accepted: `python appending.py URL NAME SEED`."""

import random
import sys
from datetime import UTC, datetime

from tidegate import ledger
from tidegate.storage.database import Database


def main(url: str, name: str, seed: str) -> None:
    """Writes a line for each accepted batch: the index of its first entry, and its entries."""
    chance, database, number = random.Random(seed), Database(url), 0
    while True:
        batch = [f"{name}-{number + at}" for at in range(chance.choice((1, 1, 7, 120)))]
        number += len(batch)
        with database.begin() as connection:
            entries = [entry.encode() for entry in batch]
            if len(entries) == 1:
                first = ledger.append(connection, entries[0], datetime.now(UTC))
            else:
                first = ledger.append_all(connection, entries, datetime.now(UTC))
        sys.stdout.write(f"{first} {' '.join(batch)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
