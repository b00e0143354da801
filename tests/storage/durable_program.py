# SPDX-License-Identifier: Apache-2.0
"""A process of its own for durable work, since its engine is process-wide: prints what ran, as JSON.

durable_program.py FOLDER SCENARIO
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

from tidegate.errors import InvalidInputError, OutsideError
from tidegate.storage.durable import DurableOptions, DurableWork, Steps

FOLDER, SCENARIO = Path(sys.argv[1]), sys.argv[2]


def note(word: str) -> str:
    """Remembers that something ran, whatever happens to this process."""
    with (FOLDER / "notes").open("a") as file:
        file.write(word + "\n")
        file.flush()
        os.fsync(file.fileno())
    return word


def failing(word: str) -> str:
    """Fails outside twice, then works."""
    note(f"try {word}")
    if len([line for line in (FOLDER / "notes").read_text().splitlines() if line == f"try {word}"]) <= 2:
        raise OutsideError("the disk is full")
    return note(word)


def broken(word: str) -> str:
    """Fails for good."""
    note(f"try {word}")
    raise InvalidInputError("it is broken")


def work(steps: Steps, argument: str) -> str:
    """Two steps; the scenario says how they behave."""
    steps.run("first", note, f"first {argument}")
    if SCENARIO == "die" and argument == "b":
        os.kill(os.getpid(), signal.SIGKILL)
    second = {"fail": failing, "broken": broken}.get(SCENARIO, note)
    return steps.run("second", second, f"second {argument}")


def wait_until_done() -> None:
    """The engine has no event for "nothing left"."""
    ends = time.monotonic() + 200
    while durable.unfinished() and time.monotonic() < ends:
        time.sleep(0.05)


options = DurableOptions(
    database_url=f"sqlite:///{FOLDER / 'work.db'}",
    executor_id="one",
    workers=1 if SCENARIO == "asleep" else 2,
    look_seconds=3600 if SCENARIO == "asleep" else 1,
)
durable = DurableWork(options, {"work": work})
durable.start()
if SCENARIO != "resume":
    for key in ("a", "b", "a"):
        durable.submit("work", key, key)
wait_until_done()
if SCENARIO == "asleep":
    time.sleep(3)  # until the queue stirs no more: from now on nobody looks for an hour, unless woken
    for key in ("c", "d", "e"):
        durable.submit("work", key, key)
    wait_until_done()
print(json.dumps({"unfinished": durable.unfinished(), "failed": durable.failed()}))
durable.stop()
