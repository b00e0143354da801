# SPDX-License-Identifier: Apache-2.0
"""What runs otherwise than as it was admitted, and which commits an image was made from."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from migrated import migrated
from tidegate.artifact import Digest
from tidegate.curation.remembered_facts import remember_claimed_commit, remember_proven_commits
from tidegate.errors import InvalidInputError, NotFoundError
from tidegate.evidence import PROVENANCE, Evidence
from tidegate.execution.nodes import take_report
from tidegate.execution.observation import Container
from tidegate.execution.report import Report
from tidegate.knowledge.database import Knowledge
from tidegate.knowledge.seed import build_seed
from tidegate.oversight.fleet.blast import blast
from tidegate.oversight.fleet.drift import drift
from tidegate.oversight.fleet.unsupported import unsupported
from tidegate.storage import schema
from tidegate.storage.database import Database
from tidegate.storage.fleet_schema import image_line
from tidegate.storage.keeping_schema import tag_history

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
OLD, NEW = Digest.of(b"old"), Digest.of(b"new")
ONE, TWO = "a1" * 20, "a2" * 20


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    migrated(url)
    found = Database(url)
    with found.begin() as connection:
        for digest in (OLD, NEW):
            values = {"media_type": "", "artifact_type": "", "kind": "image", "document": b"", "stored_at": ""}
            connection.execute(insert(schema.manifest).values(digest=digest, **values))
            held = {"repository": "shop/web", "digest": digest, "pushed_at": "", "pushed_by": ""}
            connection.execute(insert(schema.repository_manifest).values(held))
        connection.execute(insert(schema.state).values(digest=OLD, state="recalled", since=""))
        connection.execute(insert(schema.state).values(digest=NEW, state="admitted", since=""))
        connection.execute(insert(schema.tag).values(repository="shop/web", name="1", digest=NEW, moved_at=""))
        moved = {"repository": "shop/web", "name": "1", "before": OLD, "after": NEW, "at": "", "who": "", "why": ""}
        connection.execute(insert(tag_history).values(moved))
        place = {"cluster": "prod", "namespace": "shop", "kind": "Deployment", "reference": "", "since": ""}
        for name, digest in (("web", OLD), ("api", NEW)):
            row = {**place, "name": name, "container": "app", "digest": digest, "owner": "team-shop"}
            connection.execute(insert(schema.placement).values(row))
        runs = (Container(id="a" * 64, digest=str(OLD)), Container(id="b" * 64, digest=str(NEW)))
        take_report(connection, "node-1", Report(run="c" * 32, containers=runs), principal="r", at=AT)
    yield found
    found.close()


def test_what_was_recalled_and_what_its_tag_left_behind(database: Database) -> None:
    with database.read() as connection:
        found = drift(connection, now=AT)
    assert [run.container.id for run in found.rogue] == ["a" * 64]
    (left,) = found.behind
    assert (left.workload, left.tag, left.digest, left.now) == ("prod/shop/Deployment/web", "shop/web:1", OLD, NEW)
    assert found.is_all


def provenance(*commits: str) -> Evidence:
    materials = [{"uri": "git+https://git.example/shop/web", "digest": {"gitCommit": one}} for one in commits]
    return Evidence(
        digest=Digest.of(b"envelope"),
        subject=OLD,
        predicate_type=PROVENANCE,
        predicate={
            "buildDefinition": {"buildType": "https://build.example", "resolvedDependencies": materials},
            "runDetails": {"builder": {"id": "https://builder.example"}},
        },
        signers=(),
        made_at=AT,
    )


def test_a_commit_is_known_by_what_was_signed_and_by_what_was_said(database: Database) -> None:
    with database.begin() as connection:
        remember_proven_commits(connection, OLD, [provenance("f" * 40)])
        remember_proven_commits(connection, OLD, [provenance(ONE, TWO)])  # in the place of the earlier
        remember_claimed_commit(connection, NEW, {"org.opencontainers.image.revision": ONE.upper()})
        remember_claimed_commit(connection, OLD, {"org.opencontainers.image.revision": "main"})  # no commit
    with database.read() as connection:
        found = blast(connection, ONE, kind=None, after=0, limit=10)
        assert {image.digest: image.components for image in found.images} == {
            OLD: (f"made from {ONE[:12]}, by its provenance",),
            NEW: (f"made from {ONE[:12]}, as it says itself",),
        }
        assert blast(connection, TWO[:7], kind="commit", after=0, limit=10).images_in_all == 1
        pages = [blast(connection, "a1a1a1a", kind=None, after=after, limit=1) for after in (0, 1)]
        assert [(len(page.images), page.after) for page in pages] == [(1, 1), (1, 0)]
        with pytest.raises(NotFoundError):
            blast(connection, "f" * 40, kind=None, after=0, limit=10)


@pytest.mark.parametrize("thing", ["", " ", "a\x1bb", "x" * 2000])
def test_what_is_nothing_is_refused(database: Database, thing: str) -> None:
    with database.read() as connection, pytest.raises(InvalidInputError):
        blast(connection, thing, kind=None, after=0, limit=10)


@pytest.mark.parametrize(
    ("days", "found"),
    [(0, [("alpine-linux", "3.21")]), (700, [("alpine-linux", "3.21"), ("alpine-linux", "3.22")])],
)
def test_what_ends_when_is_looked_up_when_it_is_asked(
    database: Database, tmp_path: Path, days: int, found: list[tuple[str, str]]
) -> None:
    build_seed(tmp_path / "knowledge.db", made_at=AT)
    with database.begin() as connection:
        gone = Digest.of(b"gone")
        for digest, product, cycle in (
            (OLD, "alpine-linux", "3.21"),
            (NEW, "alpine-linux", "3.22"),
            (gone, "alpine-linux", "3.22"),
            (NEW, "nobody-knows", "1"),
        ):
            row = {"product": product, "cycle": cycle, "digest": digest, "subject": "runtime", "purl": ""}
            connection.execute(insert(image_line).values(row))
    with Knowledge.open(tmp_path / "knowledge.db") as knowledge, database.read() as connection:
        told = unsupported(connection, knowledge, within=timedelta(days=days), at=AT.date(), after=0, limit=10)
    assert [(line.product, line.cycle) for line in told.lines] == found
    assert told.images_in_all == len(found)  # what is gone and does not run is not told
