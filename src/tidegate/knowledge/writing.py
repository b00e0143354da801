# SPDX-License-Identifier: Apache-2.0
"""Writes the knowledge file from what was staged: ratings filled in, context joined, rows in the order of the join."""

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from tidegate.clock import rfc3339
from tidegate.knowledge.context import Context
from tidegate.knowledge.file_format import APPLICATION_ID, FORMAT, INDEXES, PAGE_BYTES, TABLES
from tidegate.knowledge.osv import cves_of
from tidegate.knowledge.staging import Kept, Staging

_SETUP: Final = f"""
PRAGMA page_size={PAGE_BYTES}; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-65536;
PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={FORMAT};
{TABLES}
"""
_ROWS: Final = """
INSERT OR IGNORE INTO affected
SELECT ecosystem.id, row.name, row.high, row.low, row.advisory, row.label, row.module,
       row.introduced, row.fixed, row.last, row.state
FROM staging.staged_row AS row JOIN ecosystem ON ecosystem.name = row.ecosystem
ORDER BY 1, 2, 3, 4, 5, 6, 7, row.state
"""


# A day that is not told, or is the year 1 of Go's database, is "": counted, for too many of them spoil the others.
_FIX_DAYS: Final = """
INSERT INTO fix_day
SELECT affected.ecosystem,
       CASE WHEN published GLOB '[12][09][0-9][0-9]-[01][0-9]-[0-3][0-9]T*' AND published > '1990'
            THEN substr(published, 1, 10) ELSE '' END,
       count(DISTINCT advisory)
FROM affected JOIN advisory ON advisory.id = affected.advisory
WHERE fixed <> '' AND affected.ecosystem IN
      (SELECT id FROM ecosystem WHERE instr(name, ':') OR name IN ('Chainguard', 'Echo', 'MinimOS', 'Wolfi'))
GROUP BY 1, 2
"""


class Written(NamedTuple):
    """What a file holds: counts, and its content digest (`sha256:…`)."""

    advisories: int
    ranges: int
    ecosystems: tuple[str, ...]
    digest: str


class _Vectored(NamedTuple):
    generation: int
    score: float
    severity: str
    vector: str
    source: str


def write(
    to: Path,
    staging: Staging,
    staged_at: Path,
    context: Context,
    *,
    covered: frozenset[str],
    sequence: int,
    made_at: datetime,
) -> Written:
    """Writes the whole file; the same input gives the same bytes.

    Args:
        to: a new file; the caller renames it into place.
        staging: sealed.
        staged_at: the staging's own file.
        context: exploited flaws, likelihoods, support dates.
        covered: ecosystems, with or without release, whose own advisories were read.
        sequence: of the set, in the meta table.
        made_at: in the meta table.
    """
    connection = sqlite3.connect(to, isolation_level=None)
    try:
        connection.executescript(_SETUP)
        connection.execute("ATTACH ? AS staging", (str(staged_at),))
        connection.execute("BEGIN")
        digest = hashlib.sha256()
        advisories = _write_advisories(connection, staging, context, digest)
        connection.execute(
            "INSERT INTO ecosystem (name) SELECT DISTINCT ecosystem FROM staging.staged_row ORDER BY ecosystem"
        )
        connection.executemany(
            "UPDATE ecosystem SET covered = 1 WHERE name = ?1 OR substr(name, 1, length(?1) + 1) = ?1 || ':'",
            [(name,) for name in sorted(covered)],
        )
        connection.execute(_ROWS)
        _write_context(connection, context, digest)
        ranges = int(connection.execute("SELECT count(*) FROM affected").fetchone()[0])
        ecosystems = tuple(name for (name,) in connection.execute("SELECT name FROM ecosystem ORDER BY name"))
        written = Written(advisories, ranges, ecosystems, f"sha256:{digest.hexdigest()}")
        _write_meta(connection, written, context, sequence, made_at)
        connection.execute("COMMIT")
        connection.executescript(INDEXES)
        connection.execute("DETACH staging")
    finally:
        connection.close()
    return written


