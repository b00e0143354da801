# SPDX-License-Identifier: Apache-2.0
"""Servers on one PostgreSQL: a replica is a process like any other, and what one leaves another finishes."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from whole_server import WholeServer, python_image

from postgres_server import postgres_server, start_postgres
from tidegate.errors import TidegateError

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
        "TIDEGATE_SIGNING_ENCRYPTION_KEY_FILE": str(folder / "keys" / "encryption.pem"),
        "TIDEGATE_SIGNING_WEBHOOK_KEY_FILE": str(folder / "keys" / "webhook.key"),
        "TIDEGATE_IDENTITY_TOKEN_KEY_FILE": str(folder / "keys" / "token.pem"),
    }


def run_at(home: Path, environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """One command of a replica that does not run."""
    told = {**os.environ, **environment, "TIDEGATE_HOME": str(home)}
    command = [str(Path(sys.executable).with_name("tidegate")), *words]
    return subprocess.run(command, env=told, capture_output=True, text=True, check=False, timeout=120)


def told(server: WholeServer, kind: str) -> Counter[str]:
    """How often something was told of each image."""
    wanted = f"dev.tidegate.curation.image.{kind}"
    return Counter(event["subject"] for event in server.events() if event["type"] == wanted)


@contextmanager
def replicas(count: int, folder: Path, environment: dict[str, str], **kill: str) -> Iterator[list[WholeServer]]:
    """Several servers that share everything; the first may be told where to die."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                WholeServer(folder / f"home-{number}", environment=environment, **(kill if number == 0 else {}))
            )
            for number in range(count)
        ]


def test_two_servers_share_a_database_and_a_folder(postgres: str, tmp_path: Path) -> None:
    digest = python_image(tmp_path / "images", "web", {"h11": "0.14.0"})
    with replicas(2, tmp_path, shared_by_all(postgres, tmp_path)) as (one, two):
        one.push(tmp_path / "images", "web", "team/web:1")
        assert two.verdict(digest)["state"] == "admitted"
        for server in (one, two):
            assert server.http.get("/v2/team/web/manifests/1").headers["docker-content-digest"] == digest
            assert server.stop() == 0
    assert not (tmp_path / "home-0" / "state.db").exists()


def test_a_replica_with_other_keys_is_refused_until_it_has_theirs_or_they_are_rotated(
    postgres: str, tmp_path: Path
) -> None:
    shared = shared_by_all(postgres, tmp_path)
    with WholeServer(tmp_path / "one", environment=shared) as one:
        assert one.stop() == 0
    other = shared | {
        "TIDEGATE_SIGNING_KEY_FILE": str(tmp_path / "other" / "signing.pem"),
        "TIDEGATE_SIGNING_WEBHOOK_KEY_FILE": str(tmp_path / "other" / "webhook.key"),
    }
    refused = run_at(tmp_path / "two", other, "serve", "--port", "0")
    told = refused.stderr
    assert refused.returncode == 2, told
    assert "the replicas of this database have other keys: signing key" in told
    assert "(signing.key_file), theirs is" in told
    assert "(signing.webhook_key_file), theirs is" in told
    assert "tidegate keys adopt signing" in told
    with WholeServer(tmp_path / "two", environment=shared) as two:
        assert two.stop() == 0
    rotated = run_at(tmp_path / "two", shared, "keys", "rotate", "--why", "every year")
    assert rotated.returncode == 0, rotated.stderr
    with WholeServer(tmp_path / "one", environment=shared) as one:
        assert one.stop() == 0


@pytest.mark.slow
@pytest.mark.parametrize("step", ["examine:after", "decide:after"])
def test_what_a_killed_replica_left_in_flight_another_finishes_once(step: str, postgres: str, tmp_path: Path) -> None:
    digest = python_image(tmp_path / "images", "web", {"h11": "0.14.0"})
    shared = shared_by_all(postgres, tmp_path)
    # The second comes when the first is dead, so that it was the first that had the work.
    with replicas(1, tmp_path, shared, kill_at=step) as (one,):
        with suppress(TidegateError):  # it may be killed before it answers
            one.push(tmp_path / "images", "web", "team/web:1")
        assert one.died() == -9
    with WholeServer(tmp_path / "second", environment=shared) as two:
        assert two.verdict(digest)["state"] == "admitted"
        assert two.api(f"/passports/{digest}")["sound"]
        assert told(two, "admitted")[digest] == 1
        assert two.stop() == 0


