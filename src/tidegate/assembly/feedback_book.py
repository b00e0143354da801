# SPDX-License-Identifier: Apache-2.0
"""Owners, and what they are told, for one command: of the record here, or of a server elsewhere."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol
from uuid import uuid4

from sqlalchemy import Connection

from tidegate.assembly.feedback import Shown, build_feedback_sender, build_owners, shown_case, try_out
from tidegate.assembly.home import Home
from tidegate.assembly.keeping import local_user
from tidegate.assembly.remote import here_or_there
from tidegate.assembly.stores import open_database
from tidegate.clock import Clock, rfc3339, system_clock
from tidegate.curation.feedback import cases, messages
from tidegate.curation.feedback.cases import Case
from tidegate.curation.feedback.channel import Channel, list_channels, remove_channel, set_channel
from tidegate.curation.feedback.courier import Sender
from tidegate.curation.feedback.mail import Mailed
from tidegate.curation.feedback.messages import Message
from tidegate.curation.feedback.owner import Owner, list_owners, remove_owner, set_owner
from tidegate.curation.feedback.resolve import Owned, Owners
from tidegate.curation.feedback.times import Times, times_to_fix
from tidegate.curation.vending.webhook_key import WebhookKey
from tidegate.remote import RemoteServer
from tidegate.remote.server import quoted
from tidegate.remote.whole_id import whole_id
from tidegate.settings import Settings
from tidegate.storage.database import Database
from tidegate.values import Struct

_MANY: Final = 1000


class FeedbackBook(Protocol):
    """What a command asks; raises as the rooms do. A case or message is named by its id, or by how that begins."""

    def owners(self) -> Sequence[Owner]:
        """All owners, by name."""
        ...

    def owner_of(self, repository: str, digest: str) -> Owned:
        """Whose an image is, or a repository without a digest."""
        ...

    def set_owner(self, owner: Owner) -> Owner:
        """Puts an owner on record."""
        ...

    def remove_owner(self, name: str) -> None:
        """Takes one off it."""
        ...

    def cases(self, *, state: str, owner: str, subject: str, limit: int) -> Sequence[Case]:
        """Cases, the newest first."""
        ...

    def case(self, start: str) -> Shown:
        """One case, with all there is of it."""
        ...

    def messages(self, *, state: str, limit: int) -> Sequence[Message]:
        """Messages, the newest first."""
        ...

    def retry(self, start: str) -> Message:
        """Has a message sent again."""
        ...

    def times(self, *, owner: str, days: int) -> Sequence[Times]:
        """How long it takes until it is mended."""
        ...

    def channels(self) -> Sequence[Channel]:
        """Channels, without their secrets."""
        ...

    def set_channel(self, channel: Channel, secret: str) -> Channel:
        """Puts a channel on record; without a secret the one that is there stays."""
        ...

    def remove_channel(self, name: str) -> None:
        """Takes one off it."""
        ...

    def try_out(self, name: str) -> Mailed:
        """Sends one message by a channel."""
        ...


def open_feedback(settings: Settings, *, clock: Clock = system_clock) -> AbstractContextManager[FeedbackBook]:
    """The book of the server that `client.server` names; without one, of the record here.

    Raises:
        TidegateError: the home folder, the database or a key is not usable.
    """

    @contextmanager
    def opens(settings: Settings) -> Iterator[_Recorded]:
        Home(folder=settings.home).make()
        database = open_database(settings)
        try:
            key = WebhookKey.load(settings.signing.webhook_key_file)
            sender = build_feedback_sender(settings, database, key, clock)
            yield _Recorded(database=database, key=key, sender=sender, whose=build_owners(settings), clock=clock)
        finally:
            database.close()

    return here_or_there(settings, opens=opens, here=lambda recorded: recorded, there=_Remote)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recorded:
    database: Database
    key: WebhookKey
    sender: Sender
    whose: Owners
    clock: Clock

    def owners(self) -> Sequence[Owner]:
        with self.database.read() as connection:
            return list_owners(connection)

    def owner_of(self, repository: str, digest: str) -> Owned:
        with self.database.read() as connection:
            return self.whose.of_image(connection, digest, repository)

    def set_owner(self, owner: Owner) -> Owner:
        with self.database.begin() as connection:
            return set_owner(connection, owner, by=local_user(), at=self.clock())

    def remove_owner(self, name: str) -> None:
        with self.database.begin() as connection:
            remove_owner(connection, name, by=local_user(), at=self.clock())

    def cases(self, *, state: str, owner: str, subject: str, limit: int) -> Sequence[Case]:
        with self.database.read() as connection:
            return cases.list_cases(connection, state=state, owner=owner, subject=subject, limit=limit)

    def case(self, start: str) -> Shown:
        with self.database.read() as connection:
            ids = (one.id for one in cases.list_cases(connection, limit=_MANY))
            return shown_case(connection, whole_id(start, ids, what="case"))

    def messages(self, *, state: str, limit: int) -> Sequence[Message]:
        with self.database.read() as connection:
            return messages.list_messages(connection, state=state, limit=limit)

    def retry(self, start: str) -> Message:
        with self.database.begin() as connection:
            return messages.retry(connection, self._message(connection, start), at=self.clock())

    def times(self, *, owner: str, days: int) -> Sequence[Times]:
        at = self.clock()
        with self.database.read() as connection:
            return times_to_fix(connection, since=at - timedelta(days=days), at=at, owner=owner)

    def channels(self) -> Sequence[Channel]:
        with self.database.read() as connection:
            return list_channels(connection)

    def set_channel(self, channel: Channel, secret: str) -> Channel:
        with self.database.begin() as connection:
            return set_channel(connection, channel, secret, key=self.key, by=local_user(), at=self.clock())

    def remove_channel(self, name: str) -> None:
        with self.database.begin() as connection:
            remove_channel(connection, name, by=local_user(), at=self.clock())

    def try_out(self, name: str) -> Mailed:
        return try_out(self.database, self.sender, name, uuid4().hex, at=rfc3339(self.clock()))

    def _message(self, connection: Connection, start: str) -> str:
        return whole_id(start, (one.id for one in messages.list_messages(connection, limit=_MANY)), what="message")


class _Owners(Struct, frozen=True):
    owners: tuple[Owner, ...]


class _Cases(Struct, frozen=True):
    cases: tuple[Case, ...]


class _Messages(Struct, frozen=True):
    messages: tuple[Message, ...]


class _Times(Struct, frozen=True):
    times: tuple[Times, ...]


class _Channels(Struct, frozen=True):
    channels: tuple[Channel, ...]


class _Remote:
    def __init__(self, server: RemoteServer) -> None:
        self._server = server

    def owners(self) -> Sequence[Owner]:
        return self._server.ask("GET", "/owners", _Owners).owners

    def owner_of(self, repository: str, digest: str) -> Owned:
        return self._server.ask("GET", "/owners/of", Owned, query={"repository": repository, "digest": digest})

    def set_owner(self, owner: Owner) -> Owner:
        return self._server.ask("PUT", f"/owners/{quoted(owner.name)}", Owner, body=owner)

    def remove_owner(self, name: str) -> None:
        self._server.ask("DELETE", f"/owners/{quoted(name)}", dict[str, Any])

    def cases(self, *, state: str, owner: str, subject: str, limit: int) -> Sequence[Case]:
        query = {"state": state, "owner": owner, "subject": subject, "limit": limit}
        return self._server.ask("GET", "/feedback/cases", _Cases, query=query).cases

    def case(self, start: str) -> Shown:
        ids = (one.id for one in self.cases(state="", owner="", subject="", limit=_MANY))
        return self._server.ask("GET", f"/feedback/cases/{quoted(whole_id(start, ids, what='case'))}", Shown)

    def messages(self, *, state: str, limit: int) -> Sequence[Message]:
        query = {"state": state, "limit": limit}
        return self._server.ask("GET", "/feedback/messages", _Messages, query=query).messages

    def retry(self, start: str) -> Message:
        name = whole_id(start, (one.id for one in self.messages(state="", limit=_MANY)), what="message")
        return self._server.ask("POST", f"/feedback/messages/{quoted(name)}/retry", Message)

    def times(self, *, owner: str, days: int) -> Sequence[Times]:
        return self._server.ask("GET", "/feedback/times", _Times, query={"owner": owner, "days": days}).times

    def channels(self) -> Sequence[Channel]:
        return self._server.ask("GET", "/feedback/channels", _Channels).channels

    def set_channel(self, channel: Channel, secret: str) -> Channel:
        body = {"channel": channel, "secret": secret}
        return self._server.ask("PUT", f"/feedback/channels/{quoted(channel.name)}", Channel, body=body)

    def remove_channel(self, name: str) -> None:
        self._server.ask("DELETE", f"/feedback/channels/{quoted(name)}", dict[str, Any])

    def try_out(self, name: str) -> Mailed:
        return self._server.ask("POST", f"/feedback/channels/{quoted(name)}/test", Mailed)
