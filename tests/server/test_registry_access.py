# SPDX-License-Identifier: Apache-2.0
"""Grants and tokens over the wire: what was granted works, everything else does not, and nothing is told by the way."""

import base64
import hmac
import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from access_material import PASSWORD, ROOT, TOKEN, add_robot, add_user, bearer, fetch_token, give
from joserfc import jwt
from joserfc.jwk import ECKey
from live_registry import LiveRegistry
from oci_material import image
from registry_client import code_of, push, push_blob, put_manifest

from tidegate.artifact import Digest
from tidegate.clock import system_clock
from tidegate.errors import InvalidInputError
from tidegate.identity import Principal, PrincipalKind, account, granting
from tidegate.identity.throttle import Limit, ThrottleOptions
from tidegate.identity.token import TokenKey, Tokens, TokenUse

DIGEST = Digest.of(b"nothing")
_FORGIVING = Limit(free=1000, longest=timedelta(seconds=1))
PATIENT = ThrottleOptions(pair=_FORGIVING, address=_FORGIVING, name=_FORGIVING)  # waits have tests of their own


@pytest.fixture
def closed(start_registry: Callable[..., LiveRegistry]) -> Iterator[LiveRegistry]:
    """A registry with an access token, and two images in it."""
    with start_registry(token=TOKEN, throttle=PATIENT) as live:
        with live.client(auth=("root", TOKEN)) as http:
            for name in ("team-a/app", "team-b/app"):
                live_image = image(name)
                push(http, name, live_image, "v1")
                live.admit(live_image.digest)
        yield live


@pytest.fixture
def http(closed: LiveRegistry) -> Iterator[httpx.Client]:
    with closed.client() as client:
        yield client


def test_the_challenge_sends_for_the_token_that_is_needed(closed: LiveRegistry, http: httpx.Client) -> None:
    for method, path, scope in (
        ("GET", "/v2/", ""),
        ("GET", "/v2/_catalog", "registry:catalog:*"),
        ("GET", "/v2/a/b/manifests/v1", "repository:a/b:pull"),
        ("PUT", "/v2/a/b/manifests/v1", "repository:a/b:pull,push"),
        ("POST", "/v2/a/b/blobs/uploads/", "repository:a/b:pull,push"),
        ("DELETE", "/v2/a/b/manifests/v1", "repository:a/b:delete"),
    ):
        answer = http.request(method, path)
        wanted = f'Bearer realm="{closed.url}/token",service="tidegate"' + (f',scope="{scope}"' if scope else "")
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, wanted)
    hostile = http.get("/v2/", headers={"Host": 'evil"x'})
    assert 'evil"x' not in hostile.headers.get("www-authenticate", "")


def test_a_token_has_what_was_asked_and_is_allowed(closed: LiveRegistry, http: httpx.Client) -> None:
    anna = add_user(closed, "anna", "devs")
    give(closed, "group:devs", "team-a/**", "pull")
    asked = ("repository:team-a/app:pull,push", "repository:team-b/app:pull", "registry:catalog:*", "what:ever:x")
    told = fetch_token(http, anna, *asked)
    assert told["scope"] == "repository:team-a/app:pull registry:catalog:*"
    assert (told["token"], told["expires_in"]) == (told["access_token"], 300)
    shown = bearer(told["token"])
    assert http.get("/v2/", headers=shown).status_code == 200
    assert http.get("/v2/team-a/app/manifests/v1", headers=shown).status_code == 200
    assert http.get("/v2/team-a/app/tags/list", headers=shown).json()["tags"] == ["v1"]
    assert http.get("/v2/_catalog", headers=shown).json() == {"repositories": ["team-a/app"]}
    refused = http.post("/v2/team-a/app/blobs/uploads/", headers=shown)
    assert (refused.status_code, code_of(refused)) == (403, "DENIED")


