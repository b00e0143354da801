# SPDX-License-Identifier: Apache-2.0
"""Keeping a store of verdicts as new as its server: events take verdicts away at once, signed batches give them.

An event is believed without a signature where it closes; nothing but a signed batch opens. While the server is away
nothing changes, and verdicts hold until they end.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from threading import Event as Flag
from threading import Lock, Thread
from typing import Any, Final, Protocol

from tidegate.artifact import Digest
from tidegate.clock import Clock
from tidegate.errors import InvalidInputError, TidegateError
from tidegate.events import EventKind
from tidegate.execution.verdicts.store import VerdictStore
from tidegate.execution.verdicts.verdict import MAX_BATCH
from tidegate.values import Struct

_log = logging.getLogger(__name__)
_TYPE_PREFIX: Final = "dev.tidegate."
_RETRY_SECONDS: Final = (0.5, 1.0, 2.0, 5.0, 10.0)
_RENEW_WITHIN: Final = 3
"""A verdict is asked for anew in the last third of the time it can hold."""
_LOOK_SECONDS: Final = 30.0
_END_SECONDS: Final = 1.0
MANY: Final = 5000
"""Verdicts after which whoever keeps house is told."""
_RENEWED_EVERY: Final = timedelta(minutes=10)
CLOSING: Final = frozenset(
    {
        EventKind.IMAGE_QUARANTINED,
        EventKind.IMAGE_REJECTED,
        EventKind.IMAGE_RESTRICTED,
        EventKind.IMAGE_RECALLED,
        EventKind.IMAGE_RETIRED,
        EventKind.IMAGE_DELETED,
    }
)
"""Kinds after which nothing counts that was said of an image before."""
_OF_ALL: Final = frozenset({EventKind.KEY_REVOKED, EventKind.KEY_TRUSTED, EventKind.KEY_ROTATED, EventKind.KEY_ADOPTED})
"""Kinds after which every image is asked for anew."""
_OF_TAGS: Final = frozenset({EventKind.TAG_MOVED, EventKind.TAG_REMOVED})


class Heard(Struct, frozen=True, kw_only=True):
    """One event as a server told it: its offset and its CloudEvent."""

    offset: int
    event: Mapping[str, Any]


class Head(Struct, frozen=True, kw_only=True):
    """What a server stands on.

    Attributes:
        offset: of its newest event.
        policies: the signed policies.
        restrictions: grows whenever it changes whom images are kept for by a rule, of which no event tells.
    """

    offset: int
    policies: bytes
    restrictions: int


class Source(Protocol):
    """A server that verdicts come from. Every call may raise TidegateError; waits are bounded."""

    def events(self, after: int, *, wait_seconds: float) -> tuple[list[Heard], int]:
        """Events after an offset, oldest first, and the offset to go on from."""
        ...

    def head(self) -> Head:
        """What it stands on now."""
        ...

    def verdicts(self, digests: list[Digest]) -> bytes:
        """A signed batch over at most `MAX_BATCH` images."""
        ...

    def known_after(self, digest: str) -> list[Digest]:
        """Some images there are, in their order, past one; none at the end."""
        ...


class Following:
    """Two threads: one hears events and closes, the other asks for verdicts.

    Args:
        source: the server.
        store: what is kept new.
        clock: when verdicts end.
        lasting: how long the server's verdicts hold at most.
        told: called when the server was heard.
        grown: called when many verdicts came in since it was called last.
    """

    def __init__(
        self,
        source: Source,
        store: VerdictStore,
        clock: Clock,
        *,
        lasting: timedelta,
        told: Callable[[], None] = lambda: None,
        grown: Callable[[], None] = lambda: None,
        wait_seconds: float = 20.0,
    ) -> None:
        self._source = source
        self._store = store
        self._clock = clock
        self._renew_within = lasting / _RENEW_WITHIN
        self._told = told
        self._grown = grown
        self._fresh = 0
        self._wait_seconds = wait_seconds
        self._stopping = Flag()
        self._wanted = Flag()
        self._lock = Lock()
        self._digests: dict[Digest, None] = {}
        self._everything = False
        self._asked: dict[Digest, datetime] = {}
        self._threads = (
            Thread(target=self._run, args=(self._hear,), name="verdicts heard", daemon=True),
            Thread(target=self._run, args=(self._ask,), name="verdicts asked for", daemon=True),
        )

    def start(self) -> None:
        """Begins where the store stands."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends; a wait in flight is left alone after a moment."""
        self._stopping.set()
        self._wanted.set()
        for thread in self._threads:
            thread.join(timeout=_END_SECONDS)

    def _run(self, work: Callable[[], None]) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                work()
                failures = 0
            except Exception as error:  # noqa: BLE001 - said below, and tried again: verdicts end by themselves
                known = isinstance(error, TidegateError)
                if not failures:
                    _log.warning("verdicts: %s; trying again", error, exc_info=not known)
                self._stopping.wait(_RETRY_SECONDS[min(failures, len(_RETRY_SECONDS) - 1)])
                failures += 1

    def _hear(self) -> None:
        position = self._store.position
        if position.offset < 0:
            # What happens from here on is heard; all before it is in the verdicts asked for afterwards.
            self._store.heard(self._source.head().offset)
            self.want_everything()
            position = self._store.position
        found, reached = self._source.events(position.offset, wait_seconds=self._wait_seconds)
        self._told()
        for heard in found:
            self._act_on(heard)
        if reached > position.offset:
            self._store.heard(reached)

    def _act_on(self, heard: Heard) -> None:
        kind = str(heard.event.get("type", "")).removeprefix(_TYPE_PREFIX)
        data = heard.event.get("data")
        said: Mapping[str, Any] = data if isinstance(data, dict) else {}
        digests = tuple(_digests(heard.event.get("subject"), said))
        if kind in CLOSING:
            self._store.withdraw(digests[:1], heard.offset)
        if kind in _OF_TAGS and said.get("repository") and said.get("tag"):
            self._store.withdraw((f"{said['repository']}:{said['tag']}",), heard.offset)
        if kind == EventKind.KEY_REVOKED and digests:
            _log.warning("verdicts: key %s is revoked, and nothing it signed counts any more", digests[0].hex[:12])
            self._store.revoke(digests[0].hex)
        if kind in _OF_ALL:
            self.want_everything()
        elif digests and kind.startswith("curation."):
            self._want(digests)

    def _want(self, digests: Iterable[Digest]) -> None:
        with self._lock:
            self._digests |= dict.fromkeys(digests)
        self._wanted.set()

    def want_everything(self) -> None:
        """Asks for every image's verdict anew, as soon as the server is there."""
        with self._lock:
            self._everything = True
        self._wanted.set()

    def _ask(self) -> None:
        if self._store.position.offset < 0:
            self._stopping.wait(0.05)  # not before it is known from which event on all is heard
            return
        with self._lock:
            everything, self._everything = self._everything, False
            digests = list(self._digests)[:MAX_BATCH]
            self._wanted.clear()
        try:
            if everything:
                self._ask_for_everything()
            elif digests:
                self._take_in(digests)
                with self._lock:
                    for digest in digests:
                        self._digests.pop(digest, None)
            else:
                self._look()
                if not self._wanted.is_set():
                    self._wanted.wait(_LOOK_SECONDS)
        except BaseException:
            with self._lock:
                self._everything |= everything
            raise

    def _look(self) -> None:
        """Whether anything changed that no event tells of, and whose time is nearly up."""
        head = self._source.head()
        self._told()
        if head.offset < self._store.position.offset:
            _log.warning("verdicts: the server forgot events it told of; empty webhook.folder to begin anew with it")
        self._store.set_policies(head.policies)
        if self._settled(head) != self._store.position.settled:
            self.want_everything()
        else:
            self._renew()

    def _settled(self, head: Head) -> str:
        return f"{self._store.policy} {head.restrictions}"

    def _ask_for_everything(self) -> None:
        head = self._source.head()
        self._store.set_policies(head.policies)
        seen: set[Digest] = set()
        after = ""
        while page := self._source.known_after(after):
            self._take_in(page)
            seen.update(page)
            after = page[-1]
            if self._stopping.is_set():
                return
        self._store.retain(frozenset(seen))
        self._store.settled(self._settled(head))

    def _take_in(self, digests: list[Digest]) -> None:
        batch = self._store.take_in(self._source.verdicts(digests))
        self._told()
        self._fresh += len(batch.verdicts)
        if self._fresh >= MANY:
            self._fresh = 0
            self._grown()
        if str(batch.policy) != self._store.policy:
            self.want_everything()  # the server was started anew with others

    def _renew(self) -> None:
        at = self._clock()
        due = [
            digest
            for digest in self._store.ending_before(at + self._renew_within)
            if at - self._asked.get(digest, at - _RENEWED_EVERY) >= _RENEWED_EVERY
        ]
        for first in range(0, len(due), MAX_BATCH):
            page = due[first : first + MAX_BATCH]
            self._take_in(page)
            self._asked |= dict.fromkeys(page, at)
        self._asked = {digest: moment for digest, moment in self._asked.items() if at - moment < _RENEWED_EVERY}


def _digests(subject: object, data: Mapping[str, Any]) -> Iterator[Digest]:
    """The images an event is about, its subject first."""
    for text in (subject, *(data.get(name) for name in ("digest", "before", "after", "subject"))):
        if isinstance(text, str):
            with suppress(InvalidInputError):
                yield Digest(text)
