# SPDX-License-Identifier: Apache-2.0
"""A registry in a process of its own, printing its port when it answers.

    serve_registry.py FOLDER PORT IDLE_SECONDS [DATABASE_URL OBJECTS_URL CREDENTIALS] [collect]

It observes: what is asked of it here is whether bytes are lost, not whether they may be had. With `collect` it collects
garbage without pause, which nobody may notice.
"""

import asyncio
import faulthandler
import signal
import sys
import threading
from datetime import timedelta
from pathlib import Path

from prometheus_client import CollectorRegistry

from tidegate.clock import system_clock
from tidegate.curation.keeping.collector import Collector
from tidegate.curation.shelf import Shelf
from tidegate.curation.shelf_blobs import ShelfBlobs
from tidegate.errors import TidegateError
from tidegate.identity import Access
from tidegate.server.application import Services, create_application
from tidegate.server.run import ServeOptions, serve
from tidegate.storage.blobs import BlobBounds, BlobStore
from tidegate.storage.database import Database
from tidegate.storage.folder_blobs import FolderBlobs
from tidegate.storage.migrations import migrate
from tidegate.storage.object_access import open_objects
from tidegate.storage.object_blobs import ObjectBlobs

GRACE = timedelta(seconds=0.3)


def open_store(folder: Path, database: Database, bounds: BlobBounds, where: list[str]) -> BlobStore:
    if len(where) < 3:
        return FolderBlobs(folder / "content", bounds)
    return ObjectBlobs(open_objects(where[1], credentials=Path(where[2])), database, bounds)


def collect(collector: Collector, over: threading.Event) -> None:
    while not over.wait(0.05):
        try:
            collector.run()
        except TidegateError as error:
            print(error, file=sys.stderr)


async def main(folder: Path, port: int, idle_seconds: float, where: list[str]) -> None:
    faulthandler.register(signal.SIGUSR1)
    collects = where[-1:] == ["collect"]
    where = where[:-1] if collects else where
    url = where[0] if where else f"sqlite:///{folder / 'state.db'}"
    migrate(url)
    database = Database(url)
    store = open_store(folder, database, BlobBounds(upload_idle_seconds=idle_seconds), where)
    blobs = ShelfBlobs(database, store, system_clock, **({"grace": GRACE} if collects else {}))
    blobs.sweep()
    services = Services(
        shelf=Shelf(database, blobs, system_clock, observes=True),
        blobs=blobs,
        access=Access(),
        figures=CollectorRegistry(),
    )
    stop, over = asyncio.Event(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    collecting = threading.Thread(target=collect, args=(Collector(database, blobs, system_clock), over))
    if collects:
        collecting.start()

    def ready(found: int) -> None:
        print(found, flush=True)

    await serve(create_application(services), ServeOptions(port=port), ready=ready, stop=stop)
    over.set()
    if collects:
        collecting.join()
    database.close()
    print("stopped", flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4:]))
