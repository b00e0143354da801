# SPDX-License-Identifier: Apache-2.0
"""What somebody may be told of an event: judged when it is told, by what holds then, not by what held when they asked.

An event is told to who may see a repository it names, without the names of those they may not see, and not when the
artifact is kept for others; that it is kept for others is told, but not for whom: a pull would tell as much. Who pulled
an image before is told of its recall whatever stands on it.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from tidegate.admission.remembered_restrictions import RememberedRestrictions
from tidegate.artifact import Digest, Repository, Tag
from tidegate.clock import Clock
from tidegate.curation.lifecycle import EDGES
from tidegate.curation.tags import tags_in
from tidegate.errors import InvalidInputError
from tidegate.events import Event, EventKind
from tidegate.evidence.restriction import GROUP, Zones
from tidegate.identity import Asked, Principal, Verb
from tidegate.identity.directory import Directory
from tidegate.identity.permissions import Permissions
from tidegate.storage.database import Database
from tidegate.values import Struct, replace

_ONE: Final = ("repository", "target")
_REFERENCES: Final = ("reference", "push_to", "from")
_CHANGES: Final = frozenset(EDGES.values())
_NAMES_CAN_GO: Final = _CHANGES | {EventKind.IMAGE_PROMOTED, EventKind.CONSUMER_EXPOSED}
"""Kinds that still say something without some of the repositories they name, and name none elsewhere."""
_ABOUT_AN_ARTIFACT: Final = _CHANGES | {
    EventKind.IMAGE_PROMOTED,
    EventKind.IMAGE_SHELVED,
    EventKind.IMAGE_DELETED,
    EventKind.IMAGE_ENCRYPTED,
    EventKind.TAG_MOVED,
    EventKind.FEEDBACK_OPENED,
    EventKind.FEEDBACK_TOLD,
    EventKind.FEEDBACK_CLOSED,
}
MAX_TAGS: Final = 100
"""Of an artifact, looked at where a grant tells tags apart."""
_EVERYTHING: Final = Asked(verb=Verb.ADMINISTER)


class Hearer(Struct, frozen=True, kw_only=True):
    """Somebody who is told.

    Attributes:
        address: they asked from; "" when it is not known, which is nowhere.
    """

    principal: Principal
    address: str = ""


class Hearing:
    """Judges what is told. Safe for threads.

    Args:
        database: where tags are looked up for those whose grants tell them apart.
        directory: whose grants count.
        permissions: rulings by them.
        restrictions: whom artifacts are kept for.
        zones: addresses of places that restrictions name.
        clock: when things end.
    """

    def __init__(
        self,
        database: Database,
        directory: Directory,
        permissions: Permissions,
        restrictions: RememberedRestrictions,
        *,
        zones: Zones,
        clock: Clock,
    ) -> None:
        self._database = database
        self._directory = directory
        self._permissions = permissions
        self._restrictions = restrictions
        self._zones = zones
        self._clock = clock

    def look(self) -> None:
        """Sees what was changed until now: to be called after events were read and before they are judged.

        Two small queries, however many events and hearers follow.

        Raises:
            OutsideError: the database failed.
        """
        self._directory.look(anew=True)
        self._restrictions.look()

    def heard(self, hearer: Hearer, event: Event) -> Event | None:
        """The event as they may be told it now; None when they may not.

        Raises:
            OutsideError: the database failed.
        """
        principal = hearer.principal
        if principal.is_administrator or self._permissions.granted(principal, _EVERYTHING):
            return event
        names = dict.fromkeys(_names(event))
        seen = [name for name in names if self._sees(hearer, name, event)]
        if len(seen) < len(names):
            if not seen or event.kind not in _NAMES_CAN_GO:
                return None
            event = _only(event, frozenset(seen))
        return event if event.kind not in _ABOUT_AN_ARTIFACT else self._not_kept(hearer, event, seen)

    def _sees(self, hearer: Hearer, repository: str, event: Event) -> bool:
        principal, address, permissions = hearer.principal, hearer.address, self._permissions
        asked = Asked(verb=Verb.LIST, repository=repository, any_content=True, address=address)
        if not permissions.granted(principal, asked):
            return False
        if not permissions.judged_by(principal, asked):
            return True
        digest = _digest_of(event)
        if digest and permissions.granted(principal, dataclasses.replace(asked, any_content=False, digest=digest)):
            return True
        return bool(permissions.visible(principal, repository, self._tags(event, repository, digest), address=address))

    def _tags(self, event: Event, repository: str, digest: Digest | None) -> Sequence[Tag]:
        """What the artifact of an event is called in a repository: the event's own tag, else those it has now."""
        with suppress(InvalidInputError):
            if said := event.data.get("tag"):
                return [Tag(str(said))]
            if digest is not None:
                with self._database.read() as connection:
                    return tags_in(connection, Repository(repository), digest)[:MAX_TAGS]
        return []

    def _not_kept(self, hearer: Hearer, event: Event, names: Sequence[str]) -> Event | None:
        standing = [one for digest in _artifacts_of(event) for one in self._restrictions.over(digest)]
        if not standing:
            return event
        told = {hearer.principal.name, *(GROUP + group for group in hearer.principal.groups)}
        at = self._clock()
        had = [
            name
            for name in names or [""]
            if not any(
                one.restriction.objects_to_pull(told, hearer.address, self._zones, at=at)
                for one in standing
                if one.is_for(name)
            )
        ]
        if had:
            return event
        if event.kind is not EventKind.IMAGE_RESTRICTED:
            return None
        return replace(event, data={key: value for key, value in event.data.items() if key != "restriction"})


def _names(event: Event) -> Iterator[str]:
    """The repositories an event names."""
    data = event.data
    yield from _texts(data.get("repositories"))
    for field in (*_ONE, "source") if event.kind is EventKind.IMAGE_PROMOTED else _ONE:
        if isinstance(name := data.get(field), str) and name:
            yield name
    for field in _REFERENCES:
        if isinstance(text := data.get(field), str) and text:
            yield _repository_in(text)


def _only(event: Event, seen: frozenset[str]) -> Event:
    """The event without the names of other repositories."""
    data: dict[str, Any] = dict(event.data)
    if "repositories" in data:
        data["repositories"] = [name for name in _texts(data["repositories"]) if name in seen]
    for field in (*_ONE, "source"):
        if field in data and data[field] not in seen:
            data[field] = ""
    return replace(event, data=data)


def _texts(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list | tuple) else []


def _repository_in(reference: str) -> str:
    """The repository of `host/team/app:1@sha256:…`, as far as it can be told from the text."""
    name = reference.partition("@")[0]
    head, slash, rest = name.partition("/")
    if slash and (head == "localhost" or any(mark in head for mark in ".:")):
        name = rest
    before, slash, last = name.rpartition("/")
    return f"{before}{slash}{last.partition(':')[0]}"


def _artifacts_of(event: Event) -> Iterator[Digest]:
    """The artifact an event is about, and what that hangs on."""
    if digest := _digest_of(event):
        yield digest
    with suppress(InvalidInputError):
        yield Digest(str(event.data.get("subject", "")))


def _digest_of(event: Event) -> Digest | None:
    data: Mapping[str, Any] = event.data
    for text in (data.get("digest"), data.get("after"), event.subject):
        if isinstance(text, str):
            with suppress(InvalidInputError):
                return Digest(text)
    return None
