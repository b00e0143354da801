# SPDX-License-Identifier: Apache-2.0
"""Cases over a record of their own, told to real receivers at moments that a test sets."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import insert, select
from webhook_stand import SECRET, Receiver, Stand

from tidegate.artifact import Digest
from tidegate.clock import rfc3339
from tidegate.curation.feedback.cases import Found, Pace, take_up
from tidegate.curation.feedback.channel import Channel, ChannelKind, Security, set_channel
from tidegate.curation.feedback.composing import Composer
from tidegate.curation.feedback.courier import Sender
from tidegate.curation.feedback.mail import Mailer
from tidegate.curation.feedback.messages import Message, list_messages
from tidegate.curation.feedback.notice import Cause, Fix, Objection, Severity
from tidegate.curation.feedback.owner import Owner, set_owner
from tidegate.curation.feedback.resolve import Owned
from tidegate.events import EventKind
from tidegate.outbound.reach import Opening, Reach
from tidegate.storage.schema import manifest, outbox, placement, repository_manifest, state, tag

PACE = Pace(gather=timedelta(seconds=10), again=timedelta(minutes=15))
FIX = Fix(what="Upgrade to h11 0.16.0, and push", commands=("pip install 'h11==0.16.0'",), passes=True, proof="allow")
LOOPBACK = Reach(openings=(Opening.parse("127.0.0.0/8"),))


def digest(name: str) -> Digest:
    """One that is told from others by a name."""
    return Digest.of(name.encode())


@dataclass(kw_only=True)
class FeedbackStand:
    """Owners, channels, cases, and who tells of them."""

    stand: Stand
    receivers: tuple[Receiver, ...] = ()
    mailer: Mailer = field(default_factory=lambda: Mailer(LOOPBACK))

    def __post_init__(self) -> None:
        database, clock = self.stand.database, self.stand.clock
        hooks = self.stand.sender(*self.receivers)
        self.sender = Sender(database, self.stand.key, self.mailer, hooks, clock)
        self.composer = Composer(database, lambda _digest, _repository: (FIX,), "https://us.example/{}".format, clock)

    def hook(self, receiver: Receiver, *, name: str = "hook", **more: Any) -> None:
        """A channel to a receiver of webhooks."""
        self._set(Channel(name=name, kind=ChannelKind.WEBHOOK, url=receiver.url, **more), SECRET.reveal())

    def mail(self, port: int, *, secret: str = "", **more: Any) -> None:
        """A channel to a mail server."""
        said: dict[str, Any] = {"security": Security.NONE, "sender": "gate@example.com", "to": "ops@example.com"}
        told = {**said, **more}
        self._set(Channel(name="mail", kind=ChannelKind.EMAIL, host="127.0.0.1", port=port, **told), secret)

    def _set(self, channel: Channel, secret: str) -> None:
        with self.stand.database.begin() as connection:
            set_channel(connection, channel, secret, key=self.stand.key, by="root", at=self.stand.at)

    def owner(self, name: str, **more: Any) -> None:
        """An owner on record."""
        with self.stand.database.begin() as connection:
            set_owner(connection, Owner(name=name, **more), by="root", at=self.stand.at)

    def take_up(self, name: str, **more: Any) -> str:
        """Something that a case is opened for, or that joins one; returns its id."""
        said: dict[str, Any] = {
            "event": f"event of {name}",
            "cause": Cause.RECALLED,
            "key": "one tide",
            "owned": Owned(name="team", by="repository *"),
            "severity": Severity.HIGH,
            "subject": digest(name),
            "repository": "team/app",
            "why": "a flaw",
            "objections": (Objection(message="CVE-1 in h11 is high", item="CVE-1 h11", fix="update it"),),
            "tide": "tide-1",
        }
        with self.stand.database.begin() as connection:
            return take_up(connection, Found(**{**said, **more}), pace=PACE, at=self.stand.at)

    def wait(self, **span: float) -> None:
        """Lets time go by."""
        self.stand.at += timedelta(**span)

    def tell(self) -> int:
        """Writes down what is due, and sends it; returns how many tries that were."""
        self.composer.once()
        with self.stand.database.read() as connection:
            names = {one.channel for one in list_messages(connection, state="waiting")}
        return sum(self.sender.serve(name) for name in sorted(names))

    def messages(self, **more: Any) -> list[Message]:
        """Oldest first."""
        with self.stand.database.read() as connection:
            return list_messages(connection, **more)[::-1]

    def events(self, kind: EventKind) -> list[str]:
        """Subjects of what was told of a kind."""
        query = select(outbox.c.subject).where(outbox.c.kind == kind.value).order_by(outbox.c.offset)
        with self.stand.database.read() as connection:
            return list(connection.scalars(query))

    def shelve(self, name: str, state_: str, *, repository: str = "team/app", tags: tuple[str, ...] = ()) -> Digest:
        """An image in a repository, in a state."""
        found, at = digest(name), rfc3339(self.stand.at)
        with self.stand.database.begin() as connection:
            connection.execute(
                insert(manifest).values(
                    digest=found,
                    document=b"{}",
                    media_type="application/json",
                    kind="image",
                    artifact_type="",
                    stored_at=at,
                )
            )
            connection.execute(
                insert(repository_manifest).values(repository=repository, digest=found, pushed_at=at, pushed_by="a")
            )
            connection.execute(insert(state).values(digest=found, state=state_, since=at))
            for one in tags:
                connection.execute(insert(tag).values(repository=repository, name=one, digest=found, moved_at=at))
        return found

    def place(self, name: str) -> None:
        """A workload that runs an image."""
        row = {"cluster": "prod", "namespace": "shop", "kind": "Deployment", "name": "web", "container": "web"}
        with self.stand.database.begin() as connection:
            connection.execute(
                insert(placement).values(**row, digest=digest(name), reference="x", since=rfc3339(self.stand.at))
            )
