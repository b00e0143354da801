# SPDX-License-Identifier: Apache-2.0
"""Commits that several writers share: each is told the truth about its own part, whatever becomes of the others'."""

import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from enum import Enum
from pathlib import Path

import pytest
from group_material import PATIENCE_SECONDS, engine_of, lasting, opened, pair
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, event
from sqlalchemy.exc import IntegrityError

from tidegate.errors import OutsideError
from tidegate.storage.group_commit import GROUP_SECONDS, GroupCommit

PROGRAM = Path(__file__).with_name("commit_program.py")


class Act(Enum):
    """What a part may do."""

    WRITES = "writes"
    RAISES = "raises"
    IS_REFUSED = "is refused"
    SWALLOWS = "is refused, and goes on"
    TAKES_ALL = "makes SQLite roll back everything"
    SWALLOWS_THAT = "does so, and goes on"
    ORPHANS = "writes what no commit can accept"


LOSES_ALL = {Act.TAKES_ALL, Act.SWALLOWS_THAT, Act.ORPHANS}


class OwnError(Exception):
    """A part's own error."""


def do(act: Act, connection: Connection, number: int) -> None:
    pair(connection, number)
    if act is Act.RAISES:
        raise OwnError
    if act in {Act.IS_REFUSED, Act.SWALLOWS}:
        with suppress(*{IntegrityError} if act is Act.SWALLOWS else ()):
            pair(connection, number)
    if act in {Act.TAKES_ALL, Act.SWALLOWS_THAT}:
        with suppress(*{IntegrityError} if act is Act.SWALLOWS_THAT else ()):
            connection.exec_driver_sql("INSERT OR ROLLBACK INTO one VALUES (?)", (number,))
    if act is Act.ORPHANS:
        connection.exec_driver_sql("INSERT INTO other VALUES (?)", (-number,))


def run_together(group: GroupCommit, acts: list[tuple[Act, bool]]) -> list[BaseException | None]:
    """Parts in this order, all but the first queued when the first ends; what each of them was told."""
    told: list[BaseException | None] = [None] * len(acts)

    def work(number: int) -> None:
        act, alone = acts[number]
        try:
            with group.part(alone=alone) as connection:
                do(act, connection, number + 1)
                if number == 0:
                    queue()
        except Exception as error:  # noqa: BLE001 - whatever it was told is looked at
            told[number] = error

    threads: list[threading.Thread] = []

    def queue() -> None:
        for number in range(1, len(acts)):
            threads.append(threading.Thread(target=work, args=(number,)))
            threads[-1].start()
            while group.waiting < number:
                assert threads[-1].is_alive()

    work(0)
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()
    return told


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    acts=st.lists(st.tuples(st.sampled_from(Act), st.booleans()), min_size=1, max_size=7).filter(
        # The first has to live until the others are queued.
        lambda acts: acts[0][0] in {Act.WRITES, Act.SWALLOWS}
    ),
    group_seconds=st.sampled_from([0.0, GROUP_SECONDS, 60.0]),
)
def test_each_is_told_what_became_of_its_part(acts: list[tuple[Act, bool]], group_seconds: float) -> None:
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        group = opened(folder, group_seconds=group_seconds)
        told = run_together(group, acts)
        found = lasting(folder)
        assert found == {number for number, error in enumerate(told, 1) if error is None}
        for (act, alone), error in zip(acts, told, strict=True):
            if act in LOSES_ALL:
                assert error is not None
            elif act is Act.RAISES:
                assert isinstance(error, OwnError)
            elif act is Act.IS_REFUSED:
                assert isinstance(error, IntegrityError)
            elif alone or not LOSES_ALL & {act for act, _ in acts}:
                assert error is None
            else:
                assert error is None or isinstance(error, OutsideError)
        assert group.waiting == 0
        with group.part() as connection:  # and it goes on
            pair(connection, 100)
        assert lasting(folder) == {*found, 100}


def test_those_who_queue_share_one_commit(tmp_path: Path) -> None:
    engine, commits = engine_of(tmp_path), 0

    @event.listens_for(engine, "commit")
    def count(_connection: Connection) -> None:
        nonlocal commits
        commits += 1

    group = GroupCommit(engine.connect, PATIENCE_SECONDS, group_seconds=60)
    assert run_together(group, [(Act.WRITES, False)] * 10) == [None] * 10
    assert (commits, lasting(tmp_path)) == (1, set(range(1, 11)))
    commits = 0
    with group.part() as connection:
        pair(connection, 50)
    assert commits == 1


def test_who_is_alone_sees_only_what_is_committed(tmp_path: Path) -> None:
    group, seen = opened(tmp_path, group_seconds=60), []

    def look() -> None:
        with group.part(alone=True):
            seen.append(lasting(tmp_path))

    with group.part() as connection:
        pair(connection, 1)
        looking = threading.Thread(target=look)
        looking.start()
        while not group.waiting:
            assert looking.is_alive()
    looking.join()
    assert seen == [{1}]


def test_who_waits_too_long_is_told_and_holds_nobody_up(tmp_path: Path) -> None:
    group = GroupCommit(engine_of(tmp_path).connect, 0.05)
    with group.part() as connection:
        pair(connection, 1)
        with pytest.raises(OutsideError, match="locked by a writer of this process"), group.part():
            pass
    with group.part() as connection:
        pair(connection, 2)
    assert lasting(tmp_path) == {1, 2}


def test_a_kill_between_the_parts_of_a_group_leaves_nothing_of_them(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, PROGRAM, tmp_path, "1", "doomed"], stdout=subprocess.PIPE, timeout=120, check=False
    )
    assert (done.returncode, done.stdout) == (-9, b"")
    assert lasting(tmp_path) == set()


def test_what_was_told_is_there_after_a_kill_at_any_moment(tmp_path: Path) -> None:
    told: set[int] = set()
    for turn in range(4):
        with subprocess.Popen(
            [sys.executable, PROGRAM, tmp_path, str(turn * 1_000_000)], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                told.add(int(line))
                if len(told) % 97 == turn:
                    break
            process.kill()
            told.update(int(line) for line in process.stdout.read().split(b"\n")[:-1])
        assert told <= lasting(tmp_path)
    assert len(told) > 10
