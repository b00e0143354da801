# SPDX-License-Identifier: Apache-2.0
"""Placements over a real database: recorded, found by digest, replaced, forgotten."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, create_engine

from execution_manifests import CRON_JOB, DEPLOYMENT
from tidegate.artifact import Digest
from tidegate.execution.placements import place, remove, running
from tidegate.execution.workload import Workload, parse_workload
from tidegate.manifests.documents import read_documents
from tidegate.storage.schema import placement

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ONE, TWO = Digest.of(b"one"), Digest.of(b"two")


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        placement.create(connection)
        yield connection
    engine.dispose()


def _workload(raw: bytes, cluster: str = "east") -> Workload:
    return parse_workload(read_documents(raw, where="f")[0], where="f", cluster=cluster)


def test_a_placement_is_found_by_its_digest(connection: Connection) -> None:
    place(connection, _workload(DEPLOYMENT), {"migrate": TWO, "app": ONE, "proxy": None}, NOW)
    place(connection, _workload(CRON_JOB), {"report": TWO}, NOW)
    (found,) = running(connection, ONE)
    assert (found.cluster, found.namespace, found.kind, found.name) == ("east", "web", "Deployment", "shop")
    assert (found.container, found.owner, found.since) == ("app", "storefront", NOW)
    assert found.reference == "registry.example:5000/shop/app:7"
    assert [p.container for p in running(connection, TWO)] == ["report", "migrate"]
    assert len(running(connection)) == 3


def test_the_same_again_keeps_the_moment_and_a_new_digest_starts_anew(connection: Connection) -> None:
    workload = _workload(DEPLOYMENT)
    place(connection, workload, {"migrate": ONE, "app": ONE, "proxy": ONE}, NOW)
    place(connection, workload, {"migrate": ONE, "app": TWO}, LATER)
    assert [(p.container, p.digest, p.since) for p in running(connection)] == [
        ("app", TWO, LATER),
        ("migrate", ONE, NOW),
    ]


def test_clusters_do_not_mix_and_removal_forgets_one_workload(connection: Connection) -> None:
    east, west = _workload(DEPLOYMENT, "east"), _workload(DEPLOYMENT, "west")
    for workload in (east, west):
        place(connection, workload, {"app": ONE}, NOW)
    assert remove(connection, east) is True
    assert remove(connection, east) is False
    assert [p.cluster for p in running(connection, ONE)] == ["west"]
