# SPDX-License-Identifier: Apache-2.0
"""Placement at the webhook: written at the first door, demanded at the second, not asked of what runs already."""

from collections.abc import Iterator
from typing import Any

import pytest
from reviews import Both, pod_review

from made_verdicts import Issuer, image_verdict
from tidegate.admission.restrictions import Imposed
from tidegate.evidence.restriction import parse_restriction
from webhook_process import WebhookProcess

STRATEGIES = """
apiVersion: tidegate.dev/v1
kind: PlacementStrategies
metadata: {name: house}
spec:
  strategies:
    - {name: east, nodes: {zone: [a, b]}, class: internal}
  isolation:
    apart: [[internal, public]]
"""


@pytest.fixture(scope="module")
def placing(tmp_path_factory: pytest.TempPathFactory, issuer: Issuer) -> Iterator[WebhookProcess]:
    folder = tmp_path_factory.mktemp("placing")
    kept = Imposed(
        id=1,
        digest="",
        pattern="",
        restriction=parse_restriction(where=["nodes:region=eu"]),
        reason="a pilot",
        by="ann",
        at="2026-01-01T00:00:00Z",
        statement="",
    )
    verdicts = [image_verdict("team/app:1"), image_verdict("team/eu:1", restrictions=(kept,))]
    issuer.fill(folder / "home" / "webhook", verdicts)
    (folder / "house.yaml").write_text(STRATEGIES)
    settings = {"WEBHOOK_CLUSTER": "lab", "EXECUTION_PLACEMENT_FILES": str(folder / "house.yaml")}
    with WebhookProcess(folder / "home", issuer.save_public(folder / "server.pub"), settings=settings) as running:
        yield running


def _spec(review: Any) -> Any:
    return review["request"]["object"]["spec"]


def test_a_pod_is_placed_by_strategies_and_by_its_image(placing: WebhookProcess) -> None:
    both = Both(placing, pod_review("team/eu:1"))
    assert both.allowed, both.message
    assert _spec(both.review)["nodeSelector"] == {"region": "eu"}
    (term,) = _spec(both.review)["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][
        "nodeSelectorTerms"
    ]
    assert term["matchExpressions"] == [{"key": "zone", "operator": "In", "values": ["a", "b"]}]
    assert both.review["request"]["object"]["metadata"]["labels"]["tidegate.dev/data-class"] == "internal"
    again = Both(placing, both.review)
    assert again.allowed
    assert again.review == both.review


def test_a_conflict_is_denied_with_both_sides(placing: WebhookProcess) -> None:
    review = pod_review("team/eu:1")
    _spec(review)["nodeSelector"] = {"region": "us"}
    both = Both(placing, review)
    assert not both.allowed
    assert (
        "the image's restriction (a pilot, ann) asks for region in (eu), but the workload's nodeSelector"
        in both.message
    )


def test_what_was_taken_out_after_the_first_door_is_missed_at_the_second(placing: WebhookProcess) -> None:
    placed = Both(placing, pod_review("team/app:1")).review
    del _spec(placed)["affinity"]["podAntiAffinity"]
    response = placing.ask("validate", placed)
    assert not response["allowed"]
    assert "not as its placement demands" in response["status"]["message"]


def test_a_pod_that_runs_already_may_be_labelled(placing: WebhookProcess) -> None:
    running = Both(placing, pod_review("team/app:1")).review
    request = running["request"]
    for part in ("affinity", "nodeSelector"):
        _spec(running).pop(part, None)
    _spec(running)["nodeName"] = "node-1"  # bound before there was any strategy
    request["operation"] = "UPDATE"
    request["oldObject"] = {**request["object"], "metadata": {**request["object"]["metadata"], "labels": {"a": "b"}}}
    both = Both(placing, running)
    assert both.allowed, both.message