def test_what_is_not_granted_looks_the_same_whether_it_is_there_or_not(
    closed: LiveRegistry, http: httpx.Client
) -> None:
    robot = add_robot(closed, "ci")
    give(closed, robot[0], "team-a/**", "pull", "push", "delete")
    for method, path in (
        ("GET", "/v2/{}/manifests/v1"),
        ("HEAD", "/v2/{}/manifests/v1"),
        ("GET", "/v2/{}/tags/list"),
        ("GET", f"/v2/{{}}/blobs/{DIGEST}"),
        ("GET", f"/v2/{{}}/referrers/{DIGEST}"),
        ("PUT", "/v2/{}/manifests/v1"),
        ("DELETE", "/v2/{}/manifests/v1"),
        ("POST", "/v2/{}/blobs/uploads/"),
    ):
        there, nowhere = (http.request(method, path.format(name), auth=robot) for name in ("team-b/app", "team-b/ape"))
        assert there.status_code == nowhere.status_code == 403
        assert there.text.replace("team-b/app", "X") == nowhere.text.replace("team-b/ape", "X")
        assert there.headers.keys() == nowhere.headers.keys()
        # Without credentials it is 401 for both, whatever is asked.
        assert {http.request(method, path.format(n)).status_code for n in ("team-b/app", "team-b/ape")} == {401}


def test_a_token_for_one_thing_opens_no_other(closed: LiveRegistry, http: httpx.Client) -> None:
    anna = add_user(closed, "anna")
    give(closed, "anna", "**", "pull", "push")
    shown = bearer(fetch_token(http, anna, "repository:team-a/app:pull")["token"])
    other = http.get("/v2/team-b/app/manifests/v1", headers=shown)
    assert (other.status_code, code_of(other)) == (401, "UNAUTHORIZED")
    assert 'scope="repository:team-b/app:pull"' in other.headers["www-authenticate"]
    assert 'error="insufficient_scope"' in other.headers["www-authenticate"]
    assert http.post("/v2/team-a/app/blobs/uploads/", headers=shown).status_code == 401
    assert http.get("/v2/_catalog", headers=shown).status_code == 401
    # Nor does it buy one that opens more.
    told = http.get("/token", params={"scope": "repository:team-b/app:pull,push"}, headers=shown).json()
    assert told["scope"] == ""
    assert "refresh_token" not in http.get("/token", params={"offline_token": "true"}, headers=shown).json()


def _forged(closed: LiveRegistry, **changes: object) -> dict[str, object]:
    principal = Principal(name="root", kind=PrincipalKind.ADMINISTRATOR)
    token, _ = closed.tokens.make(principal, TokenUse.SESSION)
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return {**claims, **changes}


def _with_public_key(key: ECKey, claims: dict[str, object]) -> str:
    """The old trick: the server's public key as the secret of an HMAC."""
    header = {"alg": "HS256", "typ": "tidegate+jwt"}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    mac = hmac.digest(key.as_pem(private=False), b".".join(parts), "sha256")
    return b".".join([*parts, base64.urlsafe_b64encode(mac).rstrip(b"=")]).decode()


