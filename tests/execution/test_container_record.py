# SPDX-License-Identifier: Apache-2.0
"""What runs and what ran, as it is told: again, out of order, in part, and after the teller forgot it all."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from migrated import migrated
from tidegate.clock import rfc3339
from tidegate.execution.container_record import HISTORY_KEPT, drop_past
from tidegate.execution.node_watch import NodeWatch
from tidegate.execution.nodes import forget_node, list_nodes, running_on, take_report
from tidegate.execution.observation import Container
from tidegate.execution.report import NodeKind, Owner, PodContainer, Report, Taken
from tidegate.storage.database import Database
from tidegate.storage.node_schema import container_past, node, node_container

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
A, B, C = (letter * 64 for letter in "abc")
IMAGE = "sha256:" + "1" * 64


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path_factory.mktemp('record') / 'state.db'}"
    migrated(url)
    opened = Database(url)
    yield opened
    opened.close()


@pytest.fixture
def database(shared: Database) -> Database:
    _empty(shared)
    return shared


def _empty(database: Database) -> None:
    with database.begin() as connection:
        for table in (node_container, container_past, node):
            connection.execute(table.delete())


def told(id_: str, number: int, *, digest: str = IMAGE, ended: str = "", began: int = 0) -> PodContainer:
    return PodContainer(
        number=number,
        container=Container(
            id=id_, name="app", namespace="shop", pod="web-1", digest=digest, started_at=moment(began), host="n1"
        ),
        owner=Owner(kind="Deployment", name="web"),
        labels={"app": "web"},
        ended=bool(ended),
        ended_at=ended,
    )


def moment(seconds: int) -> str:
    return rfc3339(AT + timedelta(seconds=seconds))


def tell(
    database: Database, *changed: PodContainer, all_since: int = 0, running: int = -1, at: int = 100
) -> tuple[Taken, list[str]]:
    report = Report(kind=NodeKind.CLUSTER, run="c" * 32, changed=changed, all_since=all_since, running=running)
    news: list[str] = []
    with database.begin() as connection:
        taken = take_report(
            connection, "prod", report, principal="r", at=AT + timedelta(seconds=at), changed=news.extend
        )
    return taken, news


def past(database: Database) -> list[Any]:
    with database.read() as connection:
        return list(connection.execute(select(container_past).order_by(container_past.c.id, container_past.c.since)))


def runs(database: Database) -> list[str]:
    with database.read() as connection:
        return [one.container.id for one in running_on(connection)]


def test_what_began_and_ended_is_history_with_its_own_times(database: Database) -> None:
    assert tell(database, told(A, 1), told(B, 2))[1] == [A, B]
    assert tell(database, told(A, 1), told(B, 2))[1] == []
    assert tell(database, told(A, 3, ended=moment(40)))[1] == []
    assert runs(database) == [B]
    (ran,) = past(database)
    assert (ran.id, ran.since, ran.until, ran.owner_kind, ran.owner, ran.labels) == (
        A, moment(0), moment(40), "Deployment", "web", '{"app":"web"}',
    )  # fmt: skip


def test_one_that_was_never_told_while_it_ran_is_history_all_the_same_and_once(database: Database) -> None:
    for number in (1, 1, 2):
        tell(database, told(A, number, ended=moment(3)))
    assert [(one.id, one.until) for one in past(database)] == [(A, moment(3))]
    assert runs(database) == []


def test_what_is_older_than_what_is_known_changes_nothing(database: Database) -> None:
    tell(database, told(A, 5, digest="sha256:" + "2" * 64))
    assert tell(database, told(A, 4))[1] == []
    with database.read() as connection:
        assert connection.scalar(select(node_container.c.digest)) == "sha256:" + "2" * 64


def test_another_image_in_the_same_container_is_news_and_another_label_is_none(database: Database) -> None:
    tell(database, told(A, 1, digest=""))
    assert tell(database, told(A, 2))[1] == [A]
    with database.begin() as connection:
        connection.execute(node_container.update().values(labels="{}"))
    assert tell(database, told(A, 3))[1] == []
    with database.read() as connection:
        assert connection.scalar(select(node_container.c.labels)) == '{"app":"web"}'


def test_an_image_that_is_not_told_any_more_at_its_end_stays_known(database: Database) -> None:
    tell(database, told(A, 1))
    tell(database, told(A, 2, digest="", ended=moment(9)))
    assert [one.digest for one in past(database)] == [IMAGE]


def test_who_forgot_all_it_told_ends_what_it_does_not_tell_again(database: Database) -> None:
    tell(database, told(A, 1), told(B, 2))
    taken, _ = tell(database, told(B, 100), told(C, 101), all_since=100, running=2, at=200)
    assert not taken.unknown_containers
    assert runs(database) == [B, C]
    assert [(one.id, one.until) for one in past(database)] == [(A, moment(200))]


def test_a_count_that_differs_is_asked_for_in_whole(database: Database) -> None:
    assert not tell(database, told(A, 1))[0].unknown_containers  # more is to come, it said
    assert tell(database, running=2)[0].unknown_containers
    assert not tell(database, told(B, 2), running=2)[0].unknown_containers
    with database.read() as connection:
        (cluster,) = list_nodes(connection)
    assert (cluster.kind, cluster.containers) == (NodeKind.CLUSTER, 2)


def test_what_ran_where_nobody_reports_any_more_is_history(database: Database) -> None:
    tell(database, told(A, 1))
    with database.begin() as connection:
        forget_node(connection, "prod", at=AT + timedelta(seconds=7))
    assert (runs(database), [one.until for one in past(database)]) == ([], [moment(7)])
    with database.begin() as connection:
        assert drop_past(connection, AT + timedelta(seconds=7)) == 0
        assert drop_past(connection, AT + timedelta(seconds=8)) == 1


def test_what_ended_long_ago_is_let_go_by_itself(database: Database) -> None:
    tell(database, told(A, 1, ended=moment(3)), told(B, 2))
    watch = NodeWatch(database, timedelta(seconds=30), lambda: AT + HISTORY_KEPT + timedelta(seconds=10))
    watch.start()
    try:
        ends = time.monotonic() + 60
        while past(database):
            assert time.monotonic() < ends
            time.sleep(0.02)
    finally:
        watch.stop()
    assert runs(database) == [B]


def test_what_was_taken_for_ended_and_is_told_later_runs_since_it_began(database: Database) -> None:
    tell(database, told(A, 1))
    with database.begin() as connection:
        forget_node(connection, "prod", at=AT)
    tell(database, told(A, 2))
    assert (runs(database), past(database)) == ([A], [])


def test_a_nodes_containers_are_history_when_they_are_not_among_them_any_more(database: Database) -> None:
    def reports(*containers: Container, at: int) -> list[str]:
        report, news = Report(run="d" * 32, containers=containers), list[str]()
        with database.begin() as connection:
            moment_ = AT + timedelta(seconds=at)
            take_report(connection, "node-1", report, principal="r", at=moment_, changed=news.extend)
        return news

    one, other = Container(id=A, started_at=moment(-5)), Container(id=B)
    assert reports(one, other, at=1) == [A, B]
    assert reports(one, at=2) == []
    assert [(row.id, row.since, row.until) for row in past(database)] == [(B, moment(1), moment(2))]
    assert reports(one, other, at=3) == [B]  # a container of podman can be started again
    reports(at=4)
    assert [(row.id, row.since, row.until) for row in past(database)] == [
        (A, moment(-5), moment(4)), (B, moment(1), moment(2)), (B, moment(3), moment(4)),
    ]  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(6)), again=st.lists(st.integers(0, 5), max_size=6))
def test_in_whatever_order_and_however_often_the_end_is_the_same(
    shared: Database, order: list[int], again: list[int]
) -> None:
    story = [
        told(A, 1, digest=""), told(A, 2), told(B, 3),
        told(A, 4, ended=moment(9)), told(C, 5), told(B, 6, ended=moment(8)),
    ]  # fmt: skip
    _empty(shared)
    tell(shared, *story)
    for number in (*order, *again):
        tell(shared, story[number])
    assert runs(shared) == [C]
    assert [(one.id, one.until, one.digest) for one in past(shared)] == [(A, moment(9), IMAGE), (B, moment(8), IMAGE)]
    _empty(shared)
    for number in order:
        tell(shared, story[number])
    assert runs(shared) == [C]
    assert [(one.id, one.until) for one in past(shared)] == [(A, moment(9)), (B, moment(8))]
