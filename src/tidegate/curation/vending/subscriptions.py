# SPDX-License-Identifier: Apache-2.0
"""Subscriptions: who wants to be told of what, and where; and what waits to be told to them.

Every event that fits is written down for a subscription once, by its offset;
`tidegate.curation.vending.delivery` tells it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, Final
from uuid import uuid4

from pyroaring import BitMap
from sqlalchemy import Connection, delete, func, or_, select, update

from tidegate.artifact import Digest
from tidegate.clock import rfc3339
from tidegate.curation.components.holders import components_of
from tidegate.curation.components.remembered import package_of
from tidegate.curation.vending.webhook import WebhookSecret
from tidegate.curation.vending.webhook_key import WebhookKey
from tidegate.errors import BoundExceededError, InvalidInputError, NotFoundError
from tidegate.events import Event, EventKind
from tidegate.identity import PrincipalKind, Verb
from tidegate.storage import outbox
from tidegate.storage.component_schema import component_version
from tidegate.storage.insert import insert_or_update_all
from tidegate.storage.vending_schema import delivery, subscription
from tidegate.values import Struct

MAX_SUBSCRIPTIONS: Final = 10_000
MAX_OF_ONE_OWNER: Final = 500
KEPT_HERE: Final = frozenset({PrincipalKind.USER, PrincipalKind.ROBOT})
"""Kinds of owners that can be read anew, and removed."""
MAX_REPLAYED: Final = 100_000
"""Events looked at for one replay."""
MAX_BATCH: Final = 200
"""Events of one message."""
_MAX_TEXT_CHARS: Final = 2000
_PAGE: Final = 500
_WILD: Final = frozenset("*?[")

WITHHELD: Final = "withheld"
"""The state of a delivery that its owner might not hear of when it was to be told."""
TOLD: Final = frozenset(
    {
        EventKind.IMAGE_ADMITTED,
        EventKind.IMAGE_RESTRICTED,
        EventKind.IMAGE_DEPRECATED,
        EventKind.IMAGE_RECALLED,
        EventKind.IMAGE_RETIRED,
        EventKind.IMAGE_REJECTED,
        EventKind.IMAGE_PROMOTED,
        EventKind.CONSUMER_EXPOSED,
        EventKind.UPDATE_PROPOSED,
        EventKind.UPDATE_FAILED,
    }
)
"""What can be subscribed to."""
USUAL: Final = (
    EventKind.IMAGE_ADMITTED,
    EventKind.IMAGE_RESTRICTED,
    EventKind.IMAGE_DEPRECATED,
    EventKind.IMAGE_RECALLED,
    EventKind.CONSUMER_EXPOSED,
)
"""What is told to those who do not choose."""


class Wanted(Struct, frozen=True, kw_only=True):
    """What a subscription is for; each part that is given must fit.

    Attributes:
        pattern: of repository names (`team-a/*`); "" for any.
        digest: of one image; "" for any.
        component: a package URL, with a version or for all of them; "" for any.
        kinds: of events.
    """

    pattern: str = ""
    digest: str = ""
    component: str = ""
    kinds: tuple[EventKind, ...] = USUAL


class Subscription(Struct, frozen=True, kw_only=True):
    """A subscription as it is shown: never with its secret.

    Attributes:
        owner_kind: of the principal: an administrator may go by anybody's name.
        active: False once its receiver answered 410 Gone.
        paused: why nothing is told now, though it waits: its owner is shut out or may not have it; "" when it is.
        waiting, dead: deliveries that are still to be made, and that were given up.
        batch: how many events one message may hold; with more than one it is a CloudEvents batch.
    """

    id: str
    owner: str
    owner_kind: str
    wanted: Wanted
    url: str
    active: bool
    created_at: str
    paused: str = ""
    waiting: int = 0
    dead: int = 0
    batch: int = 1


def needed(wanted: Wanted) -> tuple[Verb, str]:
    """What whoever is told must be allowed: to pull from the one repository, or to list everything ("")."""
    one = wanted.pattern and not _WILD & set(wanted.pattern)
    return (Verb.PULL, wanted.pattern) if one else (Verb.LIST, "")


def wanted_in(row: Any) -> Wanted:
    """What a subscription is for, by its row."""
    kinds = tuple(EventKind(kind) for kind in row["kinds"].split())
    return Wanted(pattern=row["pattern"], digest=row["digest"], component=row["component"], kinds=kinds)


def subscribe(
    connection: Connection,
    wanted: Wanted,
    *,
    owner: Mapping[str, str],
    url: str,
    secret: WebhookSecret,
    key: WebhookKey,
    at: datetime,
    batch: int = 1,
) -> Subscription:
    """Adds a subscription for what happens from now on, in the caller's transaction.

    Args:
        connection: inside a transaction that writes.
        wanted: what for.
        owner: the columns that say whose it is.
        url: of the receiver.
        secret: shared with it.
        key: the secret is sealed with.
        at: the moment recorded.
        batch: how many events one message may hold.

    Raises:
        InvalidInputError: something cannot be subscribed to.
        BoundExceededError: there are as many as there may be.
    """
    unknown = set(wanted.kinds) - TOLD
    if unknown or not wanted.kinds:
        raise InvalidInputError("no such kind can be subscribed to", where=", ".join(sorted(unknown)))
    if not 1 <= batch <= MAX_BATCH:
        raise InvalidInputError(f"a message holds 1 to {MAX_BATCH} events", where=str(batch))
    for text in (wanted.pattern, wanted.component, url):
        if len(text) > _MAX_TEXT_CHARS or not text.isprintable():
            raise InvalidInputError("not printable, or too long", where=text[:80])
    if wanted.digest:
        Digest(wanted.digest)
    number_of = select(func.count()).select_from(subscription)
    if (connection.scalar(number_of) or 0) >= MAX_SUBSCRIPTIONS:
        raise BoundExceededError("MAX_SUBSCRIPTIONS", MAX_SUBSCRIPTIONS, where="subscriptions")
    if (connection.scalar(number_of.where(subscription.c.owner == owner["owner"])) or 0) >= MAX_OF_ONE_OWNER:
        raise BoundExceededError("MAX_OF_ONE_OWNER", MAX_OF_ONE_OWNER, where="subscriptions")
    number = uuid4().hex
    row = {
        "id": number,
        **owner,
        "pattern": wanted.pattern,
        "digest": wanted.digest,
        "component": wanted.component,
        "kinds": " ".join(sorted(wanted.kinds)),
        "url": url,
        "sealed_secret": key.seal(secret, number),
        "active": 1,
        "created_at": rfc3339(at),
        "paused": "",
        "batch": batch,
    }
    connection.execute(subscription.insert().values(row))
    return _subscription(row, 0, 0)


def seal_plain(connection: Connection, key: WebhookKey) -> int:
    """Seals secrets that were stored plain before there was a key for them; returns how many those were."""
    sealed = subscription.c.sealed_secret
    plain = connection.execute(select(subscription.c.id, sealed).where(sealed.startswith("whsec_", autoescape=True)))
    found = plain.all()
    for number, text in found:
        here = (subscription.c.id == number) & (sealed == text)
        connection.execute(update(subscription).where(here).values(sealed_secret=key.seal(WebhookSecret(text), number)))
    return len(found)


def unsubscribe(connection: Connection, number: str) -> None:
    """Removes a subscription and what waits for it.

    Raises:
        NotFoundError: there is none.
    """
    connection.execute(delete(delivery).where(delivery.c.subscription == number))
    if not connection.execute(delete(subscription).where(subscription.c.id == number)).rowcount:
        raise NotFoundError("no such subscription", where=number[:80])


def end_subscriptions(connection: Connection, owner: str, *, until: datetime) -> None:
    """Removes what a user or robot subscribed to until a moment, with what waits; later ones may be a namesake's."""
    theirs = (subscription.c.owner == owner) & (subscription.c.created_at <= rfc3339(until))
    theirs &= subscription.c.owner_kind.in_(KEPT_HERE)
    connection.execute(delete(delivery).where(delivery.c.subscription.in_(select(subscription.c.id).where(theirs))))
    connection.execute(delete(subscription).where(theirs))


