# SPDX-License-Identifier: Apache-2.0
"""The knowledge file: one SQLite database, written once, only read ever after.

For people: docs/reference/knowledge-file.md.
"""

from typing import Final

APPLICATION_ID: Final = 0x54474B4E
"""`TGKN`, in the SQLite header at offset 68."""

FORMAT: Final = 2
"""Raised with every change that an older reader would misread (`PRAGMA user_version`)."""

PAGE_BYTES: Final = 4096

REMEDY: Final = "run `tidegate db build` or `tidegate db update`"

TABLES: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE ecosystem (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, covered INTEGER NOT NULL DEFAULT 0);
CREATE TABLE advisory (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    aliases TEXT NOT NULL,
    summary TEXT NOT NULL,
    published TEXT NOT NULL,
    modified TEXT NOT NULL,
    severity TEXT NOT NULL,
    score REAL,
    vector TEXT NOT NULL,
    rated_by TEXT NOT NULL,
    malicious INTEGER NOT NULL,
    refs TEXT NOT NULL,
    exploited TEXT NOT NULL,
    exploited_added TEXT NOT NULL,
    exploited_due TEXT NOT NULL,
    ransomware INTEGER NOT NULL,
    epss REAL,
    epss_percentile REAL,
    content BLOB NOT NULL
);
CREATE TABLE affected (
    ecosystem INTEGER NOT NULL,
    name TEXT NOT NULL,
    high BLOB NOT NULL,
    low BLOB NOT NULL,
    advisory INTEGER NOT NULL,
    label TEXT NOT NULL,
    module TEXT NOT NULL,
    introduced TEXT NOT NULL,
    fixed TEXT NOT NULL,
    last TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (ecosystem, name, high, low, advisory, label, module)
) WITHOUT ROWID;
CREATE TABLE support (
    name TEXT NOT NULL,
    product TEXT NOT NULL,
    cycle TEXT NOT NULL,
    ends TEXT NOT NULL,
    extended TEXT NOT NULL,
    latest TEXT NOT NULL,
    codename TEXT NOT NULL,
    PRIMARY KEY (name, product, cycle)
) WITHOUT ROWID;
CREATE TABLE product (name TEXT PRIMARY KEY, category TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE identifier (
    kind TEXT NOT NULL, name TEXT NOT NULL, product TEXT NOT NULL, PRIMARY KEY (kind, name, product)
) WITHOUT ROWID;
CREATE TABLE fix_day (
    ecosystem INTEGER NOT NULL, day TEXT NOT NULL, advisories INTEGER NOT NULL, PRIMARY KEY (ecosystem, day)
) WITHOUT ROWID;
CREATE TABLE package_status (
    ecosystem TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (ecosystem, name, version, kind)
) WITHOUT ROWID;
"""

INDEXES: Final = """
CREATE UNIQUE INDEX advisory_name ON advisory (name);
CREATE INDEX affected_advisory ON affected (advisory);
"""
