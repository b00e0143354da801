# SPDX-License-Identifier: Apache-2.0
"""Observe mode serves everything and tells what it would refuse; enforce mode refuses and tells the same."""

from collections.abc import Callable, Sequence

import pytest
from live_registry import LiveRegistry
from oci_material import image
from registry_client import push

from tidegate.curation import refusals
from tidegate.curation.refusals import Refusal, list_refusals
from tidegate.curation.states import State
from tidegate.events import Event, EventKind
from tidegate.storage.outbox import read_after

MADE = image()


def _refusals(live: LiveRegistry, *, consumer: str = "", enforced: bool | None = None) -> Sequence[Refusal]:
    with live.database.read() as connection:
        return list_refusals(connection, consumer=consumer, enforced=enforced)


def _told(live: LiveRegistry) -> list[Event]:
    with live.database.read() as connection:
        return [event for _, event in read_after(connection, 0, 1000) if event.kind is EventKind.IMAGE_REFUSED]


@pytest.mark.parametrize("observes", [True, False])
def test_what_is_refused_and_what_would_be_is_told_alike(
    start_registry: Callable[..., LiveRegistry], observes: bool
) -> None:
    with start_registry(observes=observes) as live, live.client() as http:
        push(http, "team/app", MADE, "v1")
        live.settle(MADE.digest, State.ANALYSING, State.REJECTED, why='a "bad" flaw — for läter')
        for locator in ("v1", MADE.digest, "v1"):
            answer = http.get(f"/v2/team/app/manifests/{locator}")
            assert answer.status_code == (200 if observes else 403)
            assert answer.headers["tidegate-state"] == "rejected"
        if observes:
            assert answer.content == MADE.raw
            assert answer.headers["tidegate-would-refuse"].startswith('rejected: a "bad" flaw')
            assert answer.headers["warning"].startswith('299 - "this image would be refused: rejected: a \\"bad\\" ')
        (found,) = _refusals(live)
        assert (found.repository, found.digest, found.state) == ("team/app", MADE.digest, "rejected")
        assert (found.pulls, found.enforced, found.consumer) == (3, not observes, "anonymous")
        assert found.first_at <= found.last_at
        (event,) = _told(live)
        assert event.subject == MADE.digest
        assert event.data["enforced"] is not observes
        assert event.data["address"] == "127.0.0.1"
        assert _refusals(live, enforced=observes) == []
        assert _refusals(live, consumer="somebody else") == []
        figures = live.figures.get_sample_value(
            "tidegate_registry_refusals_total", {"state": "rejected", "enforced": str(not observes).lower()}
        )
        assert figures == 3


def test_what_may_be_served_is_not_told(start_registry: Callable[..., LiveRegistry]) -> None:
    with start_registry(observes=True) as live, live.client() as http:
        push(http, "app", MADE, "v1")
        live.admit(MADE.digest)
        answer = http.get("/v2/app/manifests/v1")
        assert answer.status_code == 200
        assert "tidegate-would-refuse" not in answer.headers
        assert "warning" not in answer.headers
        assert (_refusals(live), _told(live)) == ([], [])


def test_an_expired_decision_is_observed_too(start_registry: Callable[..., LiveRegistry]) -> None:
    with start_registry(observes=True) as live, live.client() as http:
        push(http, "app", MADE, "v1")
        live.settle(MADE.digest, State.ANALYSING, State.ADMITTED, expires_at="2020-01-01T00:00:00Z")
        answer = http.get("/v2/app/manifests/v1")
        assert answer.status_code == 200
        assert "expired" in answer.headers["tidegate-would-refuse"]


def test_consumers_are_told_apart_and_the_oldest_rows_go(
    start_registry: Callable[..., LiveRegistry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "MAX_REFUSALS", 10)
    with start_registry(token="a-long-enough-token") as live:
        for number in range(14):
            with live.client(auth=(f"robot{number:02}", "a-long-enough-token")) as http:
                if number == 0:
                    push(http, "app", MADE, "v1")
                assert http.get("/v2/app/manifests/v1").status_code == 403
        found = _refusals(live)
        assert 0 < len(found) <= 11
        assert "robot13" in {row.consumer for row in found}
