# SPDX-License-Identifier: Apache-2.0
"""Receivers of webhooks that keep what they get, and subscriptions over a record of their own."""

import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tidegate.admission.remembered_restrictions import RememberedRestrictions
from tidegate.admission.restrictions import impose, lift_from
from tidegate.artifact import Digest
from tidegate.curation.vending.delivery import Delivery
from tidegate.curation.vending.hearing import Hearer, Hearing
from tidegate.curation.vending.subscriber import Subscribers, owner_columns
from tidegate.curation.vending.subscriptions import (
    Subscription,
    Wanted,
    list_deliveries,
    note_events,
    subscribe,
    subscription_named,
)
from tidegate.curation.vending.webhook import WebhookSecret
from tidegate.curation.vending.webhook_key import WebhookKey
from tidegate.curation.vending.webhook_sender import WebhookSender
from tidegate.events import Event, EventKind
from tidegate.evidence.restriction import Restriction
from tidegate.identity import Principal, PrincipalKind, account, granting
from tidegate.identity.directory import Directory
from tidegate.identity.grant import Holder
from tidegate.identity.granting import Wanted as Wish
from tidegate.identity.pattern import RepositoryPattern
from tidegate.identity.permissions import Permissions
from tidegate.identity.verb import parse_verbs
from tidegate.outbound import Outbound, OutboundOptions
from tidegate.outbound.reach import Opening, Reach
from tidegate.storage import outbox
from tidegate.storage.database import Database

NOW = datetime(2027, 1, 1, tzinfo=UTC)
ONE, TWO = Digest.of(b"one"), Digest.of(b"two")
ANNA = Principal(name="anna", kind=PrincipalKind.ADMINISTRATOR)
SECRET = WebhookSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")


@dataclass
class Receiver:
    """An HTTP server that keeps what it gets and answers as it is told; at a port, or at any."""

    at_port: int = 0
    answers: list[int] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)
    grown: threading.Condition = field(default_factory=threading.Condition)

    def __enter__(self) -> "Receiver":
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                body = self.rfile.read(length)
                if len(body) < length:
                    return  # who sent it was killed
                with receiver.grown:
                    receiver.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                    receiver.answered.append(receiver.answers.pop(0) if receiver.answers else 204)
                    status = receiver.answered[-1]
                    receiver.grown.notify_all()
                self.send_response(status)
                self.send_header("Location", receiver.url)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", self.at_port), Handler)
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def told(self) -> list[tuple[str, str]]:
        return [(event["type"].rpartition(".")[2], event["subject"]) for event in map(json.loads, self.bodies())]

    def bodies(self) -> list[bytes]:
        return [body for _, body in self.got]


class InTurn(Delivery):
    """Makes deliveries one after the other."""

    def once(self) -> int:
        """All that are due; returns how many."""
        with self._database.read() as connection:
            due = [self.due(connection, to["id"], limit=50) for to in self.waiting(connection)]
        for rows in filter(None, due):
            self.deliver(rows, going=lambda: True)
        return sum(map(len, due))


@dataclass(kw_only=True)
class Stand:
    database: Database
    at: datetime = NOW
    key: WebhookKey = field(default_factory=lambda: WebhookKey(bytes(32)))
    lets_in_anybody: bool = False
    url: str = ""

    def __post_init__(self) -> None:
        self.directory = Directory(self.database)
        self.permissions = Permissions(self.directory, self.clock)
        self.subscribers = Subscribers(self.directory, self.permissions, lambda: self.lets_in_anybody, self.clock)
        restrictions = RememberedRestrictions(self.database)
        self.hearing = Hearing(
            self.database, self.directory, self.permissions, restrictions, zones={}, clock=self.clock
        )

    def clock(self) -> datetime:
        return self.at

    def sender(self, *receivers: Receiver) -> WebhookSender:
        openings = tuple(Opening.parse(f"127.0.0.1:{one.port}") for one in receivers)
        outbound = Outbound(OutboundOptions(reach=Reach(openings=openings), max_redirects=0, read_timeout_s=240))
        return WebhookSender(self.database, outbound, key=self.key, source="https://us.example", clock=self.clock)

    def delivery(self, *receivers: Receiver, **more: Any) -> "InTurn":
        return InTurn(self.database, self.sender(*receivers), self.subscribers, self.hearing, clock=self.clock, **more)

    def subscribe(self, url: str, *, owner: Principal = ANNA, batch: int = 1, **wanted: Any) -> Subscription:
        with self.database.begin() as connection:
            return subscribe(
                connection,
                Wanted(**wanted),
                owner=owner_columns(Hearer(principal=owner)),
                url=url,
                secret=SECRET,
                key=self.key,
                at=self.at,
                batch=batch,
            )

    def administrator(self, name: str) -> Principal:
        """Somebody who may do all."""
        return Principal(name=name, kind=PrincipalKind.ADMINISTRATOR)

    def user(self, name: str) -> Principal:
        """Somebody whose password is kept here."""
        with self.database.begin() as connection:
            return account.create_user(connection, name, "hash", by="root", at=self.at).principal()

    def give(self, holder: str, pattern: str, *verbs: str, condition: str = "", lasts: timedelta | None = None) -> str:
        """A grant; returns its number."""
        wanted = Wish(
            holder=Holder(holder),
            pattern=RepositoryPattern(pattern),
            verbs=parse_verbs(verbs),
            condition=condition,
            lasts=lasts,
        )
        with self.database.begin() as connection:
            return granting.give(connection, wanted, by=ANNA, at=self.at).id

    def revoke(self, grant: str) -> None:
        """Takes a grant back."""
        with self.database.begin() as connection:
            granting.revoke(connection, grant, by=ANNA, at=self.at)

    def keep(self, digest: Digest, *who: str) -> None:
        """Keeps an artifact for some."""
        kept = Restriction(who=who)
        with self.database.begin() as connection:
            impose(connection, kept, digest=digest, reason="pilot", by="root", at=self.at, statement=digest)

    def let_go(self, digest: Digest) -> None:
        """Keeps it for nobody any more."""
        with self.database.begin() as connection:
            lift_from(connection, digest, by="root", at=self.at)

    def paused(self, number: str) -> str:
        """Why a subscription is paused, after owners were looked at."""
        self.directory.forget()
        self.delivery().review()
        with self.database.read() as connection:
            return subscription_named(connection, number).paused

    def tell(self, kind: EventKind, subject: str, **data: Any) -> int:
        """Publishes an event and writes it down; returns its offset."""
        with self.database.begin() as connection:
            event = Event(
                id=f"{kind}{subject}{self.at}{data}"[:255], kind=kind, subject=subject, time=self.at, data=data
            )
            outbox.publish(connection, event)
        with self.database.begin() as connection:
            offset = outbox.newest(connection)
            note_events(connection, [(offset, event)], at=self.at)
            note_events(connection, [(offset, event)], at=self.at)  # a consumer may see it twice
        return offset

    def states(self, number: str) -> list[str]:
        with self.database.read() as connection:
            return [row["state"] for row in reversed(list_deliveries(connection, number))]
