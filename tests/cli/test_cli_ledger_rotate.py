# SPDX-License-Identifier: Apache-2.0
"""`tidegate ledger rotate-key`: the log goes on under another key, and who believed the first one follows."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cli_run import Run

from filled_ledger import add_statements, run_tlogcheck, settings_of
from tidegate.assembly import notes
from tidegate.assembly.notes import note_signer
from tidegate.ledger import Checkpoint
from tidegate.ledger.handover import read_handovers

AT = datetime.now(UTC)
MONTH = timedelta(days=30)


@pytest.fixture
def filled(home: Path) -> Path:
    home.mkdir()
    add_statements(home, 5)
    return home


@pytest.fixture
def first(run: Run, filled: Path) -> str:
    assert filled.exists()
    return str(run("ledger", "checkpoint", "--format", "json").json["key"])


def rotated(run: Run, *words: str) -> Any:
    done = run("ledger", "rotate-key", *words, "--format", "json")
    assert done.status == 0, done.err
    return done.json


def test_the_old_key_is_followed_to_the_new(run: Run, filled: Path, first: str, tmp_path: Path) -> None:
    copy, kept = tmp_path / "copy", tmp_path / "kept"
    auditor = ("--home", tmp_path / "auditor", "ledger", "verify", copy, "--format", "json")
    assert run("ledger", "export", copy).status == 0
    assert run(*auditor, "--key", first, "--keep", kept).status == 0
    told = rotated(run)
    assert (told["replaces"], told["size"]) == (first, 5)
    assert told["key"] != first
    add_statements(filled, 3, start=5)
    assert run("ledger", "export", copy).status == 0
    checkpoint = (copy / "checkpoint").read_text()
    assert checkpoint.count("\n— ") == 2, "both sign until the window ends"
    for key in (first, told["key"]):
        found = run(*auditor, "--key", key, "--keep", kept)
        assert found.status == 0, found.err + found.out
        assert (found.json["size"], found.json["other_entries"]) == (9, 1), "the handover is on record"
    # The window is over at once: the new one signs alone, and the first leads to it still.
    last = rotated(run, "--overlap-days", "0")
    assert last["replaces"] == told["key"]
    (filled / "keys" / f"ledger.pem.{note_id(first)}").unlink()  # as if the first one's month were over too
    assert run("ledger", "export", copy).status == 0
    assert (copy / "checkpoint").read_text().count("\n— ") == 1
    found = run(*auditor, "--key", first, "--keep", kept)
    assert (found.status, found.json["key"]) == (0, last["key"])
    assert "signed by      tidegate/ledger+" in run(*auditor[:-2], "--key", first).out
    handovers = (copy / "handovers").read_bytes()
    (copy / "handovers").unlink()
    assert run(*auditor, "--key", first).status == 1, "nobody says that this is the same log"
    assert run(*auditor, "--key", last["key"]).status == 0
    (copy / "handovers").write_bytes(handovers.replace(b"\\n5\\n", b"\\n4\\n"))
    assert run(*auditor, "--key", first).status == 1
    (copy / "handovers").write_bytes(handovers)
    go = run_tlogcheck(last["key"], copy)
    assert go.returncode == 0, go.stderr


def note_id(key: str) -> str:
    return key.split("+")[1]


def test_a_fork_from_before_the_handover_is_told(run: Run, filled: Path, first: str, tmp_path: Path) -> None:
    """Whoever has the new key alone cannot make a log that begins otherwise believed by those who knew the old."""
    rotated(run)
    handovers = (filled / "keys" / "ledger.pem.handovers").read_text()
    other = tmp_path / "other"
    other.mkdir()
    add_statements(other, 9, start=100)
    (other / "keys" / "ledger.pem").write_bytes((filled / "keys" / "ledger.pem").read_bytes())
    (other / "keys" / "ledger.pem.handovers").write_text(handovers)
    assert run("--home", other, "ledger", "export", tmp_path / "copy").status == 0
    found = run("--home", tmp_path / "auditor", "ledger", "verify", tmp_path / "copy", "--key", first)
    assert found.status == 1
    assert "does not go on from the one of 5 entries that was kept" in found.out
    assert len(json.loads(handovers)) == 1


class KilledError(BaseException):
    """As a kill: nobody catches it."""


@pytest.mark.parametrize("calls", range(1, 5))
def test_a_kill_at_any_step_leaves_one_key_in_use(
    calls: int, filled: Path, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the handover is on the disk the old one signs on; after it, whoever looks next ends the rotation."""
    settings, left = settings_of(filled), calls

    def dying(act: Any) -> Any:
        def counted(*words: Any) -> Any:
            nonlocal left
            left -= 1
            if not left:
                raise KilledError
            return act(*words)

        return counted

    with monkeypatch.context() as patch:
        for name in ("_create", "_replace", "_finish"):
            patch.setattr(notes, name, dying(getattr(notes, name)))
        with pytest.raises(KilledError):
            notes.rotate_note_key(settings, Checkpoint(origin="tidegate/ledger", size=5, root=bytes(32)), MONTH, AT)
    found = note_signer(settings)
    if not read_handovers(notes.handovers_of(settings)):
        assert str(found.verifier) == first
        assert found.beside == ()
        return
    assert str(found.verifier) != first
    assert [str(one.verifier) for one in found.beside] == [first]
    assert note_signer(settings) == found
    assert not list((filled / "keys").glob("*.next"))


def test_an_overlap_has_a_bound(run: Run, filled: Path, first: str) -> None:
    assert run("ledger", "rotate-key", "--overlap-days", "367").status == 2
    assert str(note_signer(settings_of(filled)).verifier) == first
