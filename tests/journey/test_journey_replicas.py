# SPDX-License-Identifier: Apache-2.0
"""Servers on one PostgreSQL: a replica is a process like any other, and what one leaves another finishes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from whole_server import WholeServer, python_image

from postgres_server import start_postgres

pytestmark = pytest.mark.tools


@pytest.fixture
def postgres() -> Iterator[str]:
    with start_postgres() as url:
        yield url


def shared_by_all(postgres: str, folder: Path) -> dict[str, str]:
    """What replicas are told: one database, one folder of blobs, the same keys."""
    return {
        "TIDEGATE_DATABASE_URL": postgres,
        "TIDEGATE_STORAGE_BLOBS_FOLDER": str(folder / "blobs"),
        "TIDEGATE_SIGNING_KEY_FILE": str(folder / "keys" / "signing.pem"),
        "TIDEGATE_SIGNING_LEDGER_KEY_FILE": str(folder / "keys" / "ledger.pem"),
    }


def test_two_servers_share_a_database_and_a_folder(postgres: str, tmp_path: Path) -> None:
    shared = shared_by_all(postgres, tmp_path)
    digest = python_image(tmp_path / "images", "web", {"h11": "0.14.0"})
    with (
        WholeServer(tmp_path / "one", environment=shared) as one,
        WholeServer(tmp_path / "two", environment=shared) as two,
    ):
        one.push(tmp_path / "images", "web", "team/web:1")
        assert two.verdict(digest)["state"] == "admitted"
        for server in (one, two):
            assert server.http.get("/v2/team/web/manifests/1").headers["docker-content-digest"] == digest
            assert server.stop() == 0
    assert not (tmp_path / "one" / "state.db").exists()
