# SPDX-License-Identifier: Apache-2.0
"""A webhook and the server it follows: what is admitted, moved and recalled there, and what holds when it is gone."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from reviews import Both, pod_review

from webhook_process import WebhookProcess

sys.path.append(str(Path(__file__).parents[1] / "journey"))

from whole_server import WholeServer, python_image


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeServer]:
    with WholeServer(tmp_path_factory.mktemp("server") / "home") as running:
        yield running


@pytest.fixture
def webhook(tmp_path: Path, server: WholeServer) -> Iterator[WebhookProcess]:
    with following(tmp_path, server) as running:
        yield running


def following(folder: Path, server: WholeServer) -> WebhookProcess:
    """A webhook that answers by a server's verdicts."""
    trusted = folder / "server.pub"
    trusted.write_text(server.api("/keys")["keys"][0]["public_key"])
    settings = {"CLIENT_SERVER": f"http://{server.address}", "WEBHOOK_CLUSTER": "lab"}
    return WebhookProcess(folder / "webhook-home", trusted, settings=settings)


def wait_for(condition: Callable[[], object], what: str) -> None:
    ends = time.monotonic() + 180
    while not condition():
        assert time.monotonic() < ends, what
        time.sleep(0.02)


def admitted(server: WholeServer, folder: Path, name: str, tag: str = "1") -> str:
    digest = python_image(folder / f"{name}-{tag}", "one", {"h11": "0.14.0", name: tag})
    server.push(folder / f"{name}-{tag}", "one", f"team/{name}:{tag}")
    assert server.verdict(digest)["state"] == "admitted"
    return digest


def lets_in(webhook: WebhookProcess, image: str) -> Callable[[], bool]:
    return lambda: Both(webhook, pod_review(image)).allowed


def test_an_image_is_known_as_soon_as_it_is_admitted(
    server: WholeServer, webhook: WebhookProcess, tmp_path: Path
) -> None:
    assert not lets_in(webhook, "team/fresh:1")()
    digest = admitted(server, tmp_path, "fresh")
    wait_for(lets_in(webhook, "team/fresh:1"), "the verdict")
    assert Both(webhook, pod_review(f"registry.example/team/fresh@{digest}")).allowed


def test_a_recalled_image_is_refused(server: WholeServer, webhook: WebhookProcess, tmp_path: Path) -> None:
    digest = admitted(server, tmp_path, "bad")
    wait_for(lets_in(webhook, f"team/bad@{digest}"), "the verdict")
    answer = server.http.post(f"/api/v1/images/{digest}/recall", json={"reason": "a test recalls it"})
    assert answer.status_code == 200, answer.text
    wait_for(lambda: not lets_in(webhook, f"team/bad@{digest}")(), "the refusal")
    wait_for(lambda: "the curation gate" in Both(webhook, pod_review(f"team/bad@{digest}")).message, "the reason")
    answer = server.http.post(f"/api/v1/images/{digest}/release", json={"reason": "it was not it"})
    assert answer.status_code == 200, answer.text
    wait_for(lets_in(webhook, f"team/bad@{digest}"), "the verdict after the release")


def test_a_tag_that_moves_is_pinned_to_where_it_went(
    server: WholeServer, webhook: WebhookProcess, tmp_path: Path
) -> None:
    first = admitted(server, tmp_path, "moving")
    wait_for(lets_in(webhook, "team/moving:1"), "the verdict")
    second = python_image(tmp_path / "second", "one", {"h11": "0.14.0", "moving": "2"})
    server.push(tmp_path / "second", "one", "team/moving:1")
    assert server.verdict(second)["state"] == "admitted"

    def pinned() -> str:
        both = Both(webhook, pod_review("team/moving:1"))
        return str(both.review["request"]["object"]["spec"]["containers"][0]["image"]).partition("@")[2]

    wait_for(lambda: pinned() == second, "the new place")
    assert first != second


def test_who_an_image_is_kept_for_holds_here_too(server: WholeServer, webhook: WebhookProcess, tmp_path: Path) -> None:
    digest = admitted(server, tmp_path, "kept")
    wait_for(lets_in(webhook, "team/kept:1"), "the verdict")
    body = {"reason": "pilot", "who": ["anonymous", "namespace:shop"], "where": ["lab"]}
    assert server.http.post(f"/api/v1/images/{digest}/restrict", json=body).status_code == 200
    wait_for(lambda: not lets_in(webhook, "team/kept:1")(), "the restriction")
    wait_for(lambda: Both(webhook, pod_review("team/kept:1", namespace="shop")).allowed, "the namespace it is for")
    assert "kept for" in Both(webhook, pod_review("team/kept:1")).message


def test_what_the_webhook_did_is_on_record_at_the_server(
    server: WholeServer, webhook: WebhookProcess, tmp_path: Path
) -> None:
    digest = admitted(server, tmp_path, "told")
    wait_for(lets_in(webhook, "team/told:1"), "the verdict")
    review = pod_review("team/told:1")
    assert Both(webhook, review).allowed
    ends = time.monotonic() + 60
    after = 0
    while time.monotonic() < ends:
        page = server.api("/events", after=after, wait=5, limit=1000)
        after = page["next"]
        kinds = [one["event"] for one in page["events"] if one["event"]["type"].endswith("workload.admitted")]
        if any(one["data"]["digests"].get("app") == digest for one in kinds):
            return
    raise AssertionError("no event of the admission")


def test_it_answers_on_when_the_server_is_gone_and_from_its_disk_at_the_next_start(tmp_path: Path) -> None:
    with WholeServer(tmp_path / "home") as server:
        admitted(server, tmp_path, "lasting")
        with following(tmp_path, server) as webhook:
            wait_for(lets_in(webhook, "team/lasting:1"), "the verdict")
            server.process.kill()
            server.process.wait(30)
            assert lets_in(webhook, "team/lasting:1")()
            assert not lets_in(webhook, "team/other:1")()
            webhook.kill()
            webhook.start()
            assert lets_in(webhook, "team/lasting:1")()
