# SPDX-License-Identifier: Apache-2.0
"""kill -9 in a loop while several processes append: no accepted entry is lost, and no checkpoint contradicts another.

`TIDEGATE_TEST_ROUNDS` makes it longer.
"""

import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from postgres_server import start_postgres
from tidegate import ledger
from tidegate.ledger import Checkpoint, NoteSigner, Prover, StoredTiles, verify_consistency
from tidegate.ledger.publication import Publication
from tidegate.ledger.verification import Defects, verify_log
from tidegate.storage.database import Database
from tidegate.storage.migrations import migrate

PROGRAM = Path(__file__).parent / "appending.py"
WRITERS = 3
ROUNDS = int(os.environ.get("TIDEGATE_TEST_ROUNDS", "3"))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.tools)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        made = f"sqlite:///{tmp_path / 'state.db'}"
        migrate(made)
        yield made
        return
    with start_postgres() as made:
        migrate(made)
        yield made


class Writer:
    """A process that appends, and what it said was accepted."""

    def __init__(self, url: str, name: str) -> None:
        self.accepted: dict[int, bytes] = {}
        self.busy = threading.Event()
        command = [sys.executable, str(PROGRAM), url, name, name]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if not line.endswith("\n"):
                break  # cut off by the kill: nobody was told
            first, *entries = line.split()
            self.accepted |= {int(first) + at: entry.encode() for at, entry in enumerate(entries)}
            if len(self.accepted) > 256 // (WRITERS * ROUNDS):
                self.busy.set()

    def kill(self) -> None:
        """Ends it as a power cut would; what it said before still counts."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()


def consistent(database: Database, older: Checkpoint, newer: Checkpoint) -> None:
    with database.read() as connection:
        proof = Prover(StoredTiles(connection)).consistency(older.size, newer.size)
    verify_consistency(old_size=older.size, new_size=newer.size, old_root=older.root, new_root=newer.root, proof=proof)


def test_no_entry_is_lost_and_no_history_forks(url: str) -> None:
    chance, database = random.Random(3), Database(url)
    signer = NoteSigner.generate("killed.example/log")
    accepted: dict[int, bytes] = {}
    checkpoints = [Publication(database, signer).checkpoint()]
    for number in range(ROUNDS):
        writers = [Writer(url, f"{number}-{name}") for name in range(WRITERS)]
        for writer in writers:
            assert writer.busy.wait(120)
        publication = Publication(database, signer)  # as a server that was started anew
        checkpoints.extend(publication.checkpoint() for _ in range(20))
        for writer in chance.sample(writers, WRITERS):
            threading.Event().wait(chance.uniform(0, 0.1))
            writer.kill()
            assert not accepted.keys() & writer.accepted.keys(), "an index was given twice"
            accepted |= writer.accepted
        checkpoints.append(publication.checkpoint())
    defects = Defects()
    found: dict[int, bytes] = {}
    with database.read() as connection:
        size = ledger.size(connection)
        head = Checkpoint(origin=signer.name, size=size, root=ledger.root(connection, size))
        verify_log(StoredTiles(connection), head, defects, found.__setitem__)
    assert not defects
    assert accepted == {index: found[index] for index in accepted}
    assert sorted(found) == list(range(size))
    assert len(set(found.values())) == size
    assert size > 256
    for older, newer in zip(checkpoints, [*checkpoints[1:], head], strict=True):
        consistent(database, older, newer)
    database.close()
