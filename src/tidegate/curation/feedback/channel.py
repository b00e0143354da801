# SPDX-License-Identifier: Apache-2.0
"""Channels on record: how owners are reached, when a channel is quiet, and how much it says in an hour."""

import re
from collections.abc import Mapping
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from enum import StrEnum
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection, delete, func, select, update

from tidegate.clock import rfc3339
from tidegate.curation.feedback.notice import Severity
from tidegate.curation.feedback.quiet import QuietHours
from tidegate.curation.vending.webhook import WebhookSecret
from tidegate.curation.vending.webhook_key import WebhookKey
from tidegate.errors import BoundExceededError, InvalidInputError, NotFoundError
from tidegate.events import Event, EventKind
from tidegate.outbound.address import check_url
from tidegate.storage.feedback_schema import feedback_channel as table
from tidegate.storage.feedback_schema import feedback_message
from tidegate.storage.insert import insert_or_update
from tidegate.storage.outbox import publish
from tidegate.values import Struct
from tidegate.wire import from_json, to_json

MAX_CHANNELS: Final = 200
MAX_SECRET_CHARS: Final = 1000
_MAX_ADDRESS_CHARS: Final = 254  # RFC 5321, 4.5.3.1.3, less the brackets
_MAX_PORT: Final = 65535
_MAX_DOCUMENT_BYTES: Final = 64 << 10
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.:-]{0,252}[A-Za-z0-9])?")


class ChannelKind(StrEnum):
    """What a channel is."""

    WEBHOOK = "webhook"
    EMAIL = "email"


