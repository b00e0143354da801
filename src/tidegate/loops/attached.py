# SPDX-License-Identifier: Apache-2.0
"""Somebody hung evidence on an image that has its verdict: have it judged again, for the evidence may change it."""

from collections.abc import Callable

from sqlalchemy import select

from tidegate.curation.lifecycle import SHUT, VENDED
from tidegate.curation.shelf import OWN_HAND
from tidegate.events import Event, EventKind
from tidegate.storage import schema
from tidegate.storage.consumers import Consumer
from tidegate.storage.database import Database

_ADDED = frozenset({EventKind.EVIDENCE_ADDED})


def judge_when_attached(database: Database, submit: Callable[[str, str], None]) -> Consumer:
    """A consumer that asks for curation of what others' evidence hangs on; one still undecided will see it anyway.

    What tidegate hangs there itself is the outcome of a judgement, and starts none.
    """
    judged = [member.value for member in VENDED | SHUT]

    def handle(event: Event, offset: int) -> None:
        subject = event.data.get("subject")
        if not isinstance(subject, str) or event.data.get("who") == OWN_HAND:
            return
        state = select(schema.state.c.state).where(schema.state.c.digest == subject)
        with database.read() as connection:
            is_judged = connection.scalar(state) in judged
        if is_judged:
            submit(f"{subject}:{offset}", subject)

    return Consumer(name="loops.attached", kinds=_ADDED, handle=handle)
