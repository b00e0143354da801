# SPDX-License-Identifier: Apache-2.0
"""How many events a second are told to one webhook, in processor time of the process that tells them, and by the clock.

The receiver is a process of its own that answers at once. The reference is the same requests by the same client with
nothing around them: no record, no signature, no judgement.
"""

import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bench.server import Row

sys.path.append(str(Path(__file__).parents[1] / "tests"))
sys.path.append(str(Path(__file__).parents[1] / "tests" / "curation"))
from types import SimpleNamespace

from webhook_stand import ANNA, Stand

from migrated import migrated
from tidegate.artifact import Digest
from tidegate.curation.vending.delivery_pool import DeliveryPool
from tidegate.events import Event, EventKind
from tidegate.loops.subscribers import note_for_subscribers
from tidegate.outbound import Outbound, OutboundOptions
from tidegate.outbound.reach import Opening, Reach
from tidegate.storage import outbox
from tidegate.storage.consumers import ConsumerThread
from tidegate.storage.database import Database
from tidegate.storage.leases import Leases

EVENTS: Final = int(os.environ.get("EVENTS", "10000"))
SUBJECTS: Final = 500
BATCH: Final = 100
TARGET: Final = 2000.0


def run() -> list[Row]:
    """Tells them all, one a message and in batches, then the same requests bare."""
    with tempfile.TemporaryDirectory() as folder, _receiver() as (port, taken):
        single, by_clock = _measured(Path(folder) / "one.db", port, taken, batch=1)
        many, many_by_clock = _measured(Path(folder) / "many.db", port, taken, batch=BATCH)
        bare = _bare(port)
    return [
        {"name": f"{EVENTS} events in batches of {BATCH}, a second of one core", "value": many, "unit": "/s",
         "target": TARGET, "more_is_better": True},
        {"name": "the same by the clock, receiver on the same machine", "value": many_by_clock, "unit": "/s"},
        {"name": "the same, each a message of its own, a second of one core", "value": single, "unit": "/s"},
        {"name": "of them, by the clock", "value": by_clock, "unit": "/s"},
        {"name": "bare requests of the same client, a second of one core", "value": bare, "unit": "/s"},
        {"name": "messages of their own, of what bare requests reach", "value": single / bare, "unit": "x"},
    ]  # fmt: skip


def _measured(file: Path, port: int, taken: "Taken", *, batch: int) -> tuple[float, float]:
    migrated(f"sqlite:///{file}")
    database = Database(f"sqlite:///{file}")
    stand: Any = Stand(database=database)
    kinds = (EventKind.IMAGE_ADMITTED,)
    stand.subscribe(f"http://127.0.0.1:{port}/hook", owner=ANNA, kinds=kinds, batch=batch)
    with database.begin() as connection:
        for number in range(EVENTS):
            subject = Digest.of(str(number % SUBJECTS).encode())
            data = {"digest": subject, "before": "analysing", "after": "admitted", "why": "", "who": "bench"}
            told = Event(id=str(number), kind=kinds[0], subject=subject, time=stand.clock(), data=data)
            outbox.publish(connection, told)
    result = _told(stand, port, taken)
    database.close()
    return result


def _told(stand: Any, port: int, taken: "Taken") -> tuple[float, float]:
    receiver: Any = SimpleNamespace(port=port)
    leases = Leases(stand.database, "bench")
    noting = ConsumerThread(stand.database, note_for_subscribers(stand.database, stand.clock), leases)
    pool = DeliveryPool(stand.database, stand.delivery(receiver), stand.directory, leases)
    began, cpu = time.perf_counter(), _cpu()
    noting.start()
    pool.start()
    taken.wait_for(EVENTS)
    seconds, worked = time.perf_counter() - began, _cpu() - cpu
    pool.stop()
    noting.stop()
    leases.stop()
    return EVENTS / worked, EVENTS / seconds


def _bare(port: int) -> float:
    outbound = Outbound(OutboundOptions(reach=Reach(openings=(Opening.parse(f"127.0.0.1:{port}"),)), max_redirects=0))
    cpu = _cpu()
    for _ in range(EVENTS // 5):
        outbound.request("POST", f"http://127.0.0.1:{port}/hook", body=b"x" * 600, max_bytes=1 << 16, retry=False)
    return EVENTS // 5 / (_cpu() - cpu)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Taken:
    """How many requests the receiver has answered, as it says itself."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe

    def wait_for(self, number: int) -> None:
        """Blocks until so many more were."""
        while number > 0:
            number -= len(os.read(self._pipe, 1 << 16))


_PROGRAM: Final = """
import os, socket, sys, threading
listening, pipe = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])
def serve(connection):
    file = connection.makefile("rb")
    while file.readline():
        length = 0
        while (line := file.readline()) not in (b"\\r\\n", b""):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        text = file.read(length)
        connection.sendall(b"HTTP/1.1 204 No Content\\r\\n\\r\\n")
        os.write(pipe, b"." * max(1, text.count(b'"specversion"')))
while True:
    threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()
"""


@contextmanager
def _receiver() -> Iterator[tuple[int, Taken]]:
    listening = socket.create_server(("127.0.0.1", 0))
    reading, writing = os.pipe()
    command = [sys.executable, "-c", _PROGRAM, str(listening.fileno()), str(writing)]
    process = subprocess.Popen(command, pass_fds=(listening.fileno(), writing))
    port = listening.getsockname()[1]
    listening.close()
    os.close(writing)
    try:
        yield port, Taken(reading)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        os.close(reading)
