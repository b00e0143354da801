# SPDX-License-Identifier: Apache-2.0
"""Images by their components, folded into blocks or not: the same answer at any moment, whatever is broken off."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from pyroaring import BitMap
from sqlalchemy import Connection, RowMapping, insert, select, text

from postgres_server import wiped
from tidegate.artifact import Digest
from tidegate.curation.components import folding
from tidegate.curation.components.folding import fold
from tidegate.curation.components.holders import components_of, digests_of, holders_of
from tidegate.curation.components.remembered import component_ids, component_row, remember_ids
from tidegate.storage.component_schema import component_holder, component_version
from tidegate.storage.database import Database
from tidegate.storage.migrations import follow_revisions, migrate

COMPONENTS = st.sets(st.integers(1, 12), max_size=6)
IMAGES = [str(Digest.of(f"image {number}".encode())) for number in range(5)]


def folded(connection: Connection) -> int:
    table = component_holder
    return len(connection.execute(select(table.c.number).where(table.c.folded == 1)).all())


class Blocks(RuleBasedStateMachine):
    """A fleet, and what it must answer."""

    database: Database

    @initialize()
    def begin(self) -> None:
        self.made: dict[str, set[int]] = {}
        self.read: list[RowMapping] = []
        with self.database.begin() as connection:
            for table in ("component_holder", "component_block"):
                connection.execute(text(f"DELETE FROM {table}"))

    @rule(image=st.sampled_from(IMAGES), components=COMPONENTS)
    def examine(self, image: str, components: set[int]) -> None:
        with self.database.begin() as connection:
            remember_ids(connection, image, BitMap(components))
        self.made[image] = components

    @rule(most=st.integers(1, 5))
    def fold(self, most: int) -> None:
        fold(self.database, most=most)
        with self.database.read() as connection:
            assert folded(connection) == len(self.made)

    @rule()
    def begin_to_fold(self) -> None:
        self.read = list(folding._next(self.database, 0, 3))

    @precondition(lambda self: self.read)
    @rule(pages=st.sets(st.integers(1, 12)))
    def go_on_folding(self, pages: set[int]) -> None:
        """Writes some blocks by what was read then, and dies."""
        present, absent = folding._by_component(self.read)
        with self.database.begin() as connection:
            folding._write(
                connection, sorted(pages), present, absent, {one["number"]: one["revision"] for one in self.read}
            )
        self.read = []

    @precondition(lambda self: self.read)
    @rule()
    def come_to_an_end(self) -> None:
        folding._fold(self.database, self.read)
        self.read = []

    @invariant()
    def answers(self) -> None:
        with self.database.read() as connection:
            for one in range(1, 13):
                found = digests_of(connection, holders_of(connection, BitMap([one])))
                assert found == tuple(sorted(image for image, own in self.made.items() if one in own)), one
            some = holders_of(connection, BitMap([1, 2, 3]))
            assert len(some) == sum(bool(own & {1, 2, 3}) for own in self.made.values())
            assert all(set(components_of(connection, image)) == own for image, own in self.made.items())


@pytest.mark.property
@pytest.mark.parametrize("backing", ["sqlite", "postgresql"])
def test_the_answer_is_the_same_however_far_it_is_folded(
    backing: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    alone = backing == "sqlite"
    url = f"sqlite:///{tmp_path / 'state.db'}" if alone else wiped(request.getfixturevalue("postgres"))
    migrate(url)
    Blocks.database = Database(url)
    try:
        checks = [HealthCheck.too_slow]
        run_state_machine_as_test(
            Blocks,
            settings=settings(max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=checks),
        )
    finally:
        Blocks.database.close()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    migrate(url)
    found = Database(url)
    yield found
    found.close()


def test_images_of_many_blocks_are_found(database: Database) -> None:
    with database.begin() as connection:
        for number in (1, 65_535, 65_536, 200_000):
            row = {"components": BitMap([7]).serialize(), "doubtful": BitMap().serialize(), "folded": 0, "revision": 1}
            connection.execute(
                insert(component_holder).values(number=number, digest=str(Digest.of(str(number).encode())), **row)
            )
    assert fold(database) == 4
    with database.read() as connection:
        assert set(holders_of(connection, BitMap([7, 8]))) == {1, 65_535, 65_536, 200_000}
        assert connection.execute(text("SELECT block FROM component_block ORDER BY block")).scalars().all() == [0, 1, 3]
        assert len(digests_of(connection, holders_of(connection, BitMap([7])))) == 4


def test_a_component_is_on_record_once(database: Database) -> None:
    def row(name: str, purl: str) -> dict[str, str | bytes | int]:
        return component_row(ecosystem="PyPI", name=name, version="1", key=b"1", matched=True, purl=purl)

    rows = {str(one["identity"]): one for one in (row("a", "pkg:pypi/a@1"), row("b", "pkg:pypi/b@1?x=%23#s"))}
    with database.begin() as connection:
        first, again = component_ids(connection, rows), component_ids(connection, rows)
        assert (len(first), first) == (2, again)
        named = select(component_version.c.package).order_by(component_version.c.id)
        assert sorted(connection.scalars(named)) == ["pkg:pypi/a", "pkg:pypi/b"]


def test_what_was_stored_before_is_carried_over(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'state.db'}")
    try:
        with database.begin() as connection:
            follow_revisions(connection, "0039")
            for digest, version in (("sha256:a", "1"), ("sha256:b", "1"), ("sha256:b", "2")):
                connection.execute(
                    text(
                        "INSERT INTO component (digest, ecosystem, match_name, version, version_key, purl, location)"
                        " VALUES (:digest, 'PyPI', 'h11', :version, :key, :purl, 'x')"
                    ),
                    {"digest": digest, "version": version, "key": version.encode(), "purl": f"pkg:pypi/h11@{version}"},
                )
        with database.begin() as connection:
            follow_revisions(connection)
            one = component_row(
                ecosystem="PyPI", name="h11", version="1", key=b"1", matched=True, purl="pkg:pypi/h11@1"
            )
            ids = component_ids(connection, {str(one["identity"]): one})
            assert connection.scalar(text("SELECT count(*) FROM component_version")) == 2
            found = connection.execute(select(component_holder.c.digest, component_holder.c.components)).all()
        has = {digest: set(BitMap.deserialize(said)) for digest, said in found}
        assert (set(ids) <= has["sha256:a"], len(has["sha256:a"]), len(has["sha256:b"])) == (True, 1, 2)
    finally:
        database.close()
