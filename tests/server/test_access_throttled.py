# SPDX-License-Identifier: Apache-2.0
"""Guessing over the wire: 429 with a moment to come back, and nobody else kept out by it."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from access_material import PASSWORD, TOKEN, add_robot, add_user, bearer, give
from live_registry import LiveRegistry
from registry_client import code_of

from tidegate.identity import Principal, PrincipalKind
from tidegate.identity.throttle import Limit, ThrottleOptions
from tidegate.identity.token import TokenUse

# As ever, but the first wait is already long: how fast the test runs does not matter.
_LONG = timedelta(minutes=15)
SLOW = ThrottleOptions(
    pair=Limit(free=5, longest=_LONG, first=_LONG), address=Limit(free=30, longest=_LONG, first=_LONG)
)
VICTIM = {"X-Forwarded-For": "192.0.2.7"}
ATTACKER = {"X-Forwarded-For": "198.51.100.9"}


@pytest.fixture
def behind(start_registry: Callable[..., LiveRegistry]) -> Iterator[LiveRegistry]:
    with start_registry(token=TOKEN, proxies=("127.0.0.1",), throttle=SLOW) as live:
        yield live


def test_guessing_is_made_to_wait(behind: LiveRegistry) -> None:
    anna, robot = add_user(behind, "anna"), add_robot(behind, "ci")
    give(behind, robot[0], "**", "pull")
    with behind.client() as http:
        for path in ("/v2/", "/token", "/v2/"):
            for name in ("anna", "nobody"):
                assert http.get(path, auth=(name, "a wrong password"), headers=ATTACKER).status_code == 401
        answers = [http.get("/v2/", auth=("anna", f"guess number {n}"), headers=ATTACKER) for n in range(12)]
        unknown = [http.get("/v2/", auth=("nobody", f"guess number {n}"), headers=ATTACKER) for n in range(12)]
        late = next(answer for answer in answers if answer.status_code == 429)
        assert code_of(late) == "TOOMANYREQUESTS"
        assert int(late.headers["retry-after"]) >= 1
        assert {answer.status_code for answer in (*answers, *unknown)} == {401, 429}  # the same for both
        # The right password is not even looked at now, from there; from elsewhere it is.
        assert http.get("/v2/", auth=anna, headers=ATTACKER).status_code == 429
        assert http.get("/v2/", auth=anna, headers=VICTIM).status_code == 200
        for n in range(40):
            http.get("/v2/", auth=(f"name{n}", "x" * 20), headers=ATTACKER)
        # Behind the same address, whoever cannot have guessed is let in.
        assert http.get("/v2/", auth=robot, headers=ATTACKER).status_code == 200
        assert http.get("/v2/", auth=("root", TOKEN), headers=ATTACKER).status_code == 200
        principal = Principal(name="root", kind=PrincipalKind.ADMINISTRATOR)
        token, _ = behind.tokens.make(principal, TokenUse.SESSION)
        assert http.get("/v2/", headers={**bearer(token), **ATTACKER}).status_code == 200
        form = {"grant_type": "password", "username": "anna", "password": PASSWORD}
        assert http.post("/token", data=form, headers=ATTACKER).status_code == 429


def test_nobody_is_locked_out_by_an_address_somebody_writes(start_registry: Callable[..., LiveRegistry]) -> None:
    with start_registry(token=TOKEN, proxies=("10.0.0.0/8",), throttle=SLOW) as live, live.client() as http:
        anna = add_user(live, "anna")
        for n in range(60):  # this peer is no proxy of ours: what it writes does not count
            http.get("/v2/", auth=(f"n{n}", "wrong-wrong"), headers=VICTIM)
        answer = http.get("/v2/", auth=anna, headers={"X-Forwarded-For": "203.0.113.5"})
        assert answer.status_code == 429  # it is the peer itself that waits


def test_the_address_is_read_from_the_right(behind: LiveRegistry) -> None:
    anna = add_user(behind, "anna")
    with behind.client() as http:
        for n in range(60):  # the client writes an address of its own choice, the proxy adds the true one
            chain = {"X-Forwarded-For": f"203.0.113.{n}, 198.51.100.9"}
            http.get("/v2/", auth=(f"n{n}", "wrong-wrong"), headers=chain)
        assert http.get("/v2/", auth=anna, headers={"X-Forwarded-For": "1.1.1.1, 198.51.100.9"}).status_code == 429
        assert http.get("/v2/", auth=anna, headers={"X-Forwarded-For": "198.51.100.9, 192.0.2.7"}).status_code == 200


def test_an_expired_token_is_no_guess(behind: LiveRegistry) -> None:
    anna = add_user(behind, "anna")
    with behind.client() as http:
        token = http.get("/token", auth=anna).json()["token"]
        add_user(behind, "other")
        epoch = 1  # of another time
        old, _ = behind.tokens.make(Principal(name="anna", kind=PrincipalKind.USER), TokenUse.ACCESS, epoch=epoch + 99)
        for _ in range(60):
            assert http.get("/v2/", headers=bearer(old)).status_code == 401
        assert http.get("/v2/", auth=anna).status_code == 200
        assert http.get("/v2/", headers=bearer(token)).status_code == 200
