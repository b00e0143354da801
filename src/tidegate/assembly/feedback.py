# SPDX-License-Identifier: Apache-2.0
"""What owners are told, from settings: for a server that does it, and for the book that commands read."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection

from tidegate.admission.gate import Gate
from tidegate.assembly.vending import build_sender, owner_lines
from tidegate.clock import Clock
from tidegate.curation.feedback.cases import Case, Item, Pace, find, items_of, last_told
from tidegate.curation.feedback.channel import channel_row
from tidegate.curation.feedback.composing import Composer, recipients
from tidegate.curation.feedback.courier import Courier, Sender
from tidegate.curation.feedback.mail import Mailed, Mailer
from tidegate.curation.feedback.messages import Message, list_messages
from tidegate.curation.feedback.notice import Cause, Notice, Severity, Turn
from tidegate.curation.feedback.proof import Prover
from tidegate.curation.feedback.resolve import Owners
from tidegate.curation.vending.webhook_key import WebhookKey
from tidegate.errors import UsageError
from tidegate.loops.owner_told import OwnerTold
from tidegate.outbound.reach import Opening, Reach
from tidegate.settings import Settings
from tidegate.storage.consumers import Consumer
from tidegate.storage.database import Database
from tidegate.storage.leases import Leases
from tidegate.values import Struct

_MOST: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What tells owners."""

    owners: Owners
    key: WebhookKey
    sender: Sender
    courier: Courier
    consumers: tuple[Consumer, ...]


def build_owners(settings: Settings) -> Owners:
    """Builds what says whose things are.

    Raises:
        UsageError: a line of `curation.owners` is none.
    """
    return Owners(owner_lines(settings), settings.feedback.default_owner)


def build_feedback(
    settings: Settings, database: Database, gate: Gate, prover: Prover, key: WebhookKey, leases: Leases, clock: Clock
) -> Feedback:
    """Builds it; nothing is told before its courier starts.

    Raises:
        TidegateError: a setting is none.
    """
    said = settings.feedback
    pace = Pace(gather=timedelta(seconds=said.gather_s), again=timedelta(seconds=said.again_s))
    owners = build_owners(settings)
    sender = build_feedback_sender(settings, database, key, clock)
    composer = Composer(database, prover.fixes, passports_at(settings), clock)
    return Feedback(
        owners=owners,
        key=key,
        sender=sender,
        courier=Courier(database, composer, sender, leases, clock),
        consumers=OwnerTold(database, gate, owners, pace, clock).consumers(),
    )


def build_feedback_sender(settings: Settings, database: Database, key: WebhookKey, clock: Clock) -> Sender:
    """Builds what sends by channels; mail servers are called where webhooks may be."""
    reach = Reach(openings=tuple(Opening.parse(text) for text in settings.curation.webhooks_may_reach))
    file = settings.outbound.ca_file
    tls = ssl.create_default_context(cafile=str(file)) if file else None
    return Sender(database, key, Mailer(reach, tls=tls), build_sender(settings, database, key, clock), clock)


def passports_at(settings: Settings) -> Callable[[str], str]:
    """Where all that is known of a digest is shown."""
    link = settings.feedback.link.rstrip("/")
    if link and not link.startswith(("https://", "http://")):
        raise UsageError("no address", where="feedback.link", remedy="write https://registry.example")
    return lambda subject: (
        (f"{link}/passports/{subject}" if link else f"tidegate passport {subject}")
        if ":" in subject
        else f"tidegate incident show {subject}"
    )


class Shown(Struct, frozen=True, kw_only=True):
    """One case, with all there is of it.

    Attributes:
        notice: what was told last; None for nothing yet.
    """

    case: Case
    items: tuple[Item, ...]
    messages: tuple[Message, ...]
    notice: Notice | None


def shown_case(connection: Connection, name: str) -> Shown:
    """One case.

    Raises:
        NotFoundError: there is none.
    """
    return Shown(
        case=find(connection, name),
        items=tuple(items_of(connection, name)),
        messages=tuple(list_messages(connection, case=name, limit=_MOST)),
        notice=last_told(connection, name),
    )


def try_out(database: Database, sender: Sender, name: str, number: str, *, at: str) -> Mailed:
    """Sends one message that says nothing else by a channel, under a number.

    Raises:
        NotFoundError: there is no such channel.
        UsageError: a mail channel has no address of its own.
    """
    with database.read() as connection:
        channel, sealed = channel_row(connection, name)
    reached = recipients(None, "", [channel])
    if not reached:
        raise UsageError("has no address to try", where=name, remedy="give it one: --to")
    notice = Notice(
        case=number,
        revision=0,
        turn=Turn.TEST,
        cause=Cause.REJECTED,
        severity=Severity.LOW,
        owner="",
        owner_by="",
        why="this message only tries the channel out",
        objections=(),
        affected=(),
        affected_in_all=0,
        opened_at=at,
        told_at=at,
    )
    return sender.send(channel, sealed, number, reached[0][1], (notice,), at)
