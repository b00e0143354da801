# SPDX-License-Identifier: Apache-2.0
"""A passport costs what is on record of one image: no table of the record is walked for it, in SQLite's own words."""

import re
from pathlib import Path
from typing import Any

from passport_stand import IMAGE, NOTES, Stand, open_stand
from sqlalchemy import Connection, event

from tidegate.oversight.bundle import write_bundle
from tidegate.oversight.entry import WholeSight
from tidegate.oversight.passport import passport
from tidegate.storage import schema
from tidegate.storage.vending_schema import refusal

SMALL = {"trusted_key", "trust_revision"}
"""As many rows as a verifier may trust keys."""


def _walked(connection: Connection, asked: list[tuple[str, Any]]) -> set[str]:
    """Tables that a plan walks from end to end."""
    found = set()
    for statement, parameters in asked:
        rows = connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
        for row in rows:
            match = re.match(r"SCAN (?:TABLE )?(\w+)", row[3])
            if match and match.group(1) not in SMALL | {"CONSTANT"}:
                found.add(f"{match.group(1)} for: {statement}")
    return found


def test_no_table_is_walked(tmp_path: Path, empty_record: Path) -> None:
    with open_stand(tmp_path, empty_record) as stand:
        _shelve(stand)
        asked: list[tuple[str, Any]] = []

        def note(_c: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
            if statement.lstrip().upper().startswith("SELECT"):
                asked.append((statement, parameters))

        engine = stand.connection.engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            trust = stand.gate.trust(stand.connection)
            found = passport(stand.connection, IMAGE, trust, sight=WholeSight())
            write_bundle(stand.connection, stand.gate, NOTES, IMAGE)
        finally:
            event.remove(engine, "before_cursor_execute", note)
        assert found.sound
        assert {entry.kind.value for entry in found.entries} >= {"pushed", "statement", "decision", "key", "refusal"}
        assert len(asked) > 20
        assert _walked(stand.connection, asked) == set()


def _shelve(stand: Stand) -> None:
    connection = stand.connection
    held = {"digest": IMAGE, "media_type": "x", "artifact_type": "", "kind": "image", "document": b"{}"}
    connection.execute(schema.manifest.insert().values(**held, subject=None, stored_at="2026-06-01T00:00:00Z"))
    pushed = {"repository": "team/app", "digest": IMAGE, "pushed_at": "2026-06-01T00:00:00Z", "pushed_by": "anna"}
    connection.execute(schema.repository_manifest.insert().values(pushed))
    refused = {"repository": "team/app", "digest": IMAGE, "consumer": "bob", "state": "quarantined", "enforced": 1}
    moment = "2026-06-01T00:00:05Z"
    connection.execute(
        refusal.insert().values(**refused, reason="not yet", remedy="", pulls=1, first_at=moment, last_at=moment)
    )
