# SPDX-License-Identifier: Apache-2.0
"""Garbage collection in a store of 100,000 manifests beside an empty one: the same pushes and deletes, in turns.

TIDEGATE_TEST_SCALE=MANIFESTS makes it smaller.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.server import Row

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from large_store import LargeStore
from tidegate.artifact import Digest, Repository, Tag
from tidegate.artifact import media_type as mt
from tidegate.curation.keeping.collector import Collector
from tidegate.curation.shelf import Shelf
from tidegate.curation.shelf_blobs import ShelfBlobs
from tidegate.storage.database import Database
from tidegate.storage.folder_blobs import FolderBlobs
from tidegate.storage.migrations import migrate

ROUNDS = 9
IMAGES = 20
TARGET_RATIO = 1.5
HERE = Repository("bench/one")


class Side:
    """A store with its own clock."""

    def __init__(self, folder: Path, manifests: int) -> None:
        url = f"sqlite:///{folder / 'state.db'}"
        migrate(url)
        self.at = datetime(2026, 6, 1, tzinfo=UTC)
        self.database = Database(url)
        LargeStore(manifests=manifests, blobs_each=3).fill(self.database)
        self._blobs = ShelfBlobs(self.database, FolderBlobs(folder), self.now)
        self._shelf = Shelf(self.database, self._blobs, self.now)
        self._collector = Collector(self.database, self._blobs, self.now)

    def now(self) -> datetime:
        """Its time."""
        return self.at

    def change(self, turn: int) -> None:
        """Pushes images and deletes half of them; then their grace is over."""
        for number in range(IMAGES):
            parts = [self._blob(b"%d %d %s" % (turn, number, part)) for part in (b"config", b"layer")]
            config = {**parts[0], "mediaType": mt.OCI_CONFIG}
            body = {"schemaVersion": 2, "mediaType": mt.OCI_MANIFEST, "config": config, "layers": parts[1:]}
            raw, tag = json.dumps(body).encode(), Tag(f"t{number}")
            stored = self._shelf.put_manifest(HERE, tag, raw, media_type=mt.OCI_MANIFEST, pushed_by="me")
            if number % 2:
                self._shelf.delete_manifest(HERE, stored.digest, who="me")
        self.at += timedelta(days=2)

    def collect(self) -> float:
        """Seconds of one collection."""
        began = time.perf_counter()
        found = self._collector.run()
        took = time.perf_counter() - began
        assert (found.looked, found.removed) == (IMAGES * 2, IMAGES), found
        return took

    def _blob(self, data: bytes) -> dict[str, object]:
        upload, digest = self._blobs.begin(HERE), Digest.of(data)
        self._blobs.append(HERE, upload, [data])
        self._blobs.finish(HERE, upload, digest)
        return {"mediaType": mt.OCI_LAYER, "digest": digest, "size": len(data)}


def run() -> list[Row]:
    """Fills one of two stores, changes both alike and collects in both in turns."""
    manifests = int(os.environ.get("TIDEGATE_TEST_SCALE", "100000"))
    times: dict[str, list[float]] = {"empty": [], "large": []}
    with tempfile.TemporaryDirectory(prefix="tidegate-gc-") as folder:
        sides = {name: Side(Path(folder) / name, size) for name, size in (("empty", 0), ("large", manifests))}
        for turn in range(ROUNDS):
            for name, side in sides.items():
                side.change(turn)
                times[name].append(side.collect() * 1000)
        for side in sides.values():
            side.database.close()
    value, reference = (statistics.median(times[name]) for name in ("large", "empty"))
    return [
        {
            "name": f"gc: the same change among {manifests:,} manifests, to none",
            "value": value,
            "unit": "ms",
            "reference": reference,
            "ratio": value / reference,
            "target": TARGET_RATIO,
            "low": min(times["large"]),
            "high": max(times["large"]),
        }
    ]
