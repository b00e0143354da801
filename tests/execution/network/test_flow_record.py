# SPDX-License-Identifier: Apache-2.0
"""Flows on record: what sensors count is put together, once, and in the form policies are generated from."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from backing import Backing
from postgres_server import start_postgres, wiped
from tidegate.errors import InvalidInputError
from tidegate.execution.network import flow_record
from tidegate.execution.network.flow_record import drop_flows, list_flows
from tidegate.execution.network.flow_report import CountedFlow, FlowReport
from tidegate.execution.network.flows import Flows
from tidegate.execution.network.generate import policies_for
from tidegate.execution.network.observed import ObservedFlow, learned, read_observed
from tidegate.execution.nodes import take_report
from tidegate.execution.observation import Container
from tidegate.execution.report import NodeKind, Owner, PodContainer, Report
from tidegate.storage.database import Database
from tidegate.wire import to_json

AT = datetime(2026, 5, 1, tzinfo=UTC)
RUN = "1" * 32
WEB, API, ALONE = "a" * 64, "b" * 64, "c" * 64
WEB_AT, API_AT = "10.1.0.7", "10.1.0.8"


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with start_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.tools)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = wiped(request.getfixturevalue("postgres")) if request.param == "postgresql" else ""
    made = Backing(postgres=url).database(tmp_path)
    yield made
    made.close()


def container(name: str, pod: str, namespace: str = "shop") -> Container:
    return Container(id=name, name="app", pod=pod, namespace=namespace if pod else "")


CONTAINERS = (container(WEB, "web-5d4f8c9b7d-x2x4z"), container(API, "api-0"), container(ALONE, ""))


def flow(name: str, address: str, port: int = 8080, *, inward: bool = False, count: int = 1) -> CountedFlow:
    return CountedFlow(container=name, inward=inward, address=address, port=port, count=count)


def tell(
    database: Database,
    *flows: CountedFlow,
    node: str = "node-1",
    containers: Sequence[Container] = CONTAINERS,
    addresses: dict[str, tuple[str, ...]] | None = None,
    report: FlowReport | None = None,
    at: datetime = AT,
) -> FlowReport:
    told = report or FlowReport(id=uuid4().hex, flows=flows, addresses=addresses or {WEB: (WEB_AT,), API: (API_AT,)})
    with database.begin() as connection:
        sent = Report(run=RUN, containers=tuple(containers), flows=told)
        take_report(connection, node, sent, principal="robot", at=at)
    return told


def tell_cluster(database: Database, name: str = "prod") -> None:
    changed = tuple(
        PodContainer(
            number=1,
            container=one,
            owner=Owner(kind="Deployment", name=name_of),
            labels={"app": name_of, "pod-template-hash": "5d4f8c9b7d"},
        )
        for one, name_of in zip(CONTAINERS[:2], ("web", "api"), strict=True)
    )
    with database.begin() as connection:
        sent = Report(kind=NodeKind.CLUSTER, run=RUN, changed=changed, all_since=1, running=2)
        take_report(connection, name, sent, principal="robot", at=AT)


def listed(
    database: Database, cluster: str = "", namespace: str = "", since: datetime | None = None
) -> list[ObservedFlow]:
    found: list[ObservedFlow] = []
    after = ""
    while True:
        with database.read() as connection:
            page = list_flows(connection, cluster=cluster, namespace=namespace, since=since, after=after, limit=2)
        found += page.flows
        if not page.next:
            return found
        after = page.next


def words(found: Sequence[ObservedFlow]) -> set[str]:
    return {
        f"{one.source.workload or one.source.address} > {one.destination.workload or one.destination.address}"
        f":{one.port} x{one.count}"
        for one in found
    }


def test_pod_to_pod_is_told_by_whom_was_connected_to_and_counts_once(database: Database) -> None:
    tell(database, flow(API, WEB_AT, inward=True, count=3), flow(WEB, API_AT, count=3), flow(WEB, "203.0.113.9", 443))
    assert words(listed(database)) == {"Pod/web > Pod/api:8080 x3", "Pod/web > 203.0.113.9:443 x1"}
    (own,) = [one for one in listed(database) if one.port == 8080]
    assert (own.source.namespace, own.destination.namespace) == ("shop", "shop")
    assert own.source.address == ""


def test_the_same_report_counts_once_and_the_next_one_adds_to_it(database: Database) -> None:
    told = tell(database, flow(API, WEB_AT, inward=True))
    tell(database, report=told)
    later = AT + timedelta(days=1)
    tell(database, flow(API, WEB_AT, inward=True, count=4), at=later)
    (one,) = listed(database)
    assert (one.count, one.first, one.last) == (5, "2026-05-01T00:00:00Z", "2026-05-02T00:00:00Z")
    assert listed(database, since=later) == [one]
    assert listed(database, since=later + timedelta(seconds=1)) == []
    assert listed(database, namespace="shop") == [one]
    assert listed(database, namespace="other") == []


def test_an_address_that_is_known_later_is_told_as_the_pod_it_is_of(database: Database) -> None:
    tell(database, flow(API, WEB_AT, inward=True), flow(API, "10.1.0.9", 5432), addresses={API: (API_AT,)})
    assert words(listed(database)) == {f"{WEB_AT} > Pod/api:8080 x1", "Pod/api > 10.1.0.9:5432 x1"}
    other = container("d" * 64, "db-0", "data")
    tell(database, node="node-2", containers=[other], addresses={other.id: ("10.1.0.9",)})
    tell(database, addresses={WEB: (WEB_AT,)})
    # What db is connected by its own sensor tells, by the address that it is connected from.
    assert words(listed(database)) == {"Pod/web > Pod/api:8080 x1"}


def test_what_a_cluster_tells_of_its_pods_is_what_policies_are_made_of(database: Database) -> None:
    tell_cluster(database)
    tell(database, flow(API, WEB_AT, inward=True, count=2))
    assert listed(database) == []
    (one,) = listed(database, cluster="prod")
    assert (one.source.workload, one.destination.workload) == ("Deployment/web", "Deployment/api")
    assert one.source.labels == {"app": "web"}
    lines = [to_json(one)]
    made, refused = learned(read_observed(lines, where="seen"), Flows(namespaces=("shop",)))
    assert not refused
    (policy,) = [one for one in policies_for(made) if one["metadata"]["name"] == "tidegate-shop-api"]
    assert policy["spec"]["podSelector"] == {"matchLabels": {"app": "api"}}
    assert policy["spec"]["ingress"][0]["ports"] == [{"protocol": "TCP", "port": 8080}]
    assert json.dumps(policy).count('"app": "web"') == 1


def test_nobody_speaks_for_containers_of_other_nodes_or_of_no_pod(database: Database) -> None:
    tell(database, flow(ALONE, "203.0.113.9"), flow("e" * 64, "203.0.113.9"), addresses={ALONE: ("10.1.0.3",)})
    tell(database, flow(WEB, "203.0.113.9"), node="node-2", containers=[], addresses={WEB: ("203.0.113.7",)})
    assert listed(database) == []


def test_a_hostile_address_is_refused_and_nothing_of_the_report_is_taken(database: Database) -> None:
    for address in ("", "10.1.0.300", "shop", "10.1.0.1/8", "::1%eth0; drop"):
        with pytest.raises(InvalidInputError, match="no address"):
            tell(database, flow(WEB, address))
    assert listed(database) == []


def test_flows_are_kept_for_a_while_and_there_are_only_so_many(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow_record, "MAX_KEPT", 3)
    tell(database, *(flow(WEB, "203.0.113.9", port) for port in range(1, 6)))
    assert len(listed(database)) == 3
    with database.begin() as connection:
        assert drop_flows(connection, AT) == 0
        assert drop_flows(connection, AT + timedelta(seconds=1)) == 3
    tell(database, flow(WEB, "203.0.113.9", 99), at=AT + timedelta(seconds=2))
    assert words(listed(database)) == {"Pod/web > 203.0.113.9:99 x1"}
