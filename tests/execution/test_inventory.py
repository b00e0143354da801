# SPDX-License-Identifier: Apache-2.0
"""What runs where and under which decision: one line for each container, whoever tells of it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from tidegate.artifact import Digest
from tidegate.clock import rfc3339
from tidegate.curation.lifecycle import State
from tidegate.execution.inventory import Asked, Page, what_runs
from tidegate.execution.nodes import take_report
from tidegate.execution.observation import Container
from tidegate.execution.placements import Place, Placed, place_containers
from tidegate.execution.report import NodeKind, Owner, PodContainer, Report
from tidegate.execution.standing import OF_STATE, Standing
from tidegate.storage import schema
from tidegate.storage.database import Database
from tidegate.storage.migrations import migrate

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
A, B, C, D = (letter * 64 for letter in "abcd")


def sha(number: int) -> str:
    return f"sha256:{number:064x}"


INDEX, IMAGE, CONFIG, OTHER, REPACKED = (sha(number) for number in range(1, 6))


@pytest.fixture
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path_factory.mktemp('inventory') / 'state.db'}"
    migrate(url)
    opened = Database(url)
    with opened.begin() as connection:
        for digest in (INDEX, IMAGE, OTHER, REPACKED):
            shelve(connection, digest)
        connection.execute(insert(schema.manifest_child).values(parent=INDEX, child=IMAGE))
        connection.execute(
            insert(schema.manifest_blob), [{"manifest": one, "blob": CONFIG} for one in (IMAGE, REPACKED)]
        )
        connection.execute(
            insert(schema.repository_manifest).values(repository="shop/web", digest=IMAGE, pushed_at="", pushed_by="")
        )
    yield opened
    opened.close()


def shelve(connection: Connection, digest: str) -> None:
    connection.execute(
        insert(schema.manifest).values(
            digest=digest, media_type="", artifact_type="", kind="image", document=b"", stored_at=""
        )
    )


def put(database: Database, digest: str, state: str, *, decision: str = "", expires_at: str = "") -> None:
    with database.begin() as connection:
        connection.execute(schema.state.delete().where(schema.state.c.digest == digest))
        values = {"state": state, "decision": decision, "expires_at": expires_at, "since": rfc3339(AT)}
        connection.execute(insert(schema.state).values(digest=digest, **values))


def cluster(database: Database, *runs: PodContainer, name: str = "prod") -> None:
    tell(database, name, Report(kind=NodeKind.CLUSTER, run="c" * 32, changed=runs))


def node(database: Database, *containers: Container, name: str = "node-1", at: datetime = AT) -> None:
    tell(database, name, Report(run="d" * 32, containers=containers), at)


def tell(database: Database, name: str, report: Report, at: datetime = AT) -> None:
    with database.begin() as connection:
        take_report(connection, name, report, principal="r", at=at)


def run(id_: str, number: int = 1, **more: Any) -> PodContainer:
    pod = {"namespace": "shop", "pod": "web-1", "host": "node-1", "name": "app"}
    words = {name: more.pop(name) for name in ("pinned", "glass", "ended", "ended_at") if name in more}
    container = Container(id=id_, **(pod | {"digest": IMAGE, "image": "registry.example/shop/web:1"} | more))
    return PodContainer(number=number, container=container, owner=Owner(kind="Deployment", name="web"), **words)


def ask(database: Database, **asked: Any) -> Page:
    with database.read() as connection:
        return what_runs(connection, Asked(**asked), now=AT)


def standing(database: Database) -> Standing:
    (one,) = ask(database).runs
    return one.standing


def test_every_state_of_curation_has_a_standing() -> None:
    assert set(OF_STATE) == {state.value for state in State} - {"attached"}


@pytest.mark.parametrize(("state", "wanted"), list(OF_STATE.items()))
def test_the_state_of_its_image_is_what_it_runs_under(database: Database, state: str, wanted: Standing) -> None:
    cluster(database, run(A))
    assert standing(database) is Standing.UNKNOWN
    put(database, IMAGE, state, decision="sha256:decision")
    (one,) = ask(database).runs
    assert (one.standing, one.decision) == (wanted, "sha256:decision")
    rogue = wanted not in {Standing.ADMITTED, Standing.DEPRECATED, Standing.RESTRICTED}
    assert bool(ask(database, rogue=True).runs) is rogue
    assert len(ask(database, standings=frozenset({wanted})).runs) == 1
    assert not ask(database, standings=frozenset(Standing) - {wanted}).runs


def test_an_admission_whose_time_is_over_has_expired(database: Database) -> None:
    cluster(database, run(A))
    put(database, IMAGE, "admitted", expires_at=rfc3339(AT + timedelta(seconds=1)))
    assert standing(database) is Standing.ADMITTED
    put(database, IMAGE, "admitted", expires_at=rfc3339(AT - timedelta(seconds=1)))
    assert standing(database) is Standing.EXPIRED


def test_where_only_the_configuration_is_known_its_manifests_speak(database: Database) -> None:
    node(database, Container(id=A, config=CONFIG))
    assert standing(database) is Standing.UNKNOWN
    put(database, IMAGE, "rejected")
    assert standing(database) is Standing.REJECTED
    put(database, REPACKED, "admitted")
    assert standing(database) is Standing.ADMITTED
    put(database, IMAGE, "recalled")
    assert standing(database) is Standing.RECALLED


def test_a_recall_speaks_for_the_same_content_under_another_manifest(database: Database) -> None:
    cluster(database, run(A, digest=REPACKED, config=CONFIG))
    put(database, REPACKED, "admitted")
    put(database, IMAGE, "rejected")
    assert standing(database) is Standing.ADMITTED
    put(database, IMAGE, "recalled")
    assert standing(database) is Standing.RECALLED


def test_what_is_thought_of_one_container_s_image_is_not_thought_of_another_s(database: Database) -> None:
    elsewhere = sha(99)
    node(database, Container(id=A, config=CONFIG), Container(id=B, digest=OTHER, config=elsewhere), Container(id=C))
    put(database, OTHER, "admitted")
    put(database, IMAGE, "recalled")  # A runs what it is made of
    found = {one.container.id: one.standing for one in ask(database).runs}
    assert found == {A: Standing.RECALLED, B: Standing.ADMITTED, C: Standing.UNIDENTIFIED}
    assert [one.container.id for one in ask(database, standings=frozenset({Standing.RECALLED})).runs] == [A]


def test_another_s_pinned_image_does_not_speak_for_one(database: Database) -> None:
    put(database, INDEX, "admitted")
    put(database, OTHER, "admitted")
    cluster(
        database,
        run(A, digest="", config=CONFIG, pinned=INDEX),  # of an image of the index that is pinned
        run(B, digest="", config=CONFIG, pinned=OTHER),
    )
    assert {one.container.id: one.is_swapped for one in ask(database).runs} == {A: False, B: True}


def test_what_nobody_can_name_is_told_as_such(database: Database) -> None:
    node(database, Container(id=A))
    assert standing(database) is Standing.UNIDENTIFIED
    assert len(ask(database, rogue=True).runs) == 1


def test_what_a_cluster_and_its_node_tell_of_is_one(database: Database) -> None:
    node(database, Container(id=A, name="app", config=CONFIG), Container(id=B, name="podman"))
    assert [one.node for one in ask(database).runs] == ["node-1", "node-1"]
    cluster(database, run(A))
    found = ask(database).runs
    assert [(one.node, one.container.id) for one in found] == [("node-1", B), ("prod", A)]
    assert [(one.node, one.kind, one.config) for one in found[1].seen_by] == [
        ("node-1", NodeKind.NODE, CONFIG), ("prod", NodeKind.CLUSTER, ""),
    ]  # fmt: skip
    assert found[1].owner == Owner(kind="Deployment", name="web")
    assert len(ask(database, node="node-1").runs) == 2
    assert len(ask(database, node="prod").runs) == 1


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({"digest": IMAGE}, [A, B]),
        ({"digest": INDEX}, [A, B]),
        ({"digest": CONFIG}, [B]),
        ({"digest": OTHER}, [C]),
        ({"repository": "shop/web"}, [A, B]),
        ({"repository": "shop/we_"}, []),
        ({"repository": "tools/sh"}, [C]),
        ({"namespace": "shop"}, [A]),
        ({"namespace": "shop", "digest": OTHER}, []),
        ({"node": "node-9"}, [B]),
    ],
)
def test_all_that_is_asked_must_fit(database: Database, asked: dict[str, str], wanted: list[str]) -> None:
    cluster(database, run(A))
    node(database, Container(id=B, config=CONFIG), name="node-9")
    cluster(database, run(C, namespace="tools", digest=OTHER, image="registry.example/tools/sh@" + OTHER), name="test")
    assert sorted(one.container.id for one in ask(database, **asked).runs) == wanted


def test_another_image_than_the_pinned_one_is_told(database: Database) -> None:
    put(database, OTHER, "admitted")
    put(database, IMAGE, "admitted")
    put(database, INDEX, "admitted")
    fine = (run(A, pinned=IMAGE), run(B, pinned=INDEX), run(C, pinned=INDEX, digest="", config=CONFIG))
    cluster(database, *fine, run(D, digest=OTHER, pinned=IMAGE))
    assert [one.container.id for one in ask(database).runs if one.is_swapped] == [D]
    assert [one.container.id for one in ask(database, rogue=True).runs] == [D]


def test_what_ran_at_a_moment_and_what_ran_before(database: Database) -> None:
    def moment(hours: int) -> str:
        return rfc3339(AT + timedelta(hours=hours))

    cluster(database, run(A, started_at=moment(-3)), run(B, started_at=moment(-2)))
    cluster(database, run(A, 2, started_at=moment(-3), ended=True, ended_at=moment(-1)))

    def ran(hours: int) -> list[str]:
        return [one.container.id for one in ask(database, at=AT + timedelta(hours=hours)).runs]

    assert [ran(-4), ran(-3), ran(-2), ran(-1), ran(0)] == [[], [A], [A, B], [B], [B]]
    (past,) = ask(database, past=True).runs
    assert (past.container.id, past.until) == (A, moment(-1))


def test_pages_go_on_where_the_one_before_ended(database: Database) -> None:
    cluster(database, *(run(f"{number:064x}", number + 1) for number in range(7)))
    found, after = [], ""
    while True:
        page = ask(database, limit=3, after=after)
        found += [int(one.container.id, 16) for one in page.runs]
        if not (after := page.after):
            break
    assert found == list(range(7))


def test_who_had_it_placed_is_who_the_webhook_was_told(database: Database) -> None:
    cluster(database, run(A, starter="kube-controller-manager"))
    assert [one.by for one in ask(database).runs] == ["kube-controller-manager"]
    where = Place(cluster="prod", namespace="shop", kind="Deployment", name="web")
    with database.begin() as connection:
        placed = [Placed(container="app", digest=Digest(IMAGE), reference="shop/web:1")]
        place_containers(connection, where, placed, owner="team", at=AT, by="anna")
    assert [one.by for one in ask(database).runs] == ["anna"]
