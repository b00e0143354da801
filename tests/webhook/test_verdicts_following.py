# SPDX-License-Identifier: Apache-2.0
"""Following a server: what events close and signed batches open, whatever fails in between."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Condition
from threading import Event as Flag

import pytest

from made_verdicts import Issuer, digest_of, image_verdict
from tidegate.artifact import Digest
from tidegate.clock import system_clock
from tidegate.errors import OutsideError
from tidegate.execution.verdicts import following as following_module
from tidegate.execution.verdicts.following import Following, Head, Heard
from tidegate.execution.verdicts.store import VerdictStore
from tidegate.execution.verdicts.verdict import ImageVerdict
from tidegate.signing.keys import TrustedKeys

APP, SIDE = "team/app:1", "team/side:1"


class Server:
    """What a server knows, in memory: it signs as one, and can be away."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.verdicts_of: dict[Digest, ImageVerdict] = {}
        self.told: list[Heard] = []
        self.away = False
        self.restrictions = 0
        self.asked: list[Digest] = []
        self._changed = Condition()

    def change(self, *verdicts: ImageVerdict, kind: str = "curation.image.admitted", silent: bool = False) -> None:
        with self._changed:
            for verdict in verdicts:
                self.verdicts_of[verdict.digest] = verdict
                if not silent:
                    event = {"type": f"dev.tidegate.{kind}", "subject": verdict.digest, "data": {}}
                    self.told.append(Heard(offset=len(self.told) + 1, event=event))
            self._changed.notify_all()

    def tell(self, kind: str, subject: str, **data: str) -> None:
        with self._changed:
            event = {"type": f"dev.tidegate.{kind}", "subject": subject, "data": data}
            self.told.append(Heard(offset=len(self.told) + 1, event=event))
            self._changed.notify_all()

    def _here(self) -> None:
        if self.away:
            raise OutsideError("the server is away")

    def events(self, after: int, *, wait_seconds: float) -> tuple[list[Heard], int]:
        with self._changed:
            if len(self.told) <= after and not self.away:
                self._changed.wait(min(wait_seconds, 0.2))
            self._here()
            found = self.told[after:]
            return found, after + len(found)

    def head(self) -> Head:
        self._here()
        return Head(offset=len(self.told), policies=self.issuer.policies(), restrictions=self.restrictions)

    def verdicts(self, digests: list[Digest]) -> bytes:
        self._here()
        self.asked += digests
        with self._changed:
            found = [self.verdicts_of[digest] for digest in digests]
            return self.issuer.batch(found, offset=len(self.told))

    def known_after(self, digest: str) -> list[Digest]:
        self._here()
        return sorted(one for one in self.verdicts_of if one > digest)[:1]


@contextmanager
def followed(server: Server, folder: Path) -> Iterator[VerdictStore]:
    store = VerdictStore(folder, TrustedKeys.of([server.issuer.key.verifying]))
    store.load()
    following = Following(server, store, system_clock, lasting=timedelta(hours=24), wait_seconds=0.2)
    following.start()
    try:
        yield store
    finally:
        following.stop()


def wait_for(condition: Callable[[], object]) -> None:
    ends = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.01)


def knows(store: VerdictStore, name: str) -> Callable[[], bool]:
    return lambda: store.verdict_of(digest_of(name)) is not None


def test_what_was_there_before_and_what_comes_later_is_known(tmp_path: Path) -> None:
    server = Server(Issuer())
    server.change(image_verdict(APP, hours=24), silent=True)
    with followed(server, tmp_path) as store:
        wait_for(knows(store, APP))
        server.change(image_verdict(SIDE, hours=24))
        wait_for(knows(store, SIDE))
        wait_for(lambda: store.position.settled)


