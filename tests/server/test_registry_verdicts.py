# SPDX-License-Identifier: Apache-2.0
"""A pull of what was pushed a moment ago waits for its verdict, and for no other thing."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import httpx
import pytest
from live_registry import LiveRegistry
from oci_material import image
from registry_client import code_of, push

from tidegate.curation.refusals import list_refusals
from tidegate.curation.states import State

NAME = "team/app"


@pytest.fixture
def patient(start_registry: Callable[..., LiveRegistry]) -> Iterator[LiveRegistry]:
    with start_registry(verdict_wait_seconds=240.0) as running:
        yield running


def _pulls(live: LiveRegistry, pool: ThreadPoolExecutor, count: int) -> list[Future[httpx.Response]]:
    """Pulls that were begun, and that wait."""

    def pull() -> httpx.Response:
        with live.client() as http:
            return http.get(f"/v2/{NAME}/manifests/v1")

    begun = [pool.submit(pull) for _ in range(count)]
    with live.client() as http:
        while f"tidegate_http_requests_in_flight {count + 1}.0" not in http.get("/metrics").text:
            assert not any(one.done() for one in begun)
    return begun


@pytest.mark.parametrize(("state", "status"), [(State.ADMITTED, 200), (State.REJECTED, 403)])
def test_whoever_waits_gets_the_verdict(patient: LiveRegistry, state: State, status: int) -> None:
    made = image()
    with patient.client() as http, ThreadPoolExecutor(3) as pool:
        push(http, NAME, made, "v1")
        begun = _pulls(patient, pool, 3)
        patient.settle(made.digest, State.ANALYSING, state, why="it was looked at")
        answers = [one.result(120) for one in begun]
        assert {answer.status_code for answer in answers} == {status}
        assert {answer.headers["tidegate-state"] for answer in answers} == {state}
        # Waiting is no refusal; what came of it is.
        with patient.database.read() as connection:
            assert {one.state for one in list_refusals(connection)} == ({"rejected"} if status == 403 else set())
        assert http.get(f"/v2/{NAME}/manifests/v1").status_code == status


def test_no_verdict_in_time_is_a_refusal(start_registry: Callable[..., LiveRegistry]) -> None:
    with start_registry(verdict_wait_seconds=0.2) as live, live.client() as http:
        push(http, NAME, image(), "v1")
        answer = http.get(f"/v2/{NAME}/manifests/v1")
        assert (answer.status_code, code_of(answer)) == (403, "DENIED")
        assert answer.headers["tidegate-state"] == "quarantined"
        with live.database.read() as connection:
            (refusal,) = list_refusals(connection)
        assert (refusal.state, refusal.pulls) == ("quarantined", 1)


def test_what_is_deleted_meanwhile_is_gone(patient: LiveRegistry) -> None:
    made = image()
    with patient.client() as http, ThreadPoolExecutor(1) as pool:
        push(http, NAME, made, "v1")
        (begun,) = _pulls(patient, pool, 1)
        assert http.delete(f"/v2/{NAME}/manifests/{made.digest}").status_code == 202
        assert begun.result(120).status_code == 404
