# SPDX-License-Identifier: Apache-2.0
"""Opening a knowledge file: what it says of itself, and clear words about files that are none."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from knowledge_samples import MADE_AT, Builder, component, record

from tidegate.errors import InvalidInputError, NotFoundError
from tidegate.knowledge.database import Knowledge
from tidegate.knowledge.match import match

RANGE = ({"introduced": "0"}, {"fixed": "2.0.0"})


def test_stamp_and_info(built: Builder, db: Path) -> None:
    report = built({"npm": [record("A", "npm", "a", *RANGE)], "Debian": [record("B", "Debian:12", "b", *RANGE)]})
    with Knowledge.open(db) as knowledge:
        info = knowledge.info()
        assert knowledge.stamp == info.stamp == report.stamp
    assert info.stamp.made_at == MADE_AT
    assert (info.advisories, info.ranges, info.ecosystems) == (2, 2, ("Debian:12", "npm"))
    assert info.size_bytes == report.size_bytes == db.stat().st_size


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="run `tidegate db build` or `tidegate db update`"):
        Knowledge.open(tmp_path / "none.db")


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\x00", b"x" * 4096])
def test_another_file_is_refused(db: Path, content: bytes) -> None:
    db.write_bytes(content)
    with pytest.raises(InvalidInputError, match=r"not a knowledge file.*tidegate db build"):
        Knowledge.open(db)


def test_another_database_is_refused(db: Path) -> None:
    connection = sqlite3.connect(db)
    connection.execute("CREATE TABLE meta (key, value)")
    connection.close()
    with pytest.raises(InvalidInputError, match="another database"):
        Knowledge.open(db)


@pytest.mark.parametrize(
    ("version", "words"), [(3, "newer format 3.*upgrade tidegate"), (1, "older format 1.*db build")]
)
def test_another_format_is_refused(built: Builder, db: Path, version: int, words: str) -> None:
    built({"npm": [record("A", "npm", "a", *RANGE)]})
    connection = sqlite3.connect(db)
    connection.execute(f"PRAGMA user_version={version}")
    connection.close()
    with pytest.raises(InvalidInputError, match=words):
        Knowledge.open(db)


def test_a_file_that_is_cut_off_is_refused(built: Builder, db: Path) -> None:
    built({"npm": [record("A", "npm", "a", *RANGE)]})
    db.write_bytes(db.read_bytes()[:-1])
    with pytest.raises(InvalidInputError, match="cut off"):
        Knowledge.open(db)


def test_damage_is_an_error_with_a_remedy(built: Builder, db: Path) -> None:
    built({"npm": [record(f"A-{number}", "npm", f"a{number}", *RANGE) for number in range(200)]})
    data = bytearray(db.read_bytes())
    for page in range(4096, len(data), 4096):
        data[page : page + 64] = b"\xff" * 64
    db.write_bytes(data)
    with pytest.raises(InvalidInputError, match=r"corrupt.*tidegate db build"), Knowledge.open(db) as knowledge:
        match(knowledge, [component("npm", f"a{number}", "1.0.0") for number in range(200)])


def test_missing_tables_are_an_error_with_a_remedy(built: Builder, db: Path) -> None:
    built({"npm": [record("A", "npm", "a", *RANGE)]})
    connection = sqlite3.connect(db)
    connection.execute("DELETE FROM meta WHERE key = 'sequence'")
    connection.commit()
    connection.close()
    with pytest.raises(InvalidInputError, match="corrupt"):
        Knowledge.open(db)


def test_nothing_is_written_beside_it(built: Builder, db: Path) -> None:
    built({"npm": [record("A", "npm", "a", *RANGE)]})
    db.chmod(0o444)
    before = db.read_bytes()
    with Knowledge.open(db) as knowledge:
        match(knowledge, [component("npm", "a", "1.0.0")])
        assert [path.name for path in db.parent.iterdir() if path.name.startswith(db.name)] == [db.name]
    assert db.read_bytes() == before


def test_a_replaced_file_does_not_disturb_who_has_it_open(built: Builder, db: Path) -> None:
    built({"npm": [record("A", "npm", "a", *RANGE)]})
    with Knowledge.open(db) as old:
        built({"npm": [record("B", "npm", "a", *RANGE)]})
        with Knowledge.open(db) as new:
            for knowledge, expected in ((old, "A"), (new, "B")):
                assert [one.id for one in match(knowledge, [component("npm", "a", "1.0.0")])] == [expected]


def test_threads_may_share_it(built: Builder, db: Path) -> None:
    built({"npm": [record(f"A-{number}", "npm", f"a{number}", *RANGE) for number in range(50)]})
    wanted = [component("npm", f"a{number}", "1.0.0") for number in range(50)]
    with Knowledge.open(db) as knowledge, ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: [one.id for one in match(knowledge, wanted)], range(40)))
    assert all(one == found[0] for one in found)
    assert len(found[0]) == 50
