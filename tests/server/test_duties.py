# SPDX-License-Identifier: Apache-2.0
"""Segregation of duties through the API of a whole server: who did the one may not do the other, others may."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from access_material import PASSWORD, TOKEN
from api_server import ApiServer
from oci_material import image
from registry_client import push

from tidegate.identity.duties import RULES, Separation
from tidegate.signing.keys import SigningKey

PEOPLE = ("anna", "bob", "carl")
VERBS = ["push", "pull", "list", "admit", "approve", "trust"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    folder = tmp_path_factory.mktemp("duties")
    environment = {"TIDEGATE_CURATION_VEND_TO": "127.0.0.1:1"}
    with ApiServer(folder, token=TOKEN, environment=environment) as running:
        root = running.client(("root", TOKEN))
        for name in PEOPLE:
            root.post("/principals", json={"kind": "user", "name": name, "password": PASSWORD})
            grant = {"holder": name, "pattern": "**", "verbs": VERBS}
            assert root.post("/grants", json=grant).status_code == 201
        yield running


def _as(server: ApiServer, name: str) -> httpx.Client:
    return server.client(("root", TOKEN) if name == "root" else (name, PASSWORD))


def _pushed_by(server: ApiServer, name: str, repository: str) -> str:
    made = image(repository)
    push(server.client((name, PASSWORD) if name != "root" else ("root", TOKEN), base=""), repository, made, "v1")
    answer = _as(server, "root").get(f"/images/{made.digest}", params={"wait": 60})
    assert answer.json()["state"] in {"admitted", "rejected"}, answer.text
    return str(made.digest)


Act = Callable[[ApiServer, str, str, str], httpx.Response]


def _release(server: ApiServer, first: str, then: str, alone: str) -> httpx.Response:
    digest = _pushed_by(server, first, f"release/{first}-{then}-{len(alone)}")
    root = _as(server, "root")
    state = root.get(f"/images/{digest}").json()["state"]
    if state == "admitted":
        assert root.post(f"/images/{digest}/recall", json={"reason": "looked odd"}).status_code == 200
    return _as(server, then).post(f"/images/{digest}/release", json={"reason": "it was not", "alone": alone})


def _approve_grant(server: ApiServer, first: str, then: str, alone: str) -> httpx.Response:
    wish = {"pattern": "team/app", "verbs": ["pull"], "hours": 1, "reason": "a look"}
    asked = _as(server, first).post("/grants/requests", json=wish)
    assert asked.status_code == 201, asked.text
    return _as(server, then).post(f"/grants/{asked.json()['id']}/approve", json={"why": alone})


def _confirm_key(server: ApiServer, first: str, then: str, alone: str) -> httpx.Response:
    pem = SigningKey.generate().verifying.to_pem().decode()
    body = {"name": f"{first}-{then}-{bool(alone)}", "public_key": pem, "roles": ["decision"], "why": "another gate"}
    made = _as(server, first).post("/keys", json=body)
    assert (made.status_code, made.json()["state"]) == (201, "proposed"), made.text
    return _as(server, then).post(f"/keys/{made.json()['key_id']}/confirm", json={"alone": alone})


ACTS: dict[Separation, Act] = {
    Separation.RELEASED: _release,
    Separation.GRANTED: _approve_grant,
    Separation.KEY_CONFIRMED: _confirm_key,
}


@pytest.mark.parametrize("separation", ACTS)
def test_one_person_does_not_do_both_and_another_may(server: ApiServer, separation: Separation) -> None:
    act = ACTS[separation]
    same = act(server, "anna", "anna", "")
    assert same.status_code == 403, same.text
    assert same.json()["title"].startswith("nobody who"), same.text
    with_reason = act(server, "anna", "anna", "it is late")
    assert with_reason.status_code == 403, "a reason makes nobody an administrator"
    other = act(server, "anna", "bob", "")
    assert other.status_code == 200, other.text


@pytest.mark.parametrize("separation", [one for one in ACTS if RULES[one].may_be_broken])
def test_an_administrator_does_both_with_a_reason_on_record(server: ApiServer, separation: Separation) -> None:
    act = ACTS[separation]
    assert act(server, "root", "root", "").status_code == 403
    assert act(server, "root", "root", "nobody else is here").status_code == 200
    events = _as(server, "root").get("/events", params={"limit": 1000}).text
    assert "nobody else is here" in events


def test_an_image_is_not_sent_out_by_who_pushed_it(server: ApiServer) -> None:
    digest = _pushed_by(server, "anna", "out/app")
    body = {"digest": digest, "source": "out/app", "target": "127.0.0.1:1/app:1", "reason": "for customers"}
    answers = {name: _as(server, name).post("/promotions", json=body) for name in ("anna", "bob")}
    assert answers["anna"].status_code == 403
    assert answers["anna"].json()["title"].startswith("nobody who pushed the image")
    assert not answers["bob"].json().get("title", "").startswith("nobody who")


def test_every_rule_is_tried() -> None:
    elsewhere = {
        Separation.PROMOTED,  # above
        Separation.EXCEPTED,  # policy/test_policy_exception.py
        Separation.APPROVED,  # policy: reviews count independent approvals
        Separation.CONTAINED,  # execution/test_responses.py and sensor/test_responding.py
        Separation.UPDATED,  # execution/updates/test_update_proposals.py
    }
    assert set(ACTS) | elsewhere == set(RULES)