def test_forged_tokens_open_nothing(closed: LiveRegistry, http: httpx.Client) -> None:
    key, header = ECKey.generate_key("P-256"), {"alg": "ES256", "typ": "tidegate+jwt"}
    claims = _forged(closed)
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims)]
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"tidegate+jwt"}').rstrip(b"=").decode()
    ours = closed.tokens._key.jose
    good = jwt.encode(header, claims, ours, algorithms=["ES256"])
    forged = {
        "another's key": jwt.encode(header, claims, key, algorithms=["ES256"]),
        "alg none": f"{none}.{parts[1]}.",
        "alg none with a signature": f"{none}.{parts[1]}.{good.split('.')[2]}",
        "HMAC with the public key": _with_public_key(ours, claims),
        "other claims under the signature": f"{parts[0]}.{parts[1]}.{good.split('.')[2]}",
        "no signature": good.rpartition(".")[0] + ".",
        "another type": jwt.encode({**header, "typ": "JWT"}, claims, ours, algorithms=["ES256"]),
        "another audience": jwt.encode(header, {**claims, "aud": "other"}, ours, algorithms=["ES256"]),
        "several audiences": jwt.encode(header, {**claims, "aud": ["tidegate"]}, ours, algorithms=["ES256"]),
        "another issuer": jwt.encode(header, {**claims, "iss": "other"}, ours, algorithms=["ES256"]),
        "another use": jwt.encode(header, {**claims, "use": "refresh"}, ours, algorithms=["ES256"]),
        "expired": jwt.encode(header, {**claims, "exp": 1}, ours, algorithms=["ES256"]),
        "of the future": jwt.encode(header, {**claims, "nbf": 2**40}, ours, algorithms=["ES256"]),
        "nobody set up": jwt.encode(header, {**claims, "kind": "anonymous"}, ours, algorithms=["ES256"]),
        "a crit header": jwt.encode({**header, "kid": "x"}, {**claims, "kind": "user"}, ours, algorithms=["ES256"]),
        "too long": good + "A" * 20_000,
    }
    assert http.get("/v2/", headers=bearer(good)).status_code == 200
    for what, token in forged.items():
        assert http.get("/v2/", headers=bearer(token)).status_code == 401, what
        assert http.get("/v2/", auth=("root", token)).status_code == 401, what
        assert http.get("/token", auth=("root", token)).status_code == 401, what


def test_a_token_ends_with_its_time_its_grant_and_its_principal(closed: LiveRegistry, http: httpx.Client) -> None:
    anna = add_user(closed, "anna")
    held = give(closed, "anna", "team-a/**", "pull")
    scope = "repository:team-a/app:pull"
    path = "/v2/team-a/app/manifests/v1"
    shown = bearer(fetch_token(http, anna, scope)["token"])
    assert http.get(path, headers=shown).status_code == 200
    with closed.database.begin() as connection:
        granting.revoke(connection, held.id, by=ROOT, at=system_clock())
    closed.directory.forget()
    assert http.get(path, headers=shown).status_code == 403

    give(closed, "anna", "team-a/**", "pull")
    assert http.get(path, headers=shown).status_code == 200
    with closed.database.begin() as connection:
        account.set_groups(connection, "anna", ["x"], by="root", at=system_clock())
    closed.directory.forget()
    assert http.get(path, headers=shown).status_code == 401

    late = Tokens(
        closed.tokens._key, service="tidegate", clock=lambda: system_clock() - timedelta(minutes=6)
    )  # made six minutes ago
    epoch = closed.access.epoch_of(Principal(name="anna", kind=PrincipalKind.USER))
    old, _ = late.make(Principal(name="anna", kind=PrincipalKind.USER), TokenUse.ACCESS, epoch=epoch)
    assert http.get(path, headers=bearer(old)).status_code == 401


def test_another_principals_token_is_not_ones_own(closed: LiveRegistry, http: httpx.Client) -> None:
    anna, bob = add_user(closed, "anna"), add_user(closed, "bob")
    give(closed, "anna", "team-a/**", "pull")
    token = fetch_token(http, anna, "repository:team-a/app:pull")["token"]
    assert http.get("/v2/team-a/app/manifests/v1", auth=("anna", token)).status_code == 200
    assert http.get("/v2/team-a/app/manifests/v1", auth=("<token>", token)).status_code == 200
    assert http.get("/v2/team-a/app/manifests/v1", auth=("bob", token)).status_code == 401
    assert fetch_token(http, bob, "repository:team-a/app:pull")["scope"] == ""


