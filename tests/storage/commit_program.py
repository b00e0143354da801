# SPDX-License-Identifier: Apache-2.0
"""Threads that write pairs of rows to SQLite without pause, and tell each number once its commit has returned.

commit_program.py FOLDER FIRST            until it is killed
commit_program.py FOLDER FIRST doomed     dies between the parts of one group, before their commit
"""

import os
import signal
import sys
import threading
from itertools import count
from pathlib import Path

from group_material import opened, pair

from tidegate.storage.group_commit import GroupCommit

THREADS = 8


def work(group: GroupCommit, numbers: "count[int]") -> None:
    for number in numbers:
        with group.part() as connection:
            pair(connection, number)
        os.write(1, f"{number}\n".encode())


def doomed(group: GroupCommit, first: int) -> None:
    """Two do their parts, the third is killed in the midst of its own."""

    def part(number: int) -> None:
        with group.part() as connection:
            pair(connection, number)
        os.write(1, f"{number}\n".encode())

    def killed() -> None:
        with group.part() as connection:
            pair(connection, first + 2)
            os.kill(os.getpid(), signal.SIGKILL)

    with group.part() as connection:
        pair(connection, first)
        for act in (lambda: part(first + 1), killed):
            waiting = group.waiting
            threading.Thread(target=act).start()
            while group.waiting == waiting:
                pass
    os.write(1, f"{first}\n".encode())


if __name__ == "__main__":
    shared = opened(Path(sys.argv[1]), group_seconds=60 if sys.argv[3:] else None)
    start = int(sys.argv[2])
    if sys.argv[3:]:
        doomed(shared, start)
    else:
        source = count(start)
        for _ in range(THREADS):
            threading.Thread(target=work, args=(shared, source)).start()
