# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of a whole server, cosigned by witnesses in processes of their own: killed, restarted, lied to."""

import random
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from api_server import ApiServer

from filled_ledger import add_statements, run_tlogcheck, settings_of
from tidegate import ledger
from tidegate.assembly.local_ledger import open_local_ledger
from tidegate.assembly.notes import note_signer
from tidegate.errors import TidegateError
from tidegate.ledger import Checkpoint, NoteSigner, Prover, StoredTiles, sign_checkpoint
from tidegate.ledger.add_checkpoint import SIZE_TYPE, AddCheckpoint, read_size
from tidegate.ledger.handover import read_handovers
from tidegate.ledger.note import open_note
from tidegate.ledger.note_key import parse_note_key
from tidegate.ledger.policy import Accepted, parse_policy
from tidegate.storage.database import Database
from tidegate.storage.schema import metadata
from witness_process import WitnessProcess

LOG = NoteSigner.from_seed("log.example/a", bytes(32))
AT = datetime(2026, 6, 1, tzinfo=UTC)
_SECONDS = 120


def until(found: Callable[[], bool], what: str) -> None:
    ends = time.monotonic() + _SECONDS
    while not found():
        assert time.monotonic() < ends, what
        time.sleep(0.05)


class Cosigned:
    """A server whose checkpoints two witnesses are asked for, of whom one is enough."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.home = folder / "log"
        self.home.mkdir()
        signer = note_signer(settings_of(self.home))
        lines = f"log {signer.verifier}\nquorum none\n"
        self.witnesses = [WitnessProcess(folder / name, f"{name}.example/w", lines) for name in ("one", "two")]
        for witness in self.witnesses:
            stack.enter_context(witness)
        named = [
            f"witness {name} {witness.key} {witness.address}/\n"
            for name, witness in zip(("one", "two"), self.witnesses, strict=True)
        ]
        text = f"log {signer.verifier}\n{''.join(named)}group enough 1 one two\nquorum enough\n"
        (folder / "policy").write_text(text)
        self.policy = parse_policy(text.encode(), where="policy")
        self.environment = {
            "TIDEGATE_LEDGER_PUBLIC": "true",
            "TIDEGATE_LEDGER_POLICY_FILE": str(folder / "policy"),
            "TIDEGATE_LEDGER_PUBLISH_EVERY_S": "0.1",
        }

    def server(self) -> ApiServer:
        return ApiServer(self.home, environment=self.environment)

    def published(self, server: ApiServer) -> Accepted | None:
        answer = server.client(None, base="/ledger").get("/checkpoint")
        if answer.status_code == 404:
            return None
        assert answer.status_code == 200, answer.text
        return self.policy.accept(answer.text, datetime.now(UTC))

    def published_size(self, server: ApiServer) -> int:
        found = self.published(server)
        return 0 if found is None else found.checkpoint.size

    def wait(self, server: ApiServer, size: int, witnesses: set[str]) -> None:
        def arrived() -> bool:
            found = self.published(server)
            return found is not None and (found.checkpoint.size, set(found.witnesses)) == (size, witnesses)

        until(arrived, f"no checkpoint of {size} by {witnesses}: {(self.home / 'server.log').read_text()[-1500:]}")


@pytest.fixture
def cosigned(tmp_path: Path) -> Iterator[Cosigned]:
    with ExitStack() as stack:
        yield Cosigned(tmp_path, stack)


def test_what_witnesses_make_of_a_log(cosigned: Cosigned, tmp_path: Path) -> None:
    add_statements(cosigned.home, 5)
    one, _ = cosigned.witnesses
    with cosigned.server() as server:
        cosigned.wait(server, 5, {"one", "two"})
        shutil.copytree(cosigned.home, tmp_path / "backup")
        one.kill()
        add_statements(cosigned.home, 3, start=5)
        cosigned.wait(server, 8, {"two"})
        one.start()  # and remembers 5
        add_statements(cosigned.home, 292, start=8)
        cosigned.wait(server, 300, {"one", "two"})
        key = str(note_signer(settings_of(cosigned.home)).verifier)
        found = run_tlogcheck(key, f"{server.address}/ledger")
        assert found.returncode == 0, found.stderr
    # The log is put back to what it was, and goes on differently: no witness says yes to that.
    shutil.rmtree(cosigned.home)
    shutil.copytree(tmp_path / "backup", cosigned.home)
    add_statements(cosigned.home, 400, start=10_000)
    with cosigned.server() as server:
        log = cosigned.home / "server.log"
        until(lambda: log.read_text().count("was not shown to start with") >= 2, "nobody refused the fork")
        found_now = cosigned.published(server)
        assert found_now is not None
        assert found_now.checkpoint.size == 5


def test_a_key_of_the_log_hands_over_under_its_witnesses(cosigned: Cosigned) -> None:
    """They know the old key alone, and say yes to what both sign; nothing has to grow for that."""
    add_statements(cosigned.home, 5)
    with cosigned.server() as server:
        cosigned.wait(server, 5, {"one", "two"})
        with open_local_ledger(settings_of(cosigned.home)) as local:
            signer, handover = local.rotate_key(timedelta(days=30))
        until(lambda: cosigned.published_size(server) >= 6, "the handover is not published")  # by the key it has
    with cosigned.server() as server:
        read = server.client(None, base="/ledger")

        def both_sign() -> bool:
            note = read.get("/checkpoint").text
            return len(open_note(note, (handover.old, handover.new))[1]) == 2

        until(both_sign, "the new key does not sign what is published")
        assert cosigned.published_size(server) >= 6, "witnesses that know the old key alone cosigned it"
        assert read.get("/key").text.strip() == str(signer.verifier) == str(handover.new)
        assert read_handovers(read.get("/handovers").content) == (handover,)
        found = run_tlogcheck(str(handover.new), f"{server.address}/ledger")
        assert found.returncode == 0, found.stderr


class Lines:
    """A log, and a fork of it, whose requests are made as they are wanted."""

    def __init__(self, folder: Path, entries: list[bytes]) -> None:
        self.database = Database(f"sqlite:///{folder}")
        with self.database.begin() as connection:
            metadata.create_all(connection)
            ledger.append_all(connection, entries, AT)

    def request(self, old: int, new: int) -> bytes:
        with self.database.read() as connection:
            checkpoint = Checkpoint(origin=LOG.name, size=new, root=ledger.root(connection, new))
            proof = Prover(StoredTiles(connection)).consistency(old, new)
        return AddCheckpoint(old_size=old, proof=proof, note=sign_checkpoint(checkpoint, LOG)).to_body()


def test_kill_9_in_a_loop_never_makes_a_witness_forget(tmp_path: Path) -> None:
    """What it answered it remembers, and it never cosigns the other history, however often it is killed."""
    true = Lines(tmp_path / "true.db", [f"entry {at}".encode() for at in range(3000)])
    fork = Lines(tmp_path / "fork.db", [f"entry {at or 'x'}".encode() for at in range(3000)])
    chance = random.Random(5)
    acknowledged = 0
    with WitnessProcess(tmp_path / "witness", "w.example/w", f"log {LOG.verifier}\nquorum none\n") as witness:
        key = parse_note_key(witness.key)
        for _ in range(4):
            stop = threading.Timer(chance.uniform(0, 0.3), witness.process.kill)
            with httpx.Client(base_url=witness.address, trust_env=False, timeout=60) as client:
                try:
                    at = acknowledged
                    while at < 2990:
                        new = at + chance.randint(1, 5)
                        body = true.request(at, new)
                        answer = client.post("/add-checkpoint", content=body)
                        assert answer.status_code == 200, answer.text
                        note = AddCheckpoint.from_body(body).note
                        assert open_note(note + answer.text, (key,))[1]
                        if stop.ident is None:  # not begun: it is killed some time after its first answer
                            stop.start()
                        acknowledged = at = new
                except (httpx.HTTPError, TidegateError):
                    pass  # killed
            stop.join()
            witness.kill()
            witness.start()
            with httpx.Client(base_url=witness.address, trust_env=False, timeout=60) as client:
                told = client.post("/add-checkpoint", content=true.request(0, 2999))
                assert (told.status_code, told.headers["content-type"]) == (409, SIZE_TYPE), told.text
                size = read_size(told.content)
                assert acknowledged <= size <= acknowledged + 5  # one more may have been on the disk when it died
                acknowledged = size
                for new in (size, 2999):
                    assert client.post("/add-checkpoint", content=fork.request(size, new)).status_code in {409, 422}
    assert acknowledged > 0
    for lines in (true, fork):
        lines.database.close()


def test_answers_over_http(tmp_path: Path) -> None:
    lines = Lines(tmp_path / "log.db", [b"a", b"b", b"c"])
    with (
        WitnessProcess(tmp_path / "witness", "w.example/w", f"log {LOG.verifier}\nquorum none\n") as witness,
        httpx.Client(base_url=witness.address, trust_env=False, timeout=60) as client,
    ):
        assert client.get("/key").text.strip() == witness.key
        assert client.get("/add-checkpoint").status_code == 405
        answer = client.post("/add-checkpoint", content=lines.request(0, 2))
        assert (answer.status_code, answer.text[:14]) == (200, "— w.example/w ")
        statuses = {
            404: lines.request(2, 3).replace(LOG.name.encode(), b"log.example/b"),
            403: lines.request(2, 3).replace(b"\n3\n", b"\n4\n"),
            400: b"nonsense",
            409: lines.request(1, 3),
            422: lines.request(2, 3).replace(b"old 2\n", b"old 2\n" + b"A" * 43 + b"=\n"),
            413: b"x" * 300_000,
        }
        for status, body in statuses.items():
            assert client.post("/add-checkpoint", content=body).status_code == status, status
        assert client.post("/add-checkpoint", content=lines.request(2, 3)).status_code == 200
    lines.database.close()
