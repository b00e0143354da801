# SPDX-License-Identifier: Apache-2.0
"""`tidegate ledger checkpoint|show|prove|export|verify` as an operator and an auditor use them."""

import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from cli_run import Run

from filled_ledger import add_statements
from tidegate.artifact import Digest
from tidegate.ledger.copy import statement_path


@pytest.fixture
def filled(home: Path) -> Path:
    home.mkdir()
    add_statements(home, 300)
    return home


def test_an_audit_from_end_to_end(run: Run, filled: Path, tmp_path: Path) -> None:
    told = run("ledger", "checkpoint", "--format", "json").json
    key = tmp_path / "key"
    key.write_text(told["key"] + "\n")
    assert (told["origin"], told["size"], len(told["root"])) == ("tidegate/ledger", 300, 64)
    assert run("ledger", "checkpoint", "--output", tmp_path / "kept").status == 0
    assert (tmp_path / "kept").read_text() == told["note"]
    first = run("ledger", "export", tmp_path / "copy", "--format", "json").json
    assert (first["size"], first["statements"], first["files"]) == (300, 300, 300 + 5 + 2)
    add_statements(filled, 30, start=300)
    second = run("ledger", "export", tmp_path / "copy", "--format", "json").json
    assert (second["size"], second["statements"], second["files"]) == (330, 30, 30 + 2 + 2)
    assert not list((tmp_path / "copy").rglob("*.p/44"))  # parts that a longer one took the place of
    # The auditor has the copy, the key and what was kept, and no server.
    run_as_auditor = partial(run, "--home", tmp_path / "auditor", "ledger", "verify", tmp_path / "copy")
    found = run_as_auditor("--key", key, "--since", tmp_path / "kept", "--format", "json")
    assert found.status == 0, found.err
    assert (found.json["sound"], found.json["since"], found.json["size"]) == (True, 300, 330)
    assert found.json["statements"] == {"trusted": 0, "others": 330, "unread": 0}
    for _ in range(2):  # the first keeps one, the second compares with it
        assert run_as_auditor("--key", told["key"], "--keep", tmp_path / "mine").status == 0
    table = run_as_auditor("--key", told["key"], "--keep", tmp_path / "mine")
    assert "goes on from   the checkpoint of 330 entries" in table.out
    own = run("ledger", "verify", tmp_path / "copy").out
    assert "330 signed by trusted keys" in own
    assert run_as_auditor().status == 2
    tile = tmp_path / "copy" / "tile" / "0" / "000"
    tile.write_bytes(tile.read_bytes()[:-1] + b"\0")
    broken = run_as_auditor("--key", key)
    assert broken.status == 1
    assert "entry 255: is not what tile/0/000 says it hashes to" in broken.out
    assert "NO" in broken.out


def test_a_proof_goes_without_a_server(run: Run, filled: Path, tmp_path: Path) -> None:
    key = run("ledger", "checkpoint", "--format", "json").json["key"]
    (listed,) = run("ledger", "show", "17", "--format", "json").json
    assert (listed["index"], listed["subject"]) == (17, Digest.of(b"17"))
    assert run("ledger", "prove", listed["envelope"], "--output", tmp_path / "17.tlog-proof").status == 0
    assert (tmp_path / "17.tlog-proof").read_text().startswith("c2sp.org/tlog-proof@v1\nextra ")
    run("ledger", "export", tmp_path / "copy")
    envelope = tmp_path / "copy" / statement_path(Digest(listed["envelope"]))
    verify = partial(run, "--home", tmp_path / "auditor", "ledger", "verify", tmp_path / "17.tlog-proof", "--key", key)
    found = verify("--envelope", envelope, "--format", "json")
    assert (found.status, found.json["index"], found.json["envelope"]) == (0, 17, listed["envelope"])
    envelope.chmod(0o600)
    envelope.write_bytes(envelope.read_bytes() + b" ")
    assert "is not the statement" in verify("--envelope", envelope).err
    assert run("ledger", "prove", "300").status == 2
    assert run("ledger", "prove", "sha256:" + "0" * 64).status == 2
    del filled


def test_what_is_shown(run: Run, filled: Path) -> None:
    newest = run("ledger", "show", "--format", "json", "--limit", "3").json
    assert [entry["index"] for entry in newest] == [297, 298, 299]
    assert [entry["index"] for entry in run("ledger", "show", "5..7", "--format", "json").json] == [5, 6, 7]
    assert [entry["index"] for entry in run("ledger", "show", "..1", "--format", "json").json] == [0, 1]
    assert run("ledger", "show", "298..", "--format", "json").json[-1]["index"] == 299
    assert "predicate type" in run("ledger", "show").out
    for wrong in ("x", "..", "5-7", "-1"):
        assert run("ledger", "show", wrong).status == 2
    del filled


def test_a_folder_of_another_history_is_refused(run: Run, filled: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    add_statements(other, 5, start=1000)
    assert run("--home", other, "ledger", "export", tmp_path / "copy").status == 0
    before = (tmp_path / "copy" / "checkpoint").read_bytes()
    refused = run("ledger", "export", tmp_path / "copy")
    assert refused.status == 1
    assert "keep it as evidence" in refused.err
    assert (tmp_path / "copy" / "checkpoint").read_bytes() == before
    del filled


@pytest.fixture
def static(tmp_path: Path) -> Iterator[str]:
    """A web server that knows nothing of ledgers and hands a folder out."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    (tmp_path / "copy").mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "copy")))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_copy_that_any_web_server_hands_out(run: Run, filled: Path, tmp_path: Path, static: str) -> None:
    assert run("ledger", "export", tmp_path / "copy").status == 0
    found = run("ledger", "verify", static, "--format", "json")
    assert found.status == 0, found.err
    assert found.json["statements"]["trusted"] == 300
    (tmp_path / "copy" / "tile" / "entries" / "000").unlink()
    assert run("ledger", "verify", static, "--no-statements").status == 1
    del filled
