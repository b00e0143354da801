# SPDX-License-Identifier: Apache-2.0
"""What a webhook writes down of each answer, so that it can be found later."""

from pathlib import Path

import pytest
from reviews import Both, pod_review, shape

from backing import Backing
from made_verdicts import Issuer, digest_of, image_verdict, refused_verdict
from tidegate.events import EventKind
from tidegate.execution.reviews.record import Record
from tidegate.execution.reviews.recorded import put_on_record
from tidegate.storage import outbox
from tidegate.wire import from_json
from webhook_process import WebhookProcess

CONNECT = """
apiVersion: tidegate.dev/v1
kind: ConnectRules
metadata: {name: ways-in}
spec:
  rules:
    - {name: oncall, who: ["group:oncall"], acts: [exec]}
"""


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, issuer: Issuer) -> list[Record]:
    """All that one webhook wrote down, by the time it ended."""
    folder = tmp_path_factory.mktemp("webhook")
    issuer.fill(folder / "home" / "webhook", [image_verdict("team/app:1"), refused_verdict("team/bad:1")])
    (folder / "connect.yaml").write_text(CONNECT)
    settings = {"WEBHOOK_CLUSTER": "lab", "WEBHOOK_CONNECT_FILES": str(folder / "connect.yaml")}
    trusted = issuer.save_public(folder / "server.pub")
    with WebhookProcess(folder / "home", trusted, settings=settings) as webhook:
        assert Both(webhook, pod_review("team/app:1")).allowed
        assert not Both(webhook, pod_review("team/bad:1")).allowed
        assert Both(webhook, pod_review("team/app:1", dryRun=True)).allowed
        way_in = shape("pod-exec")
        way_in["request"]["userInfo"] = {"username": "ann", "groups": ["oncall"]}
        assert webhook.ask("validate", way_in)["allowed"]
    lots = sorted((folder / "home" / "webhook" / "records").glob("*.jsonl"))
    lines = [line for path in lots for line in path.read_bytes().splitlines()]
    return [from_json(line, Record, what="record", max_bytes=1 << 20) for line in lines]


def of(told: list[Record], act: str) -> list[Record]:
    return [one for one in told if one.act == act]


def test_each_answer_tells_request_who_verdict_and_policies(told: list[Record], issuer: Issuer) -> None:
    (admitted,) = of(told, "admitted")  # a dry run leaves no trace
    assert admitted.images == {"app": digest_of("team/app:1")}
    assert admitted.verdicts["app"].startswith("allow until 2")
    assert admitted.policy == str(issuer.texts().digest)
    assert (admitted.cluster, admitted.operation, admitted.by) == ("lab", "CREATE", "developer")
    (denied,) = of(told, "denied")
    assert denied.verdicts["app"].startswith("deny until 2")
    assert "it has flaws" in denied.reasons[0]
    assert all(one.id for one in told)


def test_what_was_filled_in_is_told_with_why(told: list[Record]) -> None:
    changed = of(told, "changed")
    assert len(changed) == 2
    why = {one.path: one.why for one in changed[0].changes}
    assert any(path.endswith("/image") for path in why)
    assert any("capabilities" in path for path in why)
    assert all(why.values())


def test_a_way_in_tells_the_rule_that_opened_it(told: list[Record]) -> None:
    (opened,) = of(told, "connected")
    assert (opened.rule, opened.subresource, opened.by) == ("oncall", "exec", "ann")


def test_all_of_it_is_on_record_at_the_server_once(told: list[Record], tmp_path: Path) -> None:
    database = Backing().database(tmp_path)
    assert put_on_record(database, told, "webhook") == len(told)
    assert put_on_record(database, told, "webhook") == 0
    with database.read() as connection:
        events = [event for _, event in outbox.read_after(connection, 0, 100)]
    database.close()
    by_kind = {event.kind: event.data for event in events}
    assert by_kind[EventKind.WORKLOAD_ADMITTED]["verdicts"]
    assert by_kind[EventKind.WORKLOAD_ADMITTED]["request"]
    assert by_kind[EventKind.WORKLOAD_CHANGED]["explained"]
    assert by_kind[EventKind.CONNECTION_OPENED]["rule"] == "oncall"
