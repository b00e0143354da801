# SPDX-License-Identifier: Apache-2.0
"""A registry in a process of its own: `serve_registry.py FOLDER PORT IDLE_SECONDS` prints its port when it answers.

It observes: what is asked of it here is whether bytes are lost, not whether they may be had.
"""

import asyncio
import signal
import sys
from pathlib import Path

from prometheus_client import CollectorRegistry

from tidegate.clock import system_clock
from tidegate.curation.shelf import Shelf
from tidegate.curation.shelf_blobs import ShelfBlobs
from tidegate.identity import Access
from tidegate.server.application import Services, create_application
from tidegate.server.run import ServeOptions, serve
from tidegate.storage.blobs import BlobBounds
from tidegate.storage.database import Database
from tidegate.storage.folder_blobs import FolderBlobs
from tidegate.storage.migrations import migrate


async def main(folder: Path, port: int) -> None:
    url = f"sqlite:///{folder / 'state.db'}"
    migrate(url)
    database = Database(url)
    store = FolderBlobs(folder / "content", BlobBounds(upload_idle_seconds=float(sys.argv[3])))
    blobs = ShelfBlobs(database, store, system_clock)
    blobs.sweep()
    services = Services(
        shelf=Shelf(database, blobs, system_clock, observes=True),
        blobs=blobs,
        access=Access(),
        figures=CollectorRegistry(),
    )
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    def ready(found: int) -> None:
        print(found, flush=True)

    await serve(create_application(services), ServeOptions(port=port), ready=ready, stop=stop)
    database.close()
    print("stopped", flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
