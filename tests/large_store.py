# SPDX-License-Identifier: Apache-2.0
"""A store as large as a company's, made in bulk: what years of pushes leave, without the years.

Rows are those that pushing leaves, and each blob is a small file that is what its name says.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from tidegate.storage import schema
from tidegate.storage.database import Database

BIG = "big/one"
"""A repository with a tenth of everything."""
SINCE, EXPIRES = "2026-01-02T03:04:05Z", "2099-01-01T00:00:00Z"
_BATCH = 20_000
_SIZE = len(b"00000000/00")


@dataclass(frozen=True, kw_only=True)
class LargeStore:
    """How much is in it.

    Attributes:
        repositories: beside `BIG`, sharing what it leaves.
    """

    manifests: int
    blobs_each: int = 10
    repositories: int = 1000

    def fill(self, database: Database, folder: Path | None = None) -> None:
        """Writes the rows, and the files below `folder` when one is given."""
        for table, rows in self._tables():
            while batch := list(islice(rows, _BATCH)):
                with database.begin() as connection:
                    if database.is_sqlite:  # keys come in no order: what they touch is to be in memory
                        connection.exec_driver_sql("PRAGMA cache_size = -800000")
                    connection.execute(insert(table), batch)
        if folder is not None:
            self._write(folder)

    def repository(self, number: int) -> str:
        """Where a manifest is."""
        return BIG if number % 10 == 0 else f"team-{number % self.repositories % 50}/app-{number % self.repositories}"

    def manifest(self, number: int) -> tuple[str, bytes]:
        """A manifest's digest and document."""
        parts = [
            {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest, "size": _SIZE}
            for digest in self._blobs_of(number)
        ]
        config = {**parts[0], "mediaType": "application/vnd.oci.image.config.v1+json"}
        kind = "application/vnd.oci.image.manifest.v1+json"
        document = {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": parts[1:]}
        raw = json.dumps(document).encode()
        return f"sha256:{hashlib.sha256(raw).hexdigest()}", raw

    def _contents(self, number: int) -> list[bytes]:
        return [b"%08d/%02d" % (number, part) for part in range(self.blobs_each)]

    def _blobs_of(self, number: int) -> list[str]:
        return [f"sha256:{hashlib.sha256(data).hexdigest()}" for data in self._contents(number)]

    def _tables(self) -> Iterator[tuple[Any, Iterator[dict[str, Any]]]]:
        every = range(self.manifests)
        yield schema.blob, ({"digest": d, "size": _SIZE, "stored_at": SINCE} for n in every for d in self._blobs_of(n))
        yield (
            schema.repository_blob,
            ({"repository": self.repository(n), "digest": d} for n in every for d in self._blobs_of(n)),
        )
        yield schema.manifest, (self._manifest_row(n) for n in every)
        yield (
            schema.repository_manifest,
            (
                {"repository": self.repository(n), "digest": self.manifest(n)[0], "pushed_at": SINCE, "pushed_by": "me"}
                for n in every
            ),
        )
        yield (
            schema.manifest_blob,
            (
                {"manifest": digest, "blob": blob}
                for n in every
                for digest in [self.manifest(n)[0]]
                for blob in self._blobs_of(n)
            ),
        )
        yield (
            schema.tag,
            (
                {"repository": self.repository(n), "name": f"v{n}", "digest": self.manifest(n)[0], "moved_at": SINCE}
                for n in every
            ),
        )
        admitted = {"state": "admitted", "since": SINCE, "expires_at": EXPIRES, "decision": ""}
        yield schema.state, ({"digest": self.manifest(n)[0], **admitted} for n in every)
        change = {"before": "analysing", "after": "admitted", "at": SINCE, "who": "tidegate", "why": "all rules passed"}
        yield schema.state_change, ({"digest": self.manifest(n)[0], **change} for n in every)

    def _manifest_row(self, number: int) -> dict[str, Any]:
        digest, raw = self.manifest(number)
        kind = "application/vnd.oci.image.manifest.v1+json"
        return {
            "digest": digest,
            "media_type": kind,
            "artifact_type": "",
            "kind": "image",
            "subject": None,
            "document": raw,
            "stored_at": SINCE,
        }

    def _write(self, folder: Path) -> None:
        for shard in range(256):
            (folder / "blobs" / "sha256" / f"{shard:02x}").mkdir(parents=True, exist_ok=True)
        for manifest in range(self.manifests):
            for data in self._contents(manifest):
                name = hashlib.sha256(data).hexdigest()
                Path(f"{folder}/blobs/sha256/{name[:2]}/{name}").write_bytes(data)
