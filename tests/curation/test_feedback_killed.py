# SPDX-License-Identifier: Apache-2.0
"""A process that tells owners is killed again and again: each message comes, under one id, its thread in order."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from feedback_stand import FeedbackStand, digest
from webhook_stand import Receiver, Stand

from tidegate.curation.feedback.mended import close_what_is_mended
from tidegate.curation.feedback.notice import Cause
from tidegate.events import EventKind

CASES = 12
KILLS = 3
_PROGRAM = Path(__file__).with_name("tell_until_killed.py")


def _until(receiver: Receiver, stand: Stand, number: int) -> None:
    """Tells until so many messages came, and is killed."""
    path = os.pathsep.join([str(_PROGRAM.parent), str(_PROGRAM.parent.parent)])
    words = [sys.executable, str(_PROGRAM), stand.url, str(receiver.port)]
    with subprocess.Popen(words, env={**os.environ, "PYTHONPATH": path}) as process:
        try:
            with receiver.grown:
                assert receiver.grown.wait_for(lambda: len(receiver.got) >= number, 240), len(receiver.got)
        finally:
            process.kill()


def test_no_kill_loses_a_message_or_makes_another_of_it(stand: Stand, receiver: Receiver) -> None:
    told = FeedbackStand(stand=stand, receivers=(receiver,))
    told.hook(receiver)
    for number in range(CASES):
        told.shelve(f"image {number}", "rejected")
        told.take_up(f"image {number}", key=str(number), cause=Cause.REJECTED)
    for kill in range(1, KILLS + 1):
        _until(receiver, stand, kill * CASES // (KILLS + 1))
    told.wait(hours=1)
    told.tell()
    for number in range(CASES):
        told.shelve(f"fixed {number}", "admitted", tags=(f"1.{number}",))
    told.wait(hours=1)
    assert close_what_is_mended(stand.database, at=stand.at) == CASES
    told.tell()
    assert [one.state for one in told.messages()] == ["done"] * 2 * CASES
    assert {headers["webhook-id"] for headers, _ in receiver.got} == {one.id for one in told.messages()}
    turns: dict[str, list[str]] = defaultdict(list)
    for (notice,) in (json.loads(body)["data"]["notices"] for body in receiver.bodies()):
        if notice["turn"] not in turns[notice["case"]]:
            turns[notice["case"]].append(notice["turn"])
    assert [*turns.values()] == [["opened", "closed"]] * CASES
    assert len(receiver.got) <= 2 * CASES + KILLS + CASES, "what was under way at a kill is sent again, nothing else"
    expected = sorted(digest(f"image {number}") for number in range(CASES))
    assert sorted(told.events(EventKind.FEEDBACK_TOLD)) == sorted(expected * 2)
