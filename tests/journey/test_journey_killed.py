# SPDX-License-Identifier: Apache-2.0
"""kill -9 at any step of curation, then a restart: the job is finished, once."""

import random
import sqlite3
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path

import pytest
from whole_server import WholeServer, python_image

from tidegate.errors import TidegateError


def _counts(home: Path, digest: str) -> dict[str, Counter[str]]:
    with closing(sqlite3.connect(home / "state.db")) as database, database:
        states = database.execute("SELECT after FROM state_change WHERE digest = ?", (digest,))
        statements = database.execute("SELECT predicate_type FROM statement WHERE subject = ?", (digest,))
        events = database.execute("SELECT kind FROM outbox WHERE subject = ?", (digest,))
        return {
            "states": Counter(row[0] for row in states),
            "statements": Counter(row[0] for row in statements),
            "events": Counter(row[0] for row in events),
        }


def _assert_done_once(home: Path, digest: str, state: str) -> None:
    found = _counts(home, digest)
    assert found["states"] == {"quarantined": 1, "analysing": 1, state: 1}
    assert set(found["statements"].values()) == {1}
    assert len(found["statements"]) == 3, "a bill of materials, a scan and a decision"
    assert found["events"][f"curation.image.{state}"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("step", ["begin", "examine", "decide"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_at_any_step_leaves_the_job_to_be_finished_once(step: str, moment: str, tmp_path: Path) -> None:
    home, layout = tmp_path / "home", tmp_path / "images"
    digest = python_image(layout, "web", {"h11": "0.14.0"})
    with WholeServer(home, kill_at=f"{step}:{moment}") as server:
        with suppress(TidegateError):  # it may be killed before it answers
            server.push(layout, "web", "team/web:1")
        assert server.died() == -9
    with WholeServer(home) as server:
        assert server.verdict(digest)["state"] == "admitted"
        assert server.api(f"/passports/{digest}")["sound"]
        assert server.http.get(f"/v2/team/web/manifests/{digest}").status_code == 200
        assert server.stop() == 0
    _assert_done_once(home, digest, "admitted")


@pytest.mark.slow
def test_kills_at_random_moments_lose_no_image_and_judge_none_twice(tmp_path: Path) -> None:
    home, layout = tmp_path / "home", tmp_path / "images"
    chance = random.Random(20)
    digests: dict[str, str] = {}
    for round_ in range(4):
        with WholeServer(home) as server:
            for number in range(3):
                tag = f"image-{round_}-{number}"
                bad = number == 0
                digest = python_image(layout, tag, {"apache-airflow": "1.10.10"} if bad else {"h11": "0.14.0"})
                server.push(layout, tag, f"team/{tag}:1")
                digests[digest] = "rejected" if bad else "admitted"
            seen = server.api("/events", limit=1000)["next"]
            # The moment of the kill is that of some event to come: none is left out, none is chosen.
            server.api("/events", after=seen, limit=1, wait=chance.choice([0, 0.2, 0.5]))
            server.process.kill()
            assert server.died() == -9
    with WholeServer(home) as server:
        for digest, state in digests.items():
            assert server.verdict(digest)["state"] == state
        assert server.stop() == 0
    for digest, state in digests.items():
        _assert_done_once(home, digest, state)