@pytest.mark.slow
def test_pushes_by_a_plain_balancer_are_judged_once_whoever_dies(postgres: str, tmp_path: Path) -> None:
    """Every request goes to the next replica; one of three is killed in the middle."""
    images = [python_image(tmp_path / "images", f"i{number}", {"h11": f"0.{number}.0"}) for number in range(6)]
    with replicas(3, tmp_path, shared_by_all(postgres, tmp_path)) as servers:
        alive = list(servers)
        for number, _ in enumerate(images):
            if number == 3:
                alive.pop(0).process.kill()
            alive[number % len(alive)].push(tmp_path / "images", f"i{number}", f"team/app:{number}")
        for digest in images:
            assert alive[0].verdict(digest)["state"] == "admitted"
        for kind in ("quarantined", "admitted"):
            assert told(alive[0], kind) == dict.fromkeys(images, 1)
        for server in alive:
            assert server.stop() == 0


def test_of_two_that_move_one_tag_at_once_one_wins_and_both_are_told_the_truth(postgres: str, tmp_path: Path) -> None:
    with replicas(2, tmp_path, shared_by_all(postgres, tmp_path)) as servers:
        names = ["left", "right"]
        digests = [python_image(tmp_path / "images", name, {"h11": f"0.{len(name)}.0"}) for name in names]
        for server, name in zip(servers, names, strict=True):
            server.push(tmp_path / "images", name, f"team/app:{name}")
        raws = [servers[0].http.get(f"/v2/team/app/manifests/{digest}") for digest in digests]
        kind = "application/vnd.oci.image.manifest.v1+json"
        documents = [
            (tmp_path / "images" / "blobs" / "sha256" / digest.partition(":")[2]).read_bytes() for digest in digests
        ]
        assert all(raw.status_code in {200, 403} for raw in raws)

        def put(number: int) -> int:
            url = "/v2/team/app/manifests/latest"
            answer = servers[number].http.put(url, content=documents[number], headers={"Content-Type": kind})
            return answer.status_code

        for _ in range(5):
            with ThreadPoolExecutor(2) as pool:
                assert list(pool.map(put, range(2))) == [201, 201]
            seen = {
                server.http.head("/v2/team/app/manifests/latest").headers["docker-content-digest"] for server in servers
            }
            moves = [event["data"] for event in servers[0].events() if event["subject"] == "team/app:latest"]
            # One came last; every move says truly what was there before it.
            assert seen == {moves[-1]["after"]}
            assert [move["before"] for move in moves] == ["", *(move["after"] for move in moves[:-1])]


@pytest.mark.slow
def test_work_goes_on_by_itself_when_the_database_comes_back(tmp_path: Path) -> None:
    digests = [python_image(tmp_path / "images", name, {"h11": f"0.{len(name)}.0"}) for name in ("before", "after")]
    with (
        postgres_server() as database,
        WholeServer(tmp_path / "home", environment=shared_by_all(database.url, tmp_path)) as server,
    ):
        server.push(tmp_path / "images", "before", "team/app:before")
        database.stop()
        assert server.http.get("/readyz").status_code == 503
        assert server.http.get("/v2/team/app/manifests/before").status_code == 503
        database.start()
        assert server.verdict(digests[0])["state"] == "admitted"
        server.push(tmp_path / "images", "after", "team/app:after")
        assert server.verdict(digests[1])["state"] == "admitted"
        assert told(server, "admitted") == dict.fromkeys(digests, 1)
        assert server.http.get("/readyz").status_code == 200
        assert server.stop() == 0
