# SPDX-License-Identifier: Apache-2.0
"""Principals and grants through the management API of a whole server, as people and robots use it."""

import re
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from access_material import PASSWORD, TOKEN, bearer
from api_server import ApiServer
from registry_client import code_of, push_blob

from tidegate.artifact import Digest
from tidegate.identity import Verb
from tidegate.server.api.permission import verb_needed


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with ApiServer(tmp_path_factory.mktemp("api"), token=TOKEN) as running:
        root = running.client(("root", TOKEN))
        for name in ("anna", "bob", "carl"):
            body = {"kind": "user", "name": name, "password": PASSWORD, "groups": ["devs"] if name == "carl" else []}
            assert root.post("/principals", json=body).status_code == 201
        yield running


@pytest.fixture
def root(server: ApiServer) -> httpx.Client:
    return server.client(("root", TOKEN))


def user(server: ApiServer, name: str) -> httpx.Client:
    return server.client((name, PASSWORD))


def test_who_one_is(server: ApiServer, root: httpx.Client) -> None:
    assert root.get("/me").json() == {"name": "root", "kind": "administrator", "groups": [], "grants": []}
    assert user(server, "carl").get("/me").json()["groups"] == ["devs"]
    assert server.client(("carl", "wrong " + PASSWORD)).get("/me").status_code == 401


def test_a_principal_without_grants_reads_nothing(server: ApiServer) -> None:
    bob = user(server, "bob")
    for path in ("/images", "/events", "/principals", "/audit", "/knowledge", "/ledger/checkpoint", "/nothing"):
        assert bob.get(path).status_code == 403, path
    assert bob.post("/principals", json={"kind": "robot", "name": "x", "days": 1}).status_code == 403
    assert bob.post("/grants", json={"holder": "bob", "pattern": "**", "verbs": ["administer"]}).status_code == 403
    assert bob.post("/knowledge/look").status_code == 403
    assert bob.get("/openapi.json").status_code == 200


def test_asking_approving_using_and_losing_a_grant(server: ApiServer, root: httpx.Client) -> None:
    anna, bob = user(server, "anna"), user(server, "bob")
    wish = {"pattern": "team-a/app", "verbs": ["push"], "hours": 2, "reason": "hotfix of the week"}
    asked = anna.post("/grants/requests", json=wish)
    assert (asked.status_code, asked.json()["state"]) == (201, "requested")
    grant = asked.json()["id"]
    assert anna.post(f"/grants/{grant}/approve").status_code == 403
    assert bob.post(f"/grants/{grant}/approve").status_code == 403  # may not approve anything
    for pattern in ("team-b/**", "team-*/app"):
        root.post("/grants", json={"holder": "bob", "pattern": pattern, "verbs": ["approve"]})
        assert bob.post(f"/grants/{grant}/approve").status_code == (403 if pattern == "team-b/**" else 200), pattern
    assert anna.get("/me").json()["grants"] == [{"grant": grant, "pattern": "team-a/app", "verbs": ["push"]}]
    assert anna.get("/grants").json()[0]["decided_by"] == "bob"
    held = sorted(found["holder"] for found in bob.get("/grants").json())  # those of one second come in any order
    assert held == ["anna", "bob", "bob"]  # also what he gave
    assert [found["holder"] for found in bob.get("/grants?holder=bob").json()] == ["bob", "bob"]
    with server.client(("anna", PASSWORD), base="") as registry:
        assert registry.post("/v2/team-a/app/blobs/uploads/").status_code == 202
        assert registry.post("/v2/team-a/other/blobs/uploads/").status_code == 403
        assert root.post(f"/grants/{grant}/revoke", json={"why": "done"}).json()["state"] == "revoked"
        assert registry.post("/v2/team-a/app/blobs/uploads/").status_code == 403


def test_approvers_make_no_administrators(server: ApiServer, root: httpx.Client) -> None:
    root.post("/grants", json={"holder": "carl", "pattern": "**", "verbs": ["approve"]})
    asked = user(server, "anna").post(
        "/grants/requests", json={"pattern": "**", "verbs": ["administer"], "hours": 1, "reason": "why not"}
    )
    carl = user(server, "carl")
    assert carl.post(f"/grants/{asked.json()['id']}/approve").status_code == 403
    assert carl.get("/grants?state=requested").json()[0]["id"] == asked.json()["id"]
    assert root.post(f"/grants/{asked.json()['id']}/refuse", json={"why": "no"}).json()["state"] == "refused"
    assert root.post("/grants/requests", json={"pattern": "a", "verbs": ["pull"], "hours": 1}).status_code == 400


