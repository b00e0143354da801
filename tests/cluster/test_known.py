# SPDX-License-Identifier: Apache-2.0
"""What the watcher keeps of its cluster: what the server has not been told, by kills and by loss of the file."""

import subprocess
import sys
from pathlib import Path

import pytest

from tidegate.cluster.known import Known
from tidegate.cluster.telling import Telling
from tidegate.execution.observation import Container
from tidegate.execution.report import MAX_CHANGES, Owner, PodContainer, Report, Taken

AT = "2026-11-30T12:00:00Z"


def run(number: int, *, ended: bool = False, digest: str = "d") -> PodContainer:
    return PodContainer(container=Container(id=f"{number:064x}", name="app", digest=digest), ended=ended)


@pytest.fixture
def known(tmp_path: Path) -> "Known":
    made = Known(tmp_path / "known.db")
    made.put([(f"pod-{number}", [run(number)]) for number in range(3)], at=AT, version="7")
    return made


def ids(known: Known) -> list[tuple[int, bool]]:
    return [(int(one.container.id, 16), one.ended) for one in known.news().changed]


def test_what_is_told_waits_no_more_but_what_changed_meanwhile_does(known: Known) -> None:
    news = known.news()
    assert ids(known) == [(0, False), (1, False), (2, False)]
    known.put([("pod-1", [run(1, digest="e")])], at=AT, version="8")
    known.told(news.changed)
    assert ids(known) == [(1, False)]
    assert known.version == "8"
    known.close()


def test_a_run_that_ended_is_told_once_and_forgotten_with_its_pod(known: Known) -> None:
    known.told(known.news().changed)
    known.put([("pod-1", [run(1, ended=True), run(9)])], at=AT, version="8")
    known.told(known.news().changed)
    assert not known.put([("pod-1", [run(1, ended=True), run(9)])], at=AT, version="9")
    assert ids(known) == []
    assert known.remove("pod-1", [run(1, ended=True), run(9)], at=AT, version="10")
    assert ids(known) == [(9, True)]
    assert known.news().changed[0].ended_at == AT
    known.told(known.news().changed)
    assert known.news().running == 2
    known.close()


def test_an_end_without_its_image_keeps_the_one_that_was_known(known: Known) -> None:
    known.put([("pod-1", [run(1, ended=True, digest="")])], at=AT, version="8")
    assert known.news().changed[-1].container.digest == "d"
    known.close()


def test_a_list_ends_what_it_does_not_name_and_a_kill_within_it_ends_nothing(known: Known, tmp_path: Path) -> None:
    known.told(known.news().changed)
    known.begin_list()
    known.put([("pod-0", [run(0)])], at=AT)
    known.close()
    again = Known(tmp_path / "known.db")
    assert (again.version, ids(again)) == ("", [])
    again.begin_list()
    again.put([("pod-0", [run(0)]), ("pod-2", [run(2)])], at=AT)
    assert again.end_list("20", at=AT)
    assert (again.version, ids(again)) == ("20", [(1, True)])
    again.close()


def test_more_than_one_report_takes_is_no_whole(tmp_path: Path) -> None:
    known = Known(tmp_path / "known.db")
    known.put([(f"pod-{one}", [run(one)]) for one in range(MAX_CHANGES + 1)], at=AT, version="1")
    telling = Telling(known, lambda: AT)
    report = telling.add_to(Report(run="c" * 32))
    assert (len(report.changed), report.running, report.all_since) == (MAX_CHANGES, -1, 0)
    assert telling.taken(report, Taken(new=0))
    report = telling.add_to(Report(run="c" * 32))
    assert (len(report.changed), report.running) == (1, MAX_CHANGES + 1)
    assert not telling.taken(report, Taken(new=0))
    known.close()


def test_a_server_that_knows_something_else_is_told_all_of_it_with_higher_numbers(known: Known) -> None:
    telling = Telling(known, lambda: AT)
    report = telling.add_to(Report(run="c" * 32))
    highest = max(one.number for one in report.changed)
    assert telling.taken(report, Taken(new=0, unknown_containers=True))
    report = telling.add_to(Report(run="c" * 32))
    assert [one.number > highest for one in report.changed] == [True] * 3
    assert report.all_since == min(one.number for one in report.changed)
    assert not telling.taken(report, Taken(new=0, unknown_containers=True))  # not again at once
    known.close()


def test_who_lost_the_file_tells_with_higher_numbers(known: Known, tmp_path: Path) -> None:
    highest = max(one.number for one in known.news().changed)
    known.close()
    (tmp_path / "known.db").unlink()
    anew = Known(tmp_path / "known.db")
    anew.put([("pod-0", [run(0)])], at=AT, version="1")
    news = anew.news()
    assert news.changed[0].number > highest
    assert news.all_since > highest
    anew.close()


def test_ends_that_wait_too_long_are_let_go_oldest_first(known: Known) -> None:
    for number in range(3):
        known.remove(f"pod-{number}", [], at=AT, version="9")
    assert known.drop_oldest(2) == 1
    assert ids(known) == [(1, True), (2, True)]
    known.close()


def test_owners_are_remembered(known: Known) -> None:
    known.remember_owner("u", Owner(kind="Deployment", name="web"))
    assert known.owner("u") == Owner(kind="Deployment", name="web")
    assert known.owner("v") is None
    known.close()


_KILLED = """
import os, signal, sys
from pathlib import Path
from tidegate.cluster.known import Known
from tidegate.execution.observation import Container
from tidegate.execution.report import PodContainer
known = Known(Path(sys.argv[1]))
for number in range(20):
    run = PodContainer(container=Container(id=f"{number:064x}"))
    known.put([(f"pod-{number}", [run])], at="2026-11-30T12:00:00Z", version=str(number + 1))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_heard_before_a_kill_is_there_with_its_place(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path / "known.db")], check=False)
    known = Known(tmp_path / "known.db")
    assert (known.version, known.news().running) == ("20", 20)
    known.close()