def list_subscriptions(connection: Connection, *, owner: str = "", owner_kind: str = "") -> list[Subscription]:
    """Subscriptions, those of one owner or all, the oldest first; an owner of any kind without one."""
    counts: dict[tuple[str, str], int] = {
        (row.subscription, row.state): row.number
        for row in connection.execute(
            select(delivery.c.subscription, delivery.c.state, func.count().label("number"))
            .where(delivery.c.state != "done")
            .group_by(delivery.c.subscription, delivery.c.state)
        )
    }
    query = select(subscription).order_by(subscription.c.created_at, subscription.c.id)
    if owner:
        query = query.where(subscription.c.owner == owner)
    if owner_kind:
        query = query.where(subscription.c.owner_kind == owner_kind)
    return [
        _subscription(row, counts.get((row["id"], "waiting"), 0), counts.get((row["id"], "dead"), 0))
        for row in connection.execute(query).mappings()
    ]


def subscription_named(connection: Connection, number: str) -> Subscription:
    """One subscription.

    Raises:
        NotFoundError: there is none.
    """
    row = connection.execute(select(subscription).where(subscription.c.id == number)).mappings().first()
    if row is None:
        raise NotFoundError("no such subscription", where=number[:80])
    return _subscription(row, 0, 0)


def named(connection: Connection, start: str) -> str:
    """The id of the subscription that begins so.

    Raises:
        NotFoundError: none does, or several do.
    """
    begins = subscription.c.id.startswith(start, autoescape=True)
    found = list(connection.scalars(select(subscription.c.id).where(begins).limit(2)))
    if len(found) != 1 or not start:
        raise NotFoundError("no such subscription" if not found else "several subscriptions begin so", where=start[:64])
    return str(found[0])