def test_a_robot_by_the_api(server: ApiServer, root: httpx.Client) -> None:
    made = root.post("/principals", json={"kind": "robot", "name": "ci", "days": 30, "groups": ["bots"]})
    assert made.status_code == 201
    secret = made.json()["secret"]
    robot = server.client(("robot$ci", secret))
    assert robot.get("/me").json()["groups"] == ["bots"]
    assert secret not in root.get("/principals").text
    renewed = root.post("/principals/robot$ci/renew", json={"days": 1}).json()["secret"]
    assert robot.get("/me").status_code == 401
    assert server.client(("robot$ci", renewed)).get("/me").status_code == 200
    assert root.post("/principals/robot$ci/disable").json()["principal"]["disabled"] is True
    assert server.client(("robot$ci", renewed)).get("/me").status_code == 401
    root.post("/principals/robot$ci/enable")
    assert server.client(("robot$ci", renewed)).get("/me").status_code == 200
    assert root.delete("/principals/robot$ci").status_code == 200
    assert root.delete("/principals/robot$ci").status_code == 404
    for days in (0, 91, -1, 1e300):
        answer = root.post("/principals", json={"kind": "robot", "name": "late", "days": days})
        assert answer.status_code in {400, 422}, days


def test_people_change_their_own_password_and_no_other(server: ApiServer, root: httpx.Client) -> None:
    body = {"kind": "user", "name": "dora", "password": PASSWORD}
    assert root.post("/principals", json=body).status_code == 201
    dora = user(server, "dora")
    assert dora.put("/principals/anna/password", json={"password": PASSWORD + "!"}).status_code == 403
    assert dora.put("/principals/dora/password", json={"password": "short"}).status_code == 422
    assert dora.put("/principals/dora/password", json={"password": PASSWORD + "!"}).status_code == 200
    assert dora.get("/me").status_code == 401
    assert root.put("/principals/dora/groups", json={"groups": ["ops"]}).json()["principal"]["groups"] == ["ops"]


def test_a_token_for_repositories_opens_no_api(server: ApiServer) -> None:
    with server.client(("root", TOKEN), base="") as plain:
        token = plain.get("/token", params={"scope": "repository:a:pull"}).json()["token"]
    with server.client(None) as bare:
        assert bare.get("/me", headers=bearer(token)).status_code == 403
        assert bare.get("/me").headers["www-authenticate"].startswith("Basic")
        assert bare.get("/me", headers=bearer(TOKEN)).status_code == 200


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"kind":"user","name":"x","extra":1}', b'{"kind":"god"}', b"x" * 70_000]
)
def test_broken_bodies_are_refused(root: httpx.Client, body: bytes) -> None:
    assert root.post("/principals", content=body).status_code in {413, 422}


def test_every_route_needs_something(server: ApiServer, root: httpx.Client) -> None:
    root.post("/principals", json={"kind": "user", "name": "nobody", "password": PASSWORD})
    nobody = user(server, "nobody")
    paths: dict[str, Any] = root.get("/openapi.json").json()["paths"]
    for path, methods in paths.items():
        for method in map(str.upper, methods):
            needed = verb_needed(method, path)
            if method == "GET":
                continue
            assert needed not in {Verb.PULL, Verb.PUSH, Verb.DELETE, Verb.LIST}, (method, path)  # these only let read
            # Where the table says nothing the route itself has to ask.
            answer = nobody.request(method, re.sub(r"{digest}", f"sha256:{'a' * 64}", path))
            assert answer.status_code in {400, 403, 404, 422}, (method, path, answer.text)
    assert verb_needed("GET", "/grants/") is Verb.LIST
    assert verb_needed("POST", "//grants/requests") is Verb.ADMINISTER
    assert verb_needed("PATCH", "/me") is Verb.ADMINISTER