def _write_meta(
    connection: sqlite3.Connection, written: Written, context: Context, sequence: int, made_at: datetime
) -> None:
    meta = {
        "format": str(FORMAT),
        "sequence": str(sequence),
        "digest": written.digest,
        "made_at": rfc3339(made_at),
        "advisories": str(written.advisories),
        "ranges": str(written.ranges),
        "exploited": str(len(context.exploited)),
        "likelihoods": str(len(context.likelihoods)),
        "statuses": str(len(context.statuses)),
        "products": str(len(context.products.categories)),
    }
    connection.executemany("INSERT INTO meta VALUES (?,?)", sorted(meta.items()))


def _write_context(connection: sqlite3.Connection, context: Context, digest: "hashlib._Hash") -> None:
    products = context.products
    connection.executemany("INSERT OR IGNORE INTO support VALUES (?,?,?,?,?,?,?)", products.cycles)
    connection.executemany("INSERT INTO product VALUES (?,?)", products.categories)
    connection.executemany("INSERT INTO identifier VALUES (?,?,?)", products.identifiers)
    connection.executemany("INSERT OR IGNORE INTO package_status VALUES (?,?,?,?,?)", context.statuses)
    connection.execute(_FIX_DAYS)
    for part in (products.cycles, products.categories, products.identifiers, context.statuses):
        for one in part:
            digest.update(msgspec.msgpack.encode(one))


def _write_advisories(
    connection: sqlite3.Connection, staging: Staging, context: Context, digest: "hashlib._Hash"
) -> int:
    vectors = _vectors(staging)
    count = 0
    batch: list[tuple[object, ...]] = []
    for number, name, kept in staging.kept():
        row = _columns(number, name, kept, vectors, context)
        digest.update(msgspec.msgpack.encode((name, *row[2:])))
        batch.append(row)
        count += 1
        if len(batch) == 1000:  # noqa: PLR2004 - rows at a time
            _insert(connection, batch)
            batch.clear()
    _insert(connection, batch)
    return count


def _insert(connection: sqlite3.Connection, batch: list[tuple[object, ...]]) -> None:
    connection.executemany("INSERT INTO advisory VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", batch)


def _columns(
    number: int, name: str, kept: Kept, vectors: Mapping[str, _Vectored], context: Context
) -> tuple[object, ...]:
    cves = cves_of((name, *kept.aliases))
    severity, score, vector, rated_by = kept.severity, kept.score, kept.vector, ""
    if severity == "unknown":
        borrowed = max((vectors[cve] for cve in cves if cve in vectors), key=lambda one: one[1:], default=None)
        if borrowed is not None:
            _, score, severity, vector, rated_by = borrowed
    cve = min((one for one in cves if one in context.exploited), key=lambda one: context.exploited[one], default="")
    exploited = context.exploited[cve] if cve else None
    likelihood = max((context.likelihoods[one] for one in cves if one in context.likelihoods), default=None)
    return (
        number,
        name,
        msgspec.json.encode(kept.aliases).decode(),
        kept.summary,
        kept.published,
        kept.modified,
        severity,
        score,
        vector,
        rated_by,
        int(kept.malicious),
        msgspec.json.encode(kept.references).decode(),
        cve,
        exploited.added if exploited else "",
        exploited.due if exploited else "",
        int(exploited.ransomware) if exploited else 0,
        likelihood.probability if likelihood else None,
        likelihood.percentile if likelihood else None,
        kept.content,
    )


def _vectors(staging: Staging) -> dict[str, _Vectored]:
    """The best vector of each CVE that some advisory about this CVE alone carries."""
    best: dict[str, _Vectored] = {}
    for name, cve, found in _vectored(staging):
        before = best.get(cve)
        if before is None or (found[:4], before.source) > (before[:4], name):
            best[cve] = found
    return best


def _vectored(staging: Staging) -> Iterator[tuple[str, str, _Vectored]]:
    for _, name, kept in staging.kept():
        if kept.vector and kept.score is not None:
            cves = cves_of((name, *kept.aliases))
            if len(cves) == 1:
                yield name, cves[0], _Vectored(kept.generation, kept.score, kept.severity, kept.vector, name)
