# SPDX-License-Identifier: Apache-2.0
"""Keys as they are administered, each act a transaction of its own, on SQLite and on PostgreSQL; two acts at once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import select

from migrated import migrated
from postgres_server import emptied
from tidegate.admission.gate import Gate
from tidegate.admission.key_revocation import Revocation
from tidegate.admission.key_row import NewKey
from tidegate.artifact import Digest
from tidegate.assembly.trust import KeyAdministration
from tidegate.clock import system_clock
from tidegate.errors import InvalidInputError
from tidegate.evidence import SCAN, Statement, Subject
from tidegate.identity.duties import Actor
from tidegate.settings.load import load
from tidegate.signing.keys import SigningKey, TrustedKeys
from tidegate.storage import schema
from tidegate.storage.database import Database
from tidegate.storage.trust_schema import statement_signer
from tidegate.trust.book import TrustBook
from tidegate.trust.followed_key import FollowedKey
from tidegate.trust.role import Role

IMAGE = Digest.of(b"image")
ANNA = Actor(name="anna", identity="user:anna")
BOB = Actor(name="bob", identity="user:bob")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.tools)])
def keys(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KeyAdministration]:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    if request.param == "postgresql":
        url = emptied(request.getfixturevalue("postgres"))
    migrated(url)
    settings = load({"home": tmp_path, "signing.key_file": tmp_path / "signing.pem"})
    own = SigningKey.generate()
    own.save(settings.signing.key_file)
    trusted = TrustedKeys.of([own.verifying])
    gate = Gate(
        policies=(),
        signer=own,
        trusted=trusted,
        verifier_id="https://x.example",
        book=TrustBook(trusted, own.verifying),
        follow=FollowedKey(settings.signing.key_file, own).choose,
    )
    database = Database(url)
    yield KeyAdministration(settings=settings, database=database, gate=gate, clock=system_clock)
    database.close()


def _said(number: int) -> Statement:
    return Statement(subjects=(Subject(name="image", digest=IMAGE),), predicate_type=SCAN, predicate={"number": number})


def test_the_whole_life_of_keys(keys: KeyAdministration) -> None:
    with keys.database.begin() as connection:
        by_old = keys.gate.add(connection, _said(1), at=keys.clock())
    (first,) = keys.listed()
    made = keys.rotate_own(by=ANNA, why="every year")
    assert SigningKey.load(keys.settings.signing.key_file).key_id == made.key_id
    with keys.database.read() as connection:
        signer = statement_signer
        introduced = select(signer.c.key_id).where(signer.c.subject == f"sha256:{made.key_id}")
        assert connection.scalars(introduced).all() == [first.key_id], "the one in use vouches for the next"
    with keys.database.begin() as connection:
        by_new = keys.gate.add(connection, _said(2), at=keys.clock())
    key = SigningKey.generate().verifying
    proposed = keys.propose(NewKey(key=key, name="gate-2", roles=frozenset({Role.DECISION})), by=ANNA, why="more")
    assert keys.confirm(proposed.key_id, by=BOB).state == "trusted"
    done = keys.revoke(first.key_id, Revocation(why="stolen", since=datetime(2020, 1, 1, tzinfo=UTC)), by=BOB)
    assert done.void == ()
    with keys.database.read() as connection:
        found = keys.gate.evidence_of(connection, IMAGE)
        assert [item.digest for item in found.evidence] == [by_new.digest]
        assert by_old.digest in found.void
        told = connection.scalars(select(schema.outbox.c.kind).order_by(schema.outbox.c.offset)).all()
    kinds = ["rotated", "proposed", "trusted", "revoked"]
    assert told == [f"oversight.key.{kind}" for kind in kinds]
    assert {one.name or "": one.state for one in keys.listed()}["gate-2"] == "trusted"


def test_a_rotation_that_is_rolled_back_moves_no_file(keys: KeyAdministration) -> None:
    before = keys.settings.signing.key_file.read_bytes()
    with pytest.raises(InvalidInputError):
        keys.rotate_own(by=ANNA, why="x", overlap=timedelta(days=1000))
    assert keys.settings.signing.key_file.read_bytes() == before
    with keys.database.begin() as connection:
        assert keys.gate.add(connection, _said(1), at=keys.clock()).digest


def test_a_rotation_that_was_killed_before_its_file_had_its_name_is_ended(keys: KeyAdministration) -> None:
    own = SigningKey.load(keys.settings.signing.key_file)
    followed = FollowedKey(keys.settings.signing.key_file, own)
    with keys.database.read() as connection:
        orphan = followed.prepare(keys.gate.trust(connection))  # killed before anything was on record
        assert followed.choose(keys.gate.trust(connection)).key_id == own.key_id
    made = keys.rotate_own(by=ANNA, why="again")
    assert made.key_id != orphan.key_id
    assert not followed.next_path.exists()
    # Killed between the record and the rename: the file is beside, and trusted.
    keys.settings.signing.key_file.rename(followed.next_path)
    own.save(keys.settings.signing.key_file)
    with keys.database.read() as connection:
        assert followed.choose(keys.gate.trust(connection)).key_id == made.key_id
    assert SigningKey.load(keys.settings.signing.key_file).key_id == made.key_id
    assert not followed.next_path.exists()


def test_changes_of_trust_and_statements_at_once_end(keys: KeyAdministration) -> None:
    builders = [SigningKey.generate().verifying for _ in range(6)]
    for number, key in enumerate(builders):
        keys.propose(NewKey(key=key, name=f"b{number}", roles=frozenset({Role.PROVENANCE})), by=ANNA, why="x")
    failed: list[BaseException] = []

    def run(work: object) -> None:
        try:
            work()  # type: ignore[operator] # a function
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)

    def revoke() -> None:
        for key in builders:
            keys.revoke(key.key_id, Revocation(why="x", since=keys.clock() - timedelta(days=1)), by=BOB)

    def sign() -> None:
        for number in range(12):
            with keys.database.begin() as connection:
                keys.gate.add(connection, _said(number), at=keys.clock())

    threads = [Thread(target=run, args=(work,)) for work in (revoke, sign, sign)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=240)
    assert failed == []
    assert [one.state for one in keys.listed() if one.name.startswith("b")] == ["revoked"] * 6
