# SPDX-License-Identifier: Apache-2.0
"""A witness never says yes to two histories: each answer of C2SP tlog-witness, on both databases, and many at once."""

import base64
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, select
from sqlalchemy.pool import StaticPool

from migrated import migrated
from postgres_server import start_postgres, wiped
from tidegate import ledger
from tidegate.errors import BoundExceededError, InvalidInputError, RefusedError, TidegateError
from tidegate.ledger import Checkpoint, NoteSigner, Prover, StoredTiles, sign_checkpoint
from tidegate.ledger.add_checkpoint import AddCheckpoint, read_size
from tidegate.ledger.cosignature import Cosigner, cosigned_at
from tidegate.ledger.note import open_note
from tidegate.ledger.witness import ConflictError, InconsistentError, UnknownLogError, Witness
from tidegate.storage.database import Database
from tidegate.storage.ledger_schema import ledger_witnessed
from tidegate.storage.schema import metadata

NOW = datetime(2026, 6, 1, 12, 0, 1, tzinfo=UTC)
LOG = NoteSigner.from_seed("log.example/a", bytes(32))
COSIGNER = Cosigner.from_seed("witness.example/w", bytes([7]) * 32)


class Log:
    """A log of one's own, and one that is the same up to `fork_at`."""

    def __init__(self, connection: Connection, *, fork_at: int = 10**9, size: int = 600) -> None:
        self._connection = connection
        entries = [f"entry {number}{' other' if number >= fork_at else ''}".encode() for number in range(size)]
        ledger.append_all(connection, entries, NOW)

    def note(self, size: int, signer: NoteSigner = LOG) -> str:
        root = ledger.root(self._connection, size)
        return sign_checkpoint(Checkpoint(origin=signer.name, size=size, root=root), signer)

    def request(self, old: int, new: int, *, proof: Sequence[bytes] | None = None) -> bytes:
        if proof is None:
            proof = Prover(StoredTiles(self._connection)).consistency(old, new)
        return AddCheckpoint(old_size=old, proof=proof, note=self.note(new)).to_body()


@pytest.fixture
def connections() -> Iterator[list[Connection]]:
    engines = [create_engine("sqlite://", poolclass=StaticPool) for _ in range(2)]
    for engine in engines:
        metadata.create_all(engine)
    opened = [engine.connect() for engine in engines]
    yield opened
    for connection, engine in zip(opened, engines, strict=True):
        connection.close()
        engine.dispose()


@pytest.fixture
def log(connections: list[Connection]) -> Log:
    return Log(connections[0])


@pytest.fixture
def fork(connections: list[Connection]) -> Log:
    return Log(connections[1], fork_at=50)


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with start_postgres() as url:
        migrated(url)
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.tools)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        opened = Database(f"sqlite:///{tmp_path / 'state.db'}")
        with opened.begin() as connection:
            metadata.create_all(connection)
        yield opened
        opened.close()
        return
    opened = Database(wiped(request.getfixturevalue("postgres")))
    yield opened
    opened.close()


@pytest.fixture
def witness(database: Database) -> Witness:
    return Witness(database, COSIGNER, [LOG.verifier], lambda: NOW)


def remembered(database: Database) -> list[tuple[str, int]]:
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(select(ledger_witnessed.c.origin, ledger_witnessed.c.size))]


def test_it_follows_a_log_that_grows(witness: Witness, log: Log, database: Database) -> None:
    for old, new in ((0, 1), (1, 5), (5, 5), (5, 256), (256, 257), (257, 600)):
        line = witness.add_checkpoint(log.request(old, new))
        text, (found,) = open_note(log.note(new) + line, (COSIGNER.key,))
        assert cosigned_at(found.content) == NOW
        assert text == log.note(new).partition("\n\n")[0] + "\n"
        assert remembered(database) == [("log.example/a", new)]


def test_it_refuses_a_fork_a_rollback_and_a_wrong_start(
    witness: Witness, log: Log, fork: Log, database: Database
) -> None:
    witness.add_checkpoint(log.request(0, 100))
    for refused in (log.request(0, 100), log.request(0, 200), log.request(99, 200), log.request(101, 200)):
        with pytest.raises(ConflictError) as told:
            witness.add_checkpoint(refused)
        assert told.value.size == 100
    with pytest.raises(ConflictError):  # back
        witness.add_checkpoint(log.request(50, 60))
    with pytest.raises(ConflictError, match="another tree of 100"):
        witness.add_checkpoint(fork.request(100, 100))
    for proof in (None, [], [bytes(32)] * 5, Prover.consistency):
        shown = Prover.consistency(_prover(log), 100, 200) if callable(proof) else proof
        with pytest.raises(InconsistentError):
            witness.add_checkpoint(fork.request(100, 200, proof=shown))
    with pytest.raises(InvalidInputError, match="larger"):
        witness.add_checkpoint(log.request(200, 100, proof=[]))
    assert remembered(database) == [("log.example/a", 100)]
    assert witness.add_checkpoint(log.request(100, 200))


