# SPDX-License-Identifier: Apache-2.0
"""What waits for the server: in order, by many writers, bounded, and there after every kill."""

import subprocess
import sys
from pathlib import Path

from tidegate.execution.drift_rules import Mode
from tidegate.execution.observation import Act, Observation, clean
from tidegate.execution.order import Outcome
from tidegate.reporting.spool import Spool
from tidegate.wire import to_json

_KILLED = """
import os, sys, signal
from pathlib import Path
from tidegate.execution.drift_rules import Mode
from tidegate.execution.observation import Act, Observation
from tidegate.reporting.spool import Spool
spool = Spool(Path(sys.argv[1]))
for number in range(40):
    spool.put(Observation(at="2026-11-30T00:00:00Z", act=Act.EXECUTED, mode=Mode.ALERT, path=f"{sys.argv[2]}/{number}"))
    print(number, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def seen(path: str) -> Observation:
    return Observation(at="2026-11-30T00:00:00Z", act=Act.EXECUTED, mode=Mode.ALERT, path=path)


def test_first_in_first_out_and_each_with_an_id_of_its_own(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool.db") as spool:
        assert all(spool.put(seen(f"/{number}")) for number in range(5))
        first = spool.first(3)
        assert [one.seen.path for _, one in first] == ["/0", "/1", "/2"]
        assert first == spool.first(3)
        spool.forget(first[-1][0])
        assert [one.seen.path for _, one in spool.first(9)] == ["/3", "/4"]
        assert len({one.id for _, one in first} | {one.id for _, one in spool.first(9)}) == 5


def test_when_it_is_full_what_comes_is_dropped_and_counted(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool.db", limit=3) as spool:
        assert [spool.put(seen(f"/{number}")) for number in range(5)] == [True, True, True, False, False]
        assert (spool.lost, spool.waiting) == (2, 3)
        spool.forget(spool.first(1)[0][0])
        assert spool.put(seen("/later"))
    with Spool(tmp_path / "spool.db") as spool:
        assert [one.seen.path for _, one in spool.first(9)] == ["/1", "/2", "/later"]
        assert spool.lost == 2


def test_nothing_taken_is_lost_when_many_write_and_all_are_killed(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    command = [sys.executable, "-c", _KILLED, str(path)]
    writers = [subprocess.Popen([*command, str(name)], stdout=subprocess.PIPE, text=True) for name in range(3)]
    told = []
    for name, writer in enumerate(writers):
        out, _ = writer.communicate(timeout=120)
        told += [f"{name}/{number}" for number in out.split()]
    with Spool(path) as spool:
        assert sorted(one.seen.path for _, one in spool.first(1000)) == sorted(told)
        assert len(told) == 120


def test_a_row_that_is_damaged_stops_nothing_behind_it(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool.db") as spool:
        spool._file.execute("INSERT INTO waiting (id, body) VALUES (?, ?)", ("a" * 32, b'{"at": 1'))
        spool.put(seen("/x"))
        assert [one.seen.act for _, one in spool.first(9)] == [Act.LOST, Act.EXECUTED]


def test_orders_are_remembered(tmp_path: Path) -> None:
    outcome = to_json(Outcome(done=True, what="so")).decode()
    with Spool(tmp_path / "spool.db") as spool:
        assert spool.outcome_of("a") is None
        spool.note_outcome("a", outcome, at="2026-11-30T10:00:00Z")
        assert spool.carried_out_since("2026-11-30T09:00:00Z") == 1
        assert spool.carried_out_since("2026-11-30T11:00:00Z") == 0
    with Spool(tmp_path / "spool.db") as spool:
        assert spool.outcome_of("a") == outcome


def test_a_name_that_is_no_utf8_can_be_told(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool.db") as spool:
        assert spool.put(seen(clean(b"/tmp/\xff".decode("utf-8", "surrogateescape"))))
        assert spool.first(1)[0][1].seen.path == "/tmp/\\xff"
