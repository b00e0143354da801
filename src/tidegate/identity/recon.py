# SPDX-License-Identifier: Apache-2.0
"""Looking around, then logging in: what an attacker does with a network they just entered, told as one incident.

Looking around is the catalogue, tag lists, and being refused at many repositories; each repository counts once, and no
more once it was opened, so that clients who look first and log in then are not taken for it. Missing blobs never count:
every push asks for them. A window for each address, the least used forgotten first; replicas tell each other what they
saw (`recon_exchange`).
"""

import hashlib
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from threading import Lock
from typing import Any, Final

from tidegate.clock import rfc3339
from tidegate.events import Event, EventKind
from tidegate.identity.network import network_of

MAX_WATCHED: Final = 10_000
_MAX_EVIDENCE: Final = 60
_MAX_REPOSITORIES: Final = 500
_CATALOGUE_SCORE: Final = 5
_MOST_BY_CATALOGUE: Final = 15


class Sign(StrEnum):
    """What a request may be a part of."""

    CATALOGUE = "catalogue"
    TAGS = "tags"
    REFUSED = "refused"
    FAILED_LOGIN = "failed login"
    OPENED = "opened"  # something was let through


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request, as far as it says something.

    Attributes:
        who: the principal; for a failed login the name that was tried; "" for nobody.
    """

    sign: Sign
    address: str
    who: str = ""
    repository: str = ""
    status: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconOptions:
    """When it is an incident.

    Attributes:
        window: both halves must lie within it.
        score: of looking around: a catalogue page 5 (15 at most), each repository 1.
        attempts: failed logins afterwards; one by somebody new is enough where nobody had logged in before.
        block: for how long the address is kept out then; zero for not at all.
    """

    window: timedelta = timedelta(minutes=10)
    score: int = 20
    attempts: int = 5
    block: timedelta = timedelta(0)


@dataclass(slots=True)
class _Window:
    began: datetime
    catalogue: int = 0
    repositories: dict[str, bool] = field(default_factory=dict)  # by whom: True for nobody known
    anonymous_catalogue: int = 0
    failures: int = 0
    evidence: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_MAX_EVIDENCE))
    quiet_until: datetime | None = None

    def score(self) -> int:
        return min(self.catalogue * _CATALOGUE_SCORE, _MOST_BY_CATALOGUE) + len(self.repositories)

    def anonymous_score(self) -> int:
        by_catalogue = min(self.anonymous_catalogue * _CATALOGUE_SCORE, _MOST_BY_CATALOGUE)
        return by_catalogue + sum(self.repositories.values())


class ReconWatch:
    """Watches what comes to one server process. Safe for threads.

    Args:
        clock: now.
        options: when it is an incident.
        alarm: told of each incident, once in a window; must not wait.

    Attributes:
        share: is given what others should hear of; nothing by default.
    """

    def __init__(self, clock: Callable[[], datetime], options: ReconOptions, alarm: Callable[[Event], None]) -> None:
        self._clock = clock
        self._options = options
        self._alarm = alarm
        self._windows: OrderedDict[str, _Window] = OrderedDict()
        self._blocked: OrderedDict[str, datetime] = OrderedDict()
        self._lock = Lock()
        self.share: Callable[[Seen], object] = lambda _seen: None

    @property
    def watched(self) -> int:
        """How many addresses are."""
        return len(self._windows)

    @property
    def may_block(self) -> bool:
        """Whether addresses are kept out at all."""
        return bool(self._options.block)

    def blocked_for(self, address: str) -> int:
        """Seconds for which an address is still kept out; 0 when it is not."""
        until = self._blocked.get(network_of(address))
        return max(0, int((until - self._clock()).total_seconds())) if until else 0

    def saw(self, seen: Seen, *, elsewhere: bool = False) -> None:
        """Takes a request in; `elsewhere`: it came to another replica, which told us."""
        key = network_of(seen.address)
        if seen.sign is Sign.OPENED and key not in self._windows:
            return  # nearly all requests of all clients
        if not elsewhere:
            self.share(seen)
        with self._lock:
            now = self._clock()
            window = self._window(key, now)
            incident = self._judge(window, seen, now)
            if incident and self._options.block:
                self._blocked[key] = now + self._options.block
                if len(self._blocked) > MAX_WATCHED:
                    self._blocked.popitem(last=False)
        if incident:
            self._alarm(incident)

    def _window(self, key: str, now: datetime) -> _Window:
        window = self._windows.get(key)
        if window is None or now >= window.began + self._options.window:
            quiet = window.quiet_until if window else None
            window = self._windows[key] = _Window(began=now, quiet_until=quiet)
        self._windows.move_to_end(key)
        if len(self._windows) > MAX_WATCHED:
            self._windows.popitem(last=False)
        return window

    def _judge(self, window: _Window, seen: Seen, now: datetime) -> Event | None:
        looked_around = window.score() >= self._options.score
        _note(window, seen, now)
        if seen.sign is Sign.FAILED_LOGIN and looked_around:
            window.failures += 1
        somebody_new = seen.sign is Sign.OPENED and bool(seen.who)
        follows = window.failures >= self._options.attempts or (
            somebody_new and window.anonymous_score() >= self._options.score
        )
        if not (looked_around and follows) or (window.quiet_until and now < window.quiet_until):
            return None
        window.quiet_until = now + self._options.window
        return _incident(window, seen, now, turn=int(now.timestamp() // self._options.window.total_seconds()))


def _note(window: _Window, seen: Seen, now: datetime) -> None:
    if seen.sign is Sign.OPENED:
        window.repositories.pop(seen.repository, None)
    elif seen.sign is Sign.CATALOGUE:
        window.catalogue += 1
        window.anonymous_catalogue += not seen.who
    elif seen.sign is not Sign.FAILED_LOGIN and seen.repository and len(window.repositories) < _MAX_REPOSITORIES:
        window.repositories[seen.repository] = not seen.who
    told = {"at": rfc3339(now), "what": seen.sign.value, "who": seen.who, "repository": seen.repository}
    window.evidence.append({**told, "status": seen.status})


def _incident(window: _Window, seen: Seen, now: datetime, *, turn: int) -> Event:
    data = {
        "address": seen.address,
        "who": seen.who,
        "catalogue": window.catalogue,
        "repositories": sorted(window.repositories)[:_MAX_EVIDENCE],
        "failed_logins": window.failures,
        "logged_in": seen.sign is Sign.OPENED,
        "since": rfc3339(window.began),
        "sequence": list(window.evidence),
    }
    # Replicas that saw the same come to the same name for it, and it is told once.
    name = hashlib.sha256(f"recon {network_of(seen.address)} {turn}".encode()).hexdigest()
    return Event(id=name, kind=EventKind.RECON_DETECTED, subject=seen.address, time=now, data=data)
