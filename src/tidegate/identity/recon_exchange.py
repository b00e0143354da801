# SPDX-License-Identifier: Apache-2.0
"""What replicas tell each other of those who look around: a lot of signs a second at most, and none when all is quiet.

So an attacker whom a balancer spreads over replicas is seen as one. What is told arrives a second or two later.
"""

import logging
from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from threading import Event as Flag
from threading import Thread
from typing import Any, Final

from sqlalchemy import delete, insert, select

from tidegate.identity.recon import ReconWatch, Seen
from tidegate.storage.carry_on import carrying_on
from tidegate.storage.database import Database
from tidegate.storage.database_clock import database_now
from tidegate.storage.sharing_schema import recon_lot
from tidegate.wire import from_json, to_json

EVERY_SECONDS: Final = 1.0
MAX_SIGNS: Final = 500
"""In a lot; what is more counts at the replica that saw it alone."""
_MAX_LOTS: Final = 1000
_MAX_LOT_BYTES: Final = 1024 * 1024
_LATE_MS: Final = 30_000
"""Lots are looked for again for so long: one that was written before another may be committed after it."""
_TIDY_EVERY: Final = 60
_log = logging.getLogger(__name__)


class ReconExchange:
    """Tells others what one watch saw, and the watch what others saw.

    Args:
        database: shared by all replicas.
        watch: of this replica.
        holder: this replica's name.
        window: for so long lots are of use.
    """

    def __init__(self, database: Database, watch: ReconWatch, holder: str, *, window: timedelta) -> None:
        self._database = database
        self._watch = watch
        self._holder = holder
        self._window_ms = int(window.total_seconds() * 1000)
        self._waiting: deque[Seen] = deque(maxlen=MAX_SIGNS)
        self._known: deque[int] = deque(maxlen=_MAX_LOTS * 4)
        self._turns = 0
        self._stopping = Flag()
        self._thread = Thread(target=self._run, name="recon exchange", daemon=True)
        watch.share = self._waiting.append

    def start(self) -> None:
        """Begins to exchange."""
        self._thread.start()

    def stop(self) -> None:
        """Exchanges no more."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def once(self) -> None:
        """Tells what waits, and hears what is new.

        Raises:
            OutsideError: the database failed; what waited still does.
        """
        signs = self._taken()
        try:
            rows = self._exchange(signs)
        except BaseException:
            self._waiting.extendleft(reversed(signs))
            raise
        for row in reversed(rows):
            if row.id not in self._known:
                self._known.append(row.id)
                for seen in from_json(row.signs, list[Seen], what="recon lot", max_bytes=_MAX_LOT_BYTES):
                    self._watch.saw(seen, elsewhere=True)
        self._tidy()

    def _taken(self) -> list[Seen]:
        signs: list[Seen] = []
        while self._waiting and len(signs) < MAX_SIGNS:
            signs.append(self._waiting.popleft())
        return signs

    def _exchange(self, signs: list[Seen]) -> Sequence[Any]:
        table = recon_lot
        with self._database.begin() if signs else self._database.read() as connection:
            now = database_now(connection)
            if signs:
                connection.execute(insert(table).values(holder=self._holder, at_ms=now, signs=to_json(signs)))
            since = now - (_LATE_MS if self._turns else self._window_ms)
            new = select(table.c.id, table.c.signs).where(table.c.at_ms >= since, table.c.holder != self._holder)
            return connection.execute(new.order_by(table.c.id.desc()).limit(_MAX_LOTS)).all()

    def _tidy(self) -> None:
        if self._turns % _TIDY_EVERY == 0:
            with self._database.begin() as connection:
                old = recon_lot.c.at_ms < database_now(connection) - max(self._window_ms, _LATE_MS)
                connection.execute(delete(recon_lot).where(old))
        self._turns += 1

    def _run(self) -> None:
        while not self._stopping.wait(EVERY_SECONDS):
            with carrying_on(_log, "recon exchange"):
                self.once()