def list_deliveries(
    connection: Connection, number: str, *, state: str = "", limit: int = 100, to_owner: bool = False
) -> list[dict[str, Any]]:
    """What was, is or could not be told to a subscription, the newest first.

    Args:
        connection: any.
        number: of the subscription.
        state: only those in it; "" for any.
        limit: at most so many.
        to_owner: without the subjects of what was not sent: whether they may hear of it is judged when it is.
    """
    query = select(delivery).where(delivery.c.subscription == number).order_by(delivery.c.offset.desc()).limit(limit)
    if state:
        query = query.where(delivery.c.state == state)
    return [
        {**row, "subject": ""} if to_owner and (not row["attempts"] or row["state"] == WITHHELD) else dict(row)
        for row in connection.execute(query).mappings()
    ]


def note_events(connection: Connection, events: Sequence[tuple[int, Event]], *, at: datetime) -> int:
    """Writes down for every subscription what it wants of some events; returns how many deliveries those are."""
    active = list(connection.execute(select(subscription).where(subscription.c.active == 1)).mappings())
    wanting = [(row, frozenset(row["kinds"].split())) for row in active]
    rows = [
        _delivery(row["id"], event, offset, at)
        for offset, event in events
        for row, kinds in wanting
        if event.kind.value in kinds
        and row["digest"] in {"", event.data.get("digest", event.subject)}
        and _fits(connection, row, event)
    ]
    _write(connection, rows)
    return len(rows)


def replay(connection: Connection, number: str, *, after: int, at: datetime) -> int:
    """Has everything past an offset told to a subscription once more; returns how many events those are.

    Raises:
        NotFoundError: there is no such subscription.
    """
    row = connection.execute(select(subscription).where(subscription.c.id == number)).mappings().first()
    if row is None:
        raise NotFoundError("no such subscription", where=number[:80])
    told = looked_at = 0
    while looked_at < MAX_REPLAYED:
        page = outbox.read_after(connection, after, _PAGE)
        rows = [
            _delivery(number, event, offset, at)
            for offset, event in page
            if event.kind.value in row["kinds"].split()
            and row["digest"] in {"", event.subject}
            and _fits(connection, row, event)
        ]
        _write(connection, rows)
        told += len(rows)
        looked_at += len(page)
        if len(page) < _PAGE:
            break
        after = page[-1][0]
    return told


def _delivery(number: str, event: Event, offset: int, at: datetime) -> dict[str, Any]:
    row = {"subscription": number, "offset": offset, "subject": event.subject, "kind": event.kind.value}
    return {**row, "state": "waiting", "attempts": 0, "next_at": at.timestamp(), "problem": "", "ended_at": ""}


def _write(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """What waits already goes on waiting as it does; what ended is told again."""
    insert_or_update_all(connection, delivery, rows, where=delivery.c.state != "waiting")


def _fits(connection: Connection, row: Any, event: Event) -> bool:
    if event.kind is EventKind.CONSUMER_EXPOSED and event.data.get("consumer") != row["owner"]:
        return False
    if not is_named(row["pattern"], event):
        return False
    return not row["component"] or _has(connection, str(event.data.get("digest", event.subject)), row["component"])


def is_named(pattern: str, event: Event) -> bool:
    """True when an event names a repository that a subscription's pattern means."""
    names = [*event.data.get("repositories", ()), event.data.get("target", ""), event.data.get("repository", "")]
    return not pattern or any(name and fnmatchcase(name, pattern) for name in names)


def _has(connection: Connection, digest: str, component: str) -> bool:
    """True when an image has a component of a package URL: that one, or any version of it when it names none."""
    table = component_version
    fits = or_(table.c.purl == component, table.c.purl.startswith(f"{component}@", autoescape=True))
    named = select(table.c.id).where(table.c.package == package_of(component), fits)
    return not components_of(connection, digest).isdisjoint(BitMap(connection.scalars(named)))


def _subscription(row: Any, waiting: int, dead: int) -> Subscription:
    return Subscription(
        id=row["id"],
        owner=row["owner"],
        owner_kind=row["owner_kind"],
        wanted=wanted_in(row),
        url=row["url"],
        active=bool(row["active"]),
        created_at=row["created_at"],
        paused=row["paused"],
        waiting=waiting,
        dead=dead,
        batch=row["batch"],
    )
