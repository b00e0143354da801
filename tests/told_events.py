# SPDX-License-Identifier: Apache-2.0
"""Every event a test causes has the data that its kind promises.

Those of this process are looked at as they are published, those of a server in its record.
"""

import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import FrameType
from typing import Any, Final

import tidegate
from tidegate.events import Event, EventKind
from tidegate.events.contract import ROSTER
from tidegate.storage import database, outbox
from tidegate.values import msgspec
from tidegate.wire import to_json

_PRODUCT: Final = str(Path(tidegate.__file__).parent)


def objection(kind: EventKind, data: bytes) -> str:
    """What is wrong with the data of an event; "" for nothing."""
    try:
        msgspec.json.decode(data, type=ROSTER[kind].data)
    except msgspec.ValidationError as error:
        return f"the data of {kind} is not what is promised: {error}: {data[:500]!r}"
    return ""


def watch_published(complain: Callable[[str], None]) -> Callable[[], None]:
    """Looks at what the product publishes in this process, not at what tests do themselves; returns how to end that."""
    written = outbox._write

    def write(connection: Any, event: Event) -> bool:
        if _is_of_the_product() and (wrong := objection(event.kind, to_json(event.data))):
            complain(wrong)
        return written(connection, event)

    outbox._write = write

    def end() -> None:
        outbox._write = written

    return end


def check_recorded(home: Path) -> None:
    """Looks at everything on record in a home folder whose server has ended."""
    if not (state := home / "state.db").exists():
        return
    with closing(sqlite3.connect(state, timeout=60)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'outbox'").fetchone():
            return
        for kind, data in connection.execute("SELECT kind, data FROM outbox"):
            assert not (wrong := objection(EventKind(kind), data)), wrong


def _is_of_the_product() -> bool:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename == outbox.__file__:
        frame = frame.f_back
    name = frame.f_code.co_filename if frame is not None else ""
    return name.startswith(_PRODUCT) and name != database.__file__  # on PostgreSQL a commit calls: nobody knows whose
