# SPDX-License-Identifier: Apache-2.0
"""Somebody hung evidence on an image that has its verdict: have it judged again, for the evidence may change it."""

from collections.abc import Callable

from sqlalchemy import select

from tidegate.artifact import Digest
from tidegate.curation.lifecycle import SHUT, VENDED
from tidegate.curation.referrers_tag import attested_by_tag
from tidegate.curation.shelf import OWN_HAND
from tidegate.events import Event, EventKind
from tidegate.storage import schema
from tidegate.storage.consumers import Consumer
from tidegate.storage.database import Database

_ADDED = frozenset({EventKind.EVIDENCE_ADDED})


def judge_when_attached(database: Database, submit: Callable[[str, str], None]) -> Consumer:
    """A consumer that asks for curation of what others' evidence hangs on; one still undecided will see it anyway.

    What it hangs on is named by the manifest itself, or by cosign's tag that points to it. Of an index its images are
    judged as well: they may be good by what is signed of the whole.

    What tidegate hangs there itself is the outcome of a judgement, and starts none.
    """
    judged = [member.value for member in VENDED | SHUT]

    def handle(event: Event, offset: int) -> None:
        if event.data.get("who") == OWN_HAND:
            return
        named = event.data.get("subject")
        with database.read() as connection:
            hung = (named,) if isinstance(named, str) else attested_by_tag(connection, Digest(event.subject))
            below = schema.manifest_child.c
            subjects = (*hung, *connection.scalars(select(below.child).where(below.parent.in_(hung))))
            state = select(schema.state.c.digest).where(
                schema.state.c.digest.in_(subjects), schema.state.c.state.in_(judged)
            )
            found = tuple(connection.scalars(state.order_by(schema.state.c.digest)))
        for subject in found:
            submit(f"{subject}:{offset}", subject)

    return Consumer(name="loops.attached", kinds=_ADDED, handle=handle)