def test_a_tenant_may_have_so_much(server: ApiServer, root: httpx.Client) -> None:
    body = {"name": "team-q", "prefixes": ["team-q"], "quota": {"bytes": 500}}
    assert root.post("/tenants", json=body).status_code == 201
    assert root.post("/tenants", json=body).status_code == 400
    assert user(server, "anna").get("/tenants").status_code == 403
    with server.client(("root", TOKEN), base="") as registry:
        blob = b"x" * 400
        push_blob(registry, "team-q/app", blob)
        push_blob(registry, "team-q/other", blob)  # the same bytes count once
        over = b"y" * 200
        refused = registry.post(f"/v2/team-q/app/blobs/uploads/?digest={Digest.of(over)}", content=over)
        assert (refused.status_code, code_of(refused)) == (403, "DENIED")
        assert "tenant team-q may have 500 bytes" in refused.text
        (told,) = [item for item in root.get("/tenants").json() if item["name"] == "team-q"]
        assert told["used"] == {"bytes": 400, "repositories": 0, "manifests": 0}
        assert root.put("/tenants/team-q/quota", json={"bytes": 700}).status_code == 200
        push_blob(registry, "team-q/app", over)
        assert root.post("/tenants/team-q/recount").json()["used"]["bytes"] == 600
    assert root.delete("/tenants/team-q").status_code == 200
    assert root.delete("/tenants/team-q").status_code == 404


def _subscribed(server: ApiServer, root: httpx.Client, name: str) -> str:
    """A user with a grant and a subscription by it; returns the subscription."""
    assert root.post("/principals", json={"kind": "user", "name": name, "password": PASSWORD}).status_code == 201
    root.post("/grants", json={"holder": name, "pattern": "told/app", "verbs": ["pull"]})
    body = {"url": "https://receiver.example/", "pattern": "told/app"}
    made = user(server, name).post("/subscriptions", json=body)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def _wait_for(root: httpx.Client, number: str, paused: str) -> None:
    """Until a subscription is shown as paused for a reason; "" for not at all."""
    ends = time.monotonic() + 120
    while True:
        (found,) = [one for one in root.get("/subscriptions").json()["subscriptions"] if one["id"] == number]
        if found["paused"] == paused:
            return
        assert time.monotonic() < ends, found


def test_who_is_removed_is_told_no_more(server: ApiServer, root: httpx.Client) -> None:
    number = _subscribed(server, root, "told-one")
    assert root.delete("/principals/told-one").status_code == 200
    ends = time.monotonic() + 120
    while number in root.get("/subscriptions").text:
        assert time.monotonic() < ends, "told still"


def test_a_subscription_is_paused_while_its_owner_may_nothing(server: ApiServer, root: httpx.Client) -> None:
    number = _subscribed(server, root, "told-two")
    (grant,) = root.get("/grants", params={"holder": "told-two"}).json()
    assert root.post("/principals/told-two/disable").status_code == 200
    _wait_for(root, number, "told-two is disabled")
    assert root.post("/principals/told-two/enable").status_code == 200
    _wait_for(root, number, "")
    assert root.post(f"/grants/{grant['id']}/revoke").status_code == 200
    _wait_for(root, number, "told-two may not pull told/app now")
    assert user(server, "told-two").get("/subscriptions").json()["subscriptions"][0]["paused"]
    root.post("/grants", json={"holder": "told-two", "pattern": "told/**", "verbs": ["pull"]})
    _wait_for(root, number, "")


def test_an_administrator_of_ones_name_is_somebody_else(server: ApiServer, root: httpx.Client) -> None:
    own = _subscribed(server, root, "told-three")
    made = server.client(("told-three", TOKEN)).post("/subscriptions", json={"url": "https://receiver.example/"})
    assert (made.status_code, made.json()["owner_kind"]) == (201, "administrator")
    number, theirs = made.json()["id"], user(server, "told-three")
    assert [one["owner_kind"] for one in theirs.get("/subscriptions").json()["subscriptions"]] == ["user"]
    assert theirs.get(f"/subscriptions/{number}/deliveries").status_code == 404
    assert theirs.delete(f"/subscriptions/{number}").status_code == 404
    assert root.delete("/principals/told-three").status_code == 200
    ends = time.monotonic() + 120
    while own in (left := root.get("/subscriptions").text):
        assert time.monotonic() < ends, left
    assert number in left