def test_the_oauth_form_with_a_token_that_buys_others(closed: LiveRegistry, http: httpx.Client) -> None:
    add_user(closed, "anna")
    give(closed, "anna", "team-a/**", "pull")
    form = {
        "grant_type": "password",
        "service": "tidegate",
        "client_id": "docker",
        "username": "anna",
        "password": PASSWORD,
        "access_type": "offline",
        "scope": "repository:team-a/app:pull",
    }
    first = http.post("/token", data=form)
    assert (first.status_code, first.headers["cache-control"]) == (200, "no-store")
    refresh = first.json()["refresh_token"]
    assert http.get("/v2/", headers=bearer(refresh)).status_code == 401  # it only buys others
    again = {"grant_type": "refresh_token", "service": "tidegate", "client_id": "docker", "refresh_token": refresh}
    second = http.post("/token", data={**again, "scope": "repository:team-a/app:pull,push"}).json()
    assert second["scope"] == "repository:team-a/app:pull"
    assert http.get("/v2/team-a/app/manifests/v1", headers=bearer(second["access_token"])).status_code == 200
    access = first.json()["access_token"]
    assert http.post("/token", data={**again, "refresh_token": access}).status_code == 401
    assert http.post("/token", data={**form, "password": "wrong " + PASSWORD}).status_code == 401
    assert http.post("/token", data={**form, "service": "another"}).status_code == 400
    assert http.post("/token", data={**form, "grant_type": "magic"}).status_code == 400
    assert http.post("/token", content=b"a=" + b"x" * 70_000).status_code == 413
    assert http.post("/token", content="&".join(f"a{n}=1" for n in range(200))).status_code == 400
    with closed.database.begin() as connection:
        account.set_disabled(connection, "anna", disabled=True, by="root", at=system_clock())
    closed.directory.forget()
    assert http.post("/token", data=again).status_code == 401
    assert http.get("/v2/", auth=("anna", PASSWORD)).status_code == 401


def test_the_catalogue_shows_what_one_may_see_page_by_page(closed: LiveRegistry, http: httpx.Client) -> None:
    with closed.client(auth=("root", TOKEN)) as root:
        for name in ("a", "team-a", "team-a-b/x", "team-a/lib", "team-a/z", "zoo/a", "zoo/secret"):
            push(root, name, image(name), "v1")
    bob = add_user(closed, "bob")
    assert http.get("/v2/_catalog", auth=bob).json() == {"repositories": []}
    give(closed, "bob", "team-a/**", "pull")
    give(closed, "bob", "zoo/a", "list")
    give(closed, "bob", "team-b/**", "push")  # pushing is not seeing
    names: list[str] = []
    url = "/v2/_catalog?n=2"
    while url:
        page = http.get(url, auth=bob)
        names += page.json()["repositories"]
        link = re.match(r"<([^>]+)>", page.headers.get("link", ""))
        url = link[1] if link else ""
    assert names == ["team-a/app", "team-a/lib", "team-a/z", "zoo/a"]
    assert http.get("/v2/zoo/a/manifests/v1", auth=bob).status_code == 403  # listed is not pulled


def test_conditions_bind_tags_and_digests(closed: LiveRegistry, http: httpx.Client) -> None:
    ci = add_robot(closed, "ci")
    give(closed, ci[0], "team-c/**", "push", condition='request.tag.startsWith("v") || request.by_digest')
    give(closed, ci[0], "team-c/**", "pull", condition='request.tag.startsWith("v")')
    made = image("c")
    with closed.client(auth=ci) as robot:
        for data in made.blobs:
            push_blob(robot, "team-c/app", data)
        assert put_manifest(robot, "team-c/app", made, "latest").status_code == 403
        beside = {"params": {"tag": ["v2", "latest"]}, "headers": {"Content-Type": made.media_type}}
        path = f"/v2/team-c/app/manifests/{made.digest}"
        assert robot.put(path, content=made.raw, **beside).status_code == 403  # type: ignore[arg-type]
        taken = put_manifest(robot, "team-c/app", made, "v1")
        assert taken.status_code == 201, taken.text
    with closed.client(auth=("root", TOKEN)) as root:
        put_manifest(root, "team-c/app", made, "latest")
    assert http.get("/v2/team-c/app/tags/list", auth=ci).json()["tags"] == ["v1"]
    first = http.get("/v2/team-c/app/tags/list?n=1", auth=ci)
    assert (first.json()["tags"], first.headers.get("link")) == (["v1"], None), "no page tells of what is not seen"
    assert http.head("/v2/team-c/app/manifests/v1", auth=ci).status_code == 200
    assert http.head("/v2/team-c/app/manifests/latest", auth=ci).status_code == 403