def _prover(log: Log) -> Prover:
    return Prover(StoredTiles(log._connection))


def test_a_first_checkpoint_needs_no_proof_and_bears_none(witness: Witness, log: Log, database: Database) -> None:
    with pytest.raises(InconsistentError):
        witness.add_checkpoint(log.request(0, 10, proof=[bytes(32)]))
    forged = sign_checkpoint(Checkpoint(origin=LOG.name, size=0, root=bytes(32)), LOG)
    with pytest.raises(ConflictError):
        witness.add_checkpoint(AddCheckpoint(old_size=0, proof=(), note=forged).to_body())
    assert remembered(database) == []
    assert witness.add_checkpoint(log.request(0, 0))
    assert remembered(database) == [("log.example/a", 0)]


def test_only_the_logs_it_was_told_of(witness: Witness, log: Log, database: Database) -> None:
    stranger = NoteSigner.generate("other.example/b")
    unknown = AddCheckpoint(old_size=0, proof=(), note=log.note(5, stranger)).to_body()
    with pytest.raises(UnknownLogError):
        witness.add_checkpoint(unknown)
    impostor = NoteSigner.generate(LOG.name)
    with pytest.raises(RefusedError, match="not signed by a key"):
        witness.add_checkpoint(AddCheckpoint(old_size=0, proof=(), note=log.note(5, impostor)).to_body())
    bent = log.request(0, 5).replace(b"\n5\n", b"\n6\n")
    with pytest.raises(RefusedError, match="does not hold"):
        witness.add_checkpoint(bent)
    assert remembered(database) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body[:0],
        lambda body: body.replace(b"old 1", b"old 01"),
        lambda body: body.replace(b"old 1", b"old -1"),
        lambda body: body.replace(b"old 1", b"Old 1"),
        lambda body: body.replace(b"old 1\n", b"old 1\r\n"),
        lambda body: body.replace(b"old 1\n", b"old 1\nAAAA\n"),
        lambda body: body.replace(b"old 1\n", b"old 1\n!!!!\n"),
        lambda body: body.replace(b"\n\n", b"\n"),
        lambda body: body + b"\xff",
        lambda body: body[:-1],
    ],
)
def test_what_is_no_request(witness: Witness, log: Log, change: object) -> None:
    assert callable(change)
    with pytest.raises(InvalidInputError):
        witness.add_checkpoint(change(log.request(1, 5)))


def test_requests_have_bounds(witness: Witness, log: Log) -> None:
    long = log.request(1, 5, proof=[bytes(32)] * 64)
    with pytest.raises(BoundExceededError, match="MAX_PROOF_LINES"):
        witness.add_checkpoint(long)
    with pytest.raises(BoundExceededError, match="MAX_REQUEST_BYTES"):
        witness.add_checkpoint(b"old 0\n\n" + b"x" * 300_000)
    for answer in (b"", b"5", b"05\n", b"-1\n", b"5\n\n", b"x\n"):
        with pytest.raises(InvalidInputError):
            read_size(answer)
    assert read_size(b"20852014\n") == 20852014


def test_of_two_forks_at_once_one_wins(witness: Witness, log: Log, fork: Log, database: Database) -> None:
    """Many ask at the same moment, half of them with another history: one history is all that is ever cosigned."""
    bodies = [source.request(0, size) for size in range(60, 80) for source in (log, fork)]

    def ask(body: bytes) -> str:
        try:
            return witness.add_checkpoint(body)
        except TidegateError as error:
            return str(error)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, bodies))
    assert sum(answer.startswith("— ") for answer in answers) == 1
    ((_, size),) = remembered(database)
    assert 60 <= size < 80


def test_a_request_is_written_as_the_specification_has_it(log: Log) -> None:
    lines = log.request(5, 6).decode().split("\n")
    assert lines[0] == "old 5"
    assert all(len(base64.b64decode(line)) == 32 for line in lines[1 : lines.index("")])
    assert lines[lines.index("") + 1] == LOG.name
    assert AddCheckpoint.from_body(log.request(5, 6)).note == log.note(6)
