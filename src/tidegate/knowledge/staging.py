# SPDX-License-Identifier: Apache-2.0
"""Where advisories wait while a knowledge file is built: a throw-away database on disk, so that memory stays small.

The same record comes more than once (`Debian/all.zip` and `Debian:12/all.zip`). Copies that are equal are passed over;
of different ones the newest says what it says, and packages only an older one names are kept.
"""

import hashlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from tidegate.inventory import Ecosystem
from tidegate.knowledge.affected import KeyRange
from tidegate.knowledge.osv import Advisory, Row
from tidegate.knowledge.severity import Rating
from tidegate.values import replace

_TABLES: Final = """
CREATE TABLE staged (number INTEGER PRIMARY KEY, name TEXT UNIQUE, document BLOB);
CREATE TABLE staged_row (
    ecosystem TEXT, label TEXT, name TEXT, low BLOB, high BLOB, introduced TEXT, fixed TEXT, last TEXT, module TEXT,
    state TEXT, advisory INTEGER
);
"""
_INSERT_ROW: Final = "INSERT INTO staged_row VALUES (?,?,?,?,?,?,?,?,?,?,?)"


class Kept(NamedTuple):
    """What is kept of an advisory besides its rows.

    Attributes:
        content: 16 bytes that change when the names, the rating or the rows do; not with texts or dates.
    """

    aliases: tuple[str, ...]
    summary: str
    published: str
    modified: str
    severity: str
    score: float | None
    vector: str
    generation: int
    malicious: bool
    references: tuple[str, ...]
    content: bytes


class _Seen(NamedTuple):
    number: int
    modified: str
    withdrawn: bool
    first_row: int
    rows: int


class Staging:
    """Takes advisories in. Not for use by several threads."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.executescript(f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; {_TABLES} BEGIN;")
        self._seen: dict[str, _Seen] = {}
        self._decoder = msgspec.msgpack.Decoder(Kept)
        self._next_row = 1
        self._read: set[bytes] = set()

    def close(self) -> None:
        """Closes the database; its file is the caller's to remove."""
        self._connection.close()

    def knows(self, raw: bytes, home: str) -> bool:
        """True when these very bytes were taken from that family of ecosystems already."""
        return _sum(raw, home) in self._read

    def take(self, advisory: Advisory, raw: bytes, home: str) -> None:
        """Takes one record in, or what it adds to an earlier copy of it.

        Args:
            advisory: what was read.
            raw: the bytes it was read from.
            home: the family of ecosystems it came from.
        """
        self._read.add(_sum(raw, home))
        before = self._seen.get(advisory.id)
        if before is None:
            self._put(len(self._seen) + 1, advisory)
        else:
            self._merge(before, advisory)

    def seal(self) -> None:
        """Ends the taking in; the file may be attached by another connection now."""
        self._connection.execute("COMMIT")

    def kept(self) -> Iterator[tuple[int, str, Kept]]:
        """Yields number, id and content of every advisory that stands, in order of ids."""
        withdrawn = {seen.number for seen in self._seen.values() if seen.withdrawn}
        for number, name, document in self._connection.execute(
            "SELECT number, name, document FROM staged ORDER BY name"
        ):
            if number not in withdrawn:
                yield number, name, self._decoder.decode(document)

    @property
    def withdrawn(self) -> int:
        """How many records are withdrawn."""
        return sum(seen.withdrawn for seen in self._seen.values())

    def _put(self, number: int, advisory: Advisory) -> None:
        rows = () if advisory.withdrawn else advisory.rows
        self._seen[advisory.id] = _Seen(number, advisory.modified, advisory.withdrawn, self._next_row, len(rows))
        self._next_row += len(rows)
        self._connection.execute(
            "INSERT OR REPLACE INTO staged VALUES (?,?,?)",
            (number, advisory.id, msgspec.msgpack.encode(_kept(advisory, rows))),
        )
        self._connection.executemany(
            _INSERT_ROW,
            [(row.ecosystem, row.label, row.name, *row.range, row.module, row.state, number) for row in rows],
        )

    def _merge(self, before: _Seen, advisory: Advisory) -> None:
        older = advisory.modified < before.modified
        rows = self._rows(before)
        newer_rows, older_rows = (rows, advisory.rows) if older else (advisory.rows, rows)
        if older:
            if before.withdrawn:
                return
            advisory = self._restored(before, advisory)
        named = {(row.label, row.name) for row in newer_rows}
        merged = (*newer_rows, *(row for row in older_rows if (row.label, row.name) not in named))
        self._connection.execute(
            "DELETE FROM staged_row WHERE rowid >= ? AND rowid < ?", (before.first_row, before.first_row + before.rows)
        )
        self._put(before.number, replace(advisory, rows=merged))

    def _restored(self, before: _Seen, advisory: Advisory) -> Advisory:
        found = self._connection.execute("SELECT document FROM staged WHERE number = ?", (before.number,)).fetchone()
        kept = self._decoder.decode(found[0])
        return replace(
            advisory,
            aliases=kept.aliases,
            summary=kept.summary,
            published=kept.published,
            modified=kept.modified,
            withdrawn=False,
            rating=_rating(kept),
            references=kept.references,
        )

    def _rows(self, seen: _Seen) -> tuple[Row, ...]:
        found = self._connection.execute(
            "SELECT ecosystem, label, name, low, high, introduced, fixed, last, module, state FROM staged_row"
            " WHERE rowid >= ? AND rowid < ?",
            (seen.first_row, seen.first_row + seen.rows),
        )
        return tuple(
            Row(Ecosystem(ecosystem), label, name, KeyRange(*key_range), module, state)
            for ecosystem, label, name, *key_range, module, state in found
        )


def _sum(raw: bytes, home: str) -> bytes:
    return hashlib.blake2b(home.encode() + b"\0" + raw, digest_size=16).digest()


def _kept(advisory: Advisory, rows: tuple[Row, ...]) -> Kept:
    rating = advisory.rating
    facts = (advisory.aliases, rating.severity.value, rating.vector, sorted(rows))
    return Kept(
        aliases=advisory.aliases,
        summary=advisory.summary,
        published=advisory.published,
        modified=advisory.modified,
        severity=rating.severity.value,
        score=rating.score,
        vector=rating.vector,
        generation=rating.generation,
        malicious=advisory.malicious,
        references=advisory.references,
        content=hashlib.blake2b(msgspec.msgpack.encode(facts), digest_size=16).digest(),
    )


def _rating(kept: Kept) -> Rating:
    from tidegate.evidence import Severity

    return Rating(severity=Severity(kept.severity), score=kept.score, vector=kept.vector, generation=kept.generation)