def test_a_mount_from_what_one_may_not_pull_is_an_upload(closed: LiveRegistry, http: httpx.Client) -> None:
    ci = add_robot(closed, "ci")
    give(closed, ci[0], "team-a/**", "pull", "push")
    theirs = Digest.of(image("team-b/app").blobs[0])
    ours = Digest.of(image("team-a/app").blobs[0])
    for digest, source, status in ((theirs, "team-b/app", 202), (ours, "team-a/app", 201), (ours, "no/such", 202)):
        answer = http.post("/v2/team-a/new/blobs/uploads/", params={"mount": digest, "from": source}, auth=ci)
        assert answer.status_code == status, source
    for digest, status in ((theirs, 202), (ours, 201)):  # from anywhere is from anywhere one may pull
        answer = http.post("/v2/team-a/other/blobs/uploads/", params={"mount": digest}, auth=ci)
        assert answer.status_code == status
    assert http.head(f"/v2/team-a/new/blobs/{theirs}", auth=ci).status_code == 404


def test_a_name_nobody_has_gets_the_answer_of_a_wrong_password(closed: LiveRegistry, http: httpx.Client) -> None:
    add_user(closed, "anna")
    add_robot(closed, "ci")
    answers = [
        http.get("/v2/", auth=(name, "not the password at all"))
        for name in ("anna", "nobody", "robot$ci", "robot$none", "a:b", "\x00", "x" * 500)
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1


def test_the_machines_own_users_are_let_in_until_something_is_set_up(live: LiveRegistry) -> None:
    with live.client() as http:
        assert http.get("/v2/").status_code == 200
        # Passed on by somebody on this machine for somebody who may be anywhere.
        assert http.get("/v2/", headers={"X-Forwarded-For": "192.0.2.7"}).status_code == 401
        assert http.get("/v2/", headers={"Forwarded": "for=192.0.2.7"}).status_code == 401
        anna = add_user(live, "anna")
        assert http.get("/v2/").status_code == 401
        assert http.get("/v2/", auth=anna).status_code == 200


def test_a_change_elsewhere_is_seen_after_a_second(closed: LiveRegistry, http: httpx.Client) -> None:
    anna = add_user(closed, "anna")
    assert http.get("/v2/", auth=anna).status_code == 200
    with closed.database.begin() as connection:  # another replica does it: nobody says forget here
        account.set_disabled(connection, "anna", disabled=True, by="root", at=system_clock())
    deadline = time.monotonic() + 120
    while http.get("/v2/", auth=anna).status_code == 200:
        assert time.monotonic() < deadline, "still let in"


def test_the_token_key_is_made_once_and_shared(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "token.pem"
    first, second = TokenKey.load(file), TokenKey.load(file)
    assert file.stat().st_mode & 0o077 == 0
    principal = Principal(name="anna", kind=PrincipalKind.USER)
    token, _ = Tokens(first, service="s", clock=system_clock).make(principal, TokenUse.ACCESS)
    assert Tokens(second, service="s", clock=system_clock).read(token, TokenUse.ACCESS).sub == "anna"
    assert repr(first) == "TokenKey(…)"
    for wrong in (b"", b"not a key", first.jose.as_pem(private=False), ECKey.generate_key("P-384").as_pem()):
        file.write_bytes(wrong)
        with pytest.raises(InvalidInputError):
            TokenKey.load(file)