class Security(StrEnum):
    """How a mail server is spoken to."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class Channel(Struct, frozen=True, kw_only=True):
    """A way to owners, without its secret.

    Attributes:
        url: of a webhook.
        host, port, security, user: of a mail server; the password is the secret.
        sender: address that mail comes from.
        to: address of whoever has none on record; "" and they get none by this channel.
        quiet: when nothing is said but what passes; None for never.
        passes: from this severity on it is told in quiet hours too.
        per_hour: messages in an hour; more wait. 0 for as many as there are.
    """

    name: str
    kind: ChannelKind
    url: str = ""
    host: str = ""
    port: int = 587
    security: Security = Security.STARTTLS
    user: str = ""
    sender: str = ""
    to: str = ""
    quiet: QuietHours | None = None
    passes: Severity = Severity.CRITICAL
    per_hour: int = 0


def set_channel(
    connection: Connection, channel: Channel, secret: str, *, key: WebhookKey, by: str, at: datetime
) -> Channel:
    """Puts a channel on record, in the place of what was said of it.

    Args:
        connection: inside a transaction that writes.
        channel: what it is.
        secret: of a webhook `whsec_…`, of a mail server the password; "" keeps the one that is there.
        key: secrets are sealed with.
        by: who does it.
        at: the moment recorded.

    Raises:
        InvalidInputError: something of it is none.
        BoundExceededError: there are as many as there may be.
    """
    _check(channel, secret)
    found = connection.scalar(select(table.c.sealed_secret).where(table.c.name == channel.name))
    if found is None and (connection.scalar(select(func.count()).select_from(table)) or 0) >= MAX_CHANNELS:
        raise BoundExceededError("MAX_CHANNELS", MAX_CHANNELS, where="channels")
    sealed = key.seal_text(secret, _bound_to(channel)) if secret else _kept(connection, channel, found or "")
    row = {"document": to_json(channel).decode(), "sealed_secret": sealed, "set_by": by, "set_at": rfc3339(at)}
    insert_or_update(connection, table, name=channel.name, **row)
    _tell(connection, EventKind.CHANNEL_SET, channel.name, by, at)
    return channel


def remove_channel(connection: Connection, name: str, *, by: str, at: datetime) -> None:
    """Takes a channel off the record; what waits for it is given up, and shown.

    Raises:
        NotFoundError: there is none of this name.
    """
    if not connection.execute(delete(table).where(table.c.name == name)).rowcount:
        raise _unknown(name)
    waits = (feedback_message.c.channel == name) & (feedback_message.c.state == "waiting")
    given_up = {"state": "dead", "problem": "its channel was removed", "ended_at": rfc3339(at)}
    connection.execute(update(feedback_message).where(waits).values(given_up))
    _tell(connection, EventKind.CHANNEL_REMOVED, name, by, at)


def list_channels(connection: Connection) -> list[Channel]:
    """All of them, by name."""
    return [_channel(row) for row in connection.execute(select(table).order_by(table.c.name)).mappings()]


def channel_names(connection: Connection) -> tuple[str, ...]:
    """The names of all of them."""
    return tuple(connection.scalars(select(table.c.name).order_by(table.c.name)))


def channel_row(connection: Connection, name: str) -> tuple[Channel, str]:
    """One of them, and its secret as it is stored.

    Raises:
        NotFoundError: there is none of this name.
    """
    row = connection.execute(select(table).where(table.c.name == name)).mappings().first()
    if row is None:
        raise _unknown(name)
    return _channel(row), row["sealed_secret"]


def secret_of(channel: Channel, sealed: str, key: WebhookKey) -> str:
    """The secret; "" when it has none.

    Raises:
        InvalidInputError: it was sealed by another key, or for another channel or receiver.
    """
    return key.open_text(sealed, _bound_to(channel)) if sealed else ""


def check_address(text: str) -> None:
    """Raises InvalidInputError when a text is no address of e-mail in ASCII that one line can hold."""
    try:
        parsed = Address(addr_spec=text)
        fine = text.isascii() and text.isprintable() and " " not in text and bool(parsed.username and parsed.domain)
    except (HeaderParseError, ValueError, IndexError):
        fine = False
    if not fine or len(text) > _MAX_ADDRESS_CHARS or any(letter in text for letter in '<>,;"()\\'):
        raise InvalidInputError("not an address of e-mail", where=repr(text[:80]), remedy="write team@example.com")


def _bound_to(channel: Channel) -> str:
    """What a secret is sealed for: sent elsewhere, it would not open."""
    place = channel.url if channel.kind is ChannelKind.WEBHOOK else f"{channel.host}:{channel.port} {channel.user}"
    return f"channel {channel.name} {place}"


def _kept(connection: Connection, channel: Channel, sealed: str) -> str:
    if sealed and _bound_to(channel_row(connection, channel.name)[0]) != _bound_to(channel):
        raise InvalidInputError("the receiver is another one", where=channel.name, remedy="give its secret with it")
    if not sealed and channel.kind is ChannelKind.WEBHOOK:
        raise InvalidInputError("a webhook needs a secret", where=channel.name)
    return sealed


def _check(channel: Channel, secret: str) -> None:
    if not _NAME.fullmatch(channel.name):
        raise InvalidInputError("not a channel's name", where=repr(channel.name[:80]), remedy="a-z, 0-9 and -")
    if channel.quiet is not None:
        channel.quiet.check()
    if channel.per_hour < 0:
        raise InvalidInputError("not a number of messages", where=channel.name)
    if channel.kind is ChannelKind.WEBHOOK:
        check_url(channel.url, insecure=False)
        if secret:
            WebhookSecret(secret)
        return
    if not _HOST.fullmatch(channel.host) or not 0 < channel.port <= _MAX_PORT:
        raise InvalidInputError("no mail server", where=f"{channel.host[:80]!r}:{channel.port}")
    if channel.user and channel.security is Security.NONE:
        raise InvalidInputError("a password is not sent in the clear", where=channel.name, remedy="use starttls or tls")
    if len(secret) > MAX_SECRET_CHARS or not secret.isprintable() or bool(secret) > bool(channel.user):
        raise InvalidInputError("a password goes with a user, in one line", where=channel.name)
    check_address(channel.sender)
    if channel.to:
        check_address(channel.to)


def _channel(row: Mapping[str, Any] | Any) -> Channel:
    where = f"channel {row['name']}"
    return from_json(row["document"].encode(), Channel, what=where, max_bytes=_MAX_DOCUMENT_BYTES)


def _unknown(name: str) -> NotFoundError:
    return NotFoundError("no such channel", where=name[:80], remedy="see `tidegate feedback channel list`")


def _tell(connection: Connection, kind: EventKind, name: str, by: str, at: datetime) -> None:
    data = {"channel": name, "who": by}
    publish(connection, Event(id=uuid4().hex, kind=kind, subject=f"channel/{name}", time=at, data=data))