def test_an_event_closes_while_nobody_can_say_more(tmp_path: Path) -> None:
    server = Server(Issuer())
    server.change(image_verdict(APP, hours=24), image_verdict(SIDE, hours=24))
    with followed(server, tmp_path) as store:
        wait_for(lambda: knows(store, APP)() and knows(store, SIDE)() and store.position.settled)
        server.verdicts_of.pop(digest_of(APP))  # asked for it, the server fails
        server.tell("curation.image.recalled", digest_of(APP))
        wait_for(lambda: not knows(store, APP)())
        assert knows(store, SIDE)()


def test_a_server_that_is_away_takes_nothing_with_it(tmp_path: Path) -> None:
    server = Server(Issuer())
    server.change(image_verdict(APP, hours=24))
    with followed(server, tmp_path) as store:
        wait_for(lambda: knows(store, APP)() and store.position.settled)
        server.away = True
        server.change(image_verdict(SIDE, hours=24))
        assert knows(store, APP)()
        server.away = False
        wait_for(knows(store, SIDE))
        assert knows(store, APP)()


def test_a_webhook_that_was_away_hears_what_it_missed(tmp_path: Path) -> None:
    server = Server(Issuer())
    server.change(image_verdict(APP, hours=24), image_verdict(SIDE, hours=24))
    with followed(server, tmp_path) as store:
        wait_for(lambda: knows(store, APP)() and knows(store, SIDE)() and store.position.settled)
    server.verdicts_of.pop(digest_of(APP))
    server.tell("curation.image.recalled", digest_of(APP))
    server.tell("curation.tag.moved", SIDE, repository="team/side", tag="1", before=digest_of(SIDE))
    with followed(server, tmp_path) as store:
        wait_for(lambda: not knows(store, APP)())
        assert knows(store, SIDE)()


def test_other_policies_and_restrictions_have_everything_asked_anew(tmp_path: Path) -> None:
    server = Server(Issuer())
    server.change(image_verdict(APP, hours=24))
    with followed(server, tmp_path) as store:
        wait_for(lambda: knows(store, APP)() and store.position.settled)
        settled = store.position.settled
    server.restrictions += 1
    server.asked.clear()
    with followed(server, tmp_path) as store:
        wait_for(lambda: store.position.settled != settled)
        assert digest_of(APP) in server.asked


def test_what_ends_soon_is_asked_for_again(tmp_path: Path) -> None:
    server = Server(Issuer())
    server.change(image_verdict(APP, hours=1))
    with followed(server, tmp_path) as store:
        wait_for(lambda: knows(store, APP)() and store.position.settled)
        server.change(image_verdict(APP, hours=24), silent=True)
        server.tell("curation.knowledge", "none")
    with followed(server, tmp_path) as store:

        def lasts() -> bool:
            said = store.verdict_of(digest_of(APP))
            return said is not None and said.expires_at > system_clock() + timedelta(hours=20)

        wait_for(lasts)


def test_a_key_that_is_revoked_closes_what_it_signed(tmp_path: Path) -> None:
    server, new = Server(Issuer()), Issuer()
    server.change(image_verdict(APP, hours=24))
    with followed(server, tmp_path) as store:
        wait_for(lambda: knows(store, APP)() and store.position.settled)
        old = server.issuer.key
        store.trust(TrustedKeys.of([old.verifying, new.key.verifying]))
        server.tell("oversight.key.revoked", f"sha256:{old.key_id}")
        wait_for(lambda: not knows(store, APP)())
        server.issuer = new
        wait_for(knows(store, APP))


def test_whoever_keeps_house_is_told_when_many_came_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following_module, "MANY", 2)
    server, grown = Server(Issuer()), Flag()
    server.change(*(image_verdict(f"team/app{number}:1", hours=24) for number in range(3)), silent=True)
    store = VerdictStore(tmp_path, TrustedKeys.of([server.issuer.key.verifying]))
    store.load()
    lasting = timedelta(hours=24)
    following = Following(server, store, system_clock, lasting=lasting, grown=grown.set, wait_seconds=0.2)
    following.start()
    try:
        assert grown.wait(60)
        assert len(store) >= 2
    finally:
        following.stop()
