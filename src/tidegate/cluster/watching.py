# SPDX-License-Identifier: Apache-2.0
"""Hears what runs in the cluster: lists its pods once, then goes on with what changes, through every kind of end.

What the API server has forgotten is listed anew, and what is not there any more has ended. Costs follow change: a pod
that is said again and runs the same costs its reading.
"""

import logging
import time
from collections.abc import Callable, Sequence
from threading import Event as Flag
from typing import Final

import httpx

from tidegate.clock import Clock, rfc3339, system_clock
from tidegate.cluster.contained import containers_of
from tidegate.cluster.known import Known
from tidegate.cluster.pod import Pod, read_metadata, read_pod
from tidegate.cluster.topmost import Topmost
from tidegate.errors import InvalidInputError, TidegateError
from tidegate.execution.drift_rules import Mode
from tidegate.execution.observation import Act, Observation
from tidegate.execution.report import PodContainer
from tidegate.kubernetes.failures import ExpiredError
from tidegate.kubernetes.watch import Change, list_pages, watch_changes

_log = logging.getLogger(__name__)
BLIND_SECONDS: Final = 60.0
"""After so long without the API server it is told."""
_PODS: Final = "/api/v1/pods"
_PAUSES: Final = (1.0, 2.0, 5.0, 10.0, 30.0)
_MOVE_SECONDS: Final = 5.0


class Watching:
    """Hears until it is told to stop.

    Args:
        http: of the API server.
        known: where it is kept.
        news: set when something of what runs is new.
        tell: is told when the cluster is not to be seen, and of what cannot be read.
        clock: now.
    """

    def __init__(
        self,
        http: httpx.Client,
        known: Known,
        *,
        news: Flag,
        tell: Callable[[Observation], object],
        clock: Clock = system_clock,
    ) -> None:
        self._http = http
        self._known = known
        self._topmost = Topmost(http, known)
        self._news = news
        self._tell = tell
        self._clock = clock
        self._moved = 0.0
        self._heard = time.monotonic()
        self._is_blind = False
        self.heard_at = ""
        """When the API server was heard last, RFC 3339."""

    def run(self, stop: Flag) -> None:
        """Hears; whatever fails at the API server or the disk is tried again."""
        failures = 0
        while not stop.is_set():
            heard = self._heard
            try:
                self.hear()
            except ExpiredError as error:
                _log.info("%s: all is listed anew", error)
                self._known.move_to("")
                continue
            except TidegateError as error:
                _log.log(logging.INFO if failures else logging.WARNING, "the cluster is not heard: %s", error)
                self._note_blindness(error)
                stop.wait(_PAUSES[min(failures, len(_PAUSES) - 1)])
                failures = 0 if self._heard > heard else failures + 1
                continue
            failures = 0

    def hear(self) -> None:
        """Lists where nothing is known, and goes on until the API server ends it.

        Raises:
            ExpiredError: it has forgotten where to go on from.
            TidegateError: it cannot be heard, or the disk failed; the next time goes on from there.
        """
        version = self._known.version or self._list()
        for change in watch_changes(self._http, _PODS, version):
            self._take(change)
            self._note_heard()

    def _list(self) -> str:
        self._known.begin_list()
        version = ""
        for page in list_pages(self._http, _PODS):
            at = rfc3339(self._clock())
            pods = [pod for raw in page.items if (pod := self._read(bytes(raw))) is not None]
            if self._known.put([(pod.metadata.uid, self._runs(pod)) for pod in pods], at=at):
                self._news.set()
            version = page.metadata.resource_version
            self._note_heard()
        if self._known.end_list(version, at=rfc3339(self._clock())):
            self._news.set()
        return version

    def _take(self, change: Change) -> None:
        raw = bytes(change.object)
        if change.type == "BOOKMARK":
            self._move(_version_of(raw), now=True)
            return
        pod = self._read(raw)
        if pod is None:
            self._move(_version_of(raw), now=True)
            return
        at, version = rfc3339(self._clock()), pod.metadata.resource_version
        if change.type == "DELETED":
            runs = self._runs(pod)
            is_new = self._known.remove(pod.metadata.uid, runs, at=at, version=version)
        else:
            is_new = self._known.put([(pod.metadata.uid, self._runs(pod))], at=at, version=version)
        if is_new:
            self._news.set()
        self._move(version, now=is_new)

    def _move(self, version: str, *, now: bool) -> None:
        """Goes on from there after a kill: what changed nothing may be heard again."""
        if version and (now or time.monotonic() - self._moved > _MOVE_SECONDS):
            self._known.move_to(version)
            self._moved = time.monotonic()

    def _runs(self, pod: Pod) -> Sequence[PodContainer]:
        return list(containers_of(pod, self._topmost.of(pod.metadata)))

    def _read(self, raw: bytes) -> Pod | None:
        try:
            return read_pod(raw)
        except InvalidInputError as error:  # one of a thousand must not hide the others
            _log.error("a pod cannot be read: %s", error)
            what = f"a pod of the cluster cannot be read: {error}"[:2000]
            self._tell(self._observation(Act.LOST, what))
            return None

    def _note_heard(self) -> None:
        self._heard = time.monotonic()
        self.heard_at = rfc3339(self._clock())
        if self._is_blind:
            self._is_blind = False
            _log.warning("the cluster is heard again")

    def _note_blindness(self, error: TidegateError) -> None:
        if self._is_blind or time.monotonic() - self._heard < BLIND_SECONDS:
            return
        self._is_blind = True
        what = f"the API server is not heard since {self.heard_at or 'the start'}: {error}"
        self._tell(self._observation(Act.UNGUARDED, what[:2000]))

    def _observation(self, act: Act, what: str) -> Observation:
        return Observation(at=rfc3339(self._clock()), act=act, mode=Mode.ALERT, rule="cluster", what=what)


def _version_of(raw: bytes) -> str:
    try:
        return read_metadata(raw).resource_version
    except InvalidInputError:
        return ""
