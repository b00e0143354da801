# SPDX-License-Identifier: Apache-2.0
"""ID tokens of a real issuer on loopback: verified to the letter, keys rotated, conditions on what jobs are."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey
from oidc_issuer import OidcIssuer

from tidegate.clock import system_clock
from tidegate.errors import InvalidInputError, OutsideError
from tidegate.identity import PrincipalKind
from tidegate.identity.federation import Federation
from tidegate.identity.issuer_file import load_issuers
from tidegate.identity.issuer_keys import IssuerKeys
from tidegate.identity.token import BadTokenError
from tidegate.outbound import Outbound, OutboundOptions

PEOPLE = "people: {name: email, groups: groups}"
JOBS = """workloads:
        - principal: team-a
          when: token.claims["repository"] == "acme/team-a" && token.claims["ref"] == "refs/heads/main"
          groups: [ci]
        - principal: others
          when: token.claims["repository"].startsWith("acme/")"""


def document(url: str, speaks_for: str, **more: str) -> str:
    lines = {"name": "corp", "issuer": url, "audience": "tidegate", **more}
    listed = "\n      ".join(f"{key}: {value}" for key, value in lines.items())
    head = "apiVersion: tidegate.dev/v1\nkind: TrustedIssuers\nspec:\n  issuers:\n    - "
    return head + listed + f"\n      {speaks_for}\n"


@pytest.fixture
def issuer() -> Iterator[OidcIssuer]:
    with OidcIssuer() as running:
        yield running


@pytest.fixture
def outbound() -> Iterator[Outbound]:
    with Outbound(OutboundOptions(max_attempts=1, total_timeout_s=10)) as made:
        yield made


def federation(issuer: OidcIssuer, outbound: Outbound, speaks_for: str = PEOPLE) -> Federation:
    return Federation(load_issuers(document(issuer.url, speaks_for), file="f"), outbound, clock=system_clock)


def anna(issuer: OidcIssuer, **more: Any) -> str:
    claims = {"email": "anna@corp.example", "email_verified": True, "groups": ["devs", "a\nb", 7], **more}
    return issuer.token(**claims)


def test_people_by_their_claims(issuer: OidcIssuer, outbound: Outbound) -> None:
    found = federation(issuer, outbound).vouch(anna(issuer, department="x", admin=True))
    assert found is not None
    person = found[0]
    assert (person.name, person.kind) == ("corp:anna@corp.example", PrincipalKind.FEDERATED)
    assert person.groups == {"corp:devs", "corp:7"}
    assert (person.claims["department"], person.claims["admin"]) == ("x", "true")


def test_what_is_not_to_the_letter_is_refused(issuer: OidcIssuer, outbound: Outbound) -> None:
    trusting = federation(issuer, outbound)
    now = int(time.time())
    stranger = RSAKey.generate_key(2048)
    wrong: dict[str, dict[str, Any]] = {
        "another's key under a known id": {"key": stranger, "header": {"kid": issuer.keys[0].thumbprint()}},
        "another's key": {"key": stranger},
        "no key id": {"header": {"kid": None}},
        "another audience": {"aud": "other"},
        "no audience": {"aud": None},
        "several audiences for another party": {"aud": ["tidegate", "x"], "azp": "x"},
        "expired": {"iat": now - 900, "exp": now - 61},
        "no end": {"exp": None},
        "an end that is no number": {"exp": "soon"},
        "an end that is a truth": {"exp": True},
        "of the future": {"nbf": now + 120},
        "issued in the future": {"iat": now + 120},
        "too long": {"exp": now + 2 * 86400},
        "an address nobody verified": {"email_verified": False},
        "an address of which nothing is said": {"email_verified": None},
        "a truth that is text": {"email_verified": "true"},
        "no name": {"email": None},
        "a name that is no text": {"email": 7},
        "a name with control characters": {"email": "a\nb"},
        "a name that is too long": {"email": "x" * 300},
    }
    for what, changes in wrong.items():
        with pytest.raises(BadTokenError):
            pytest.fail(f"{what}: {trusting.vouch(anna(issuer, **changes))}")
    good: dict[str, dict[str, Any]] = {"several audiences for us": {"aud": ["tidegate", "x"], "azp": "tidegate"}}
    good |= {"a clock that is a little late": {"iat": now - 400, "exp": now - 30}}
    good |= {"a clock that is a little early": {"iat": now + 30, "nbf": now + 30}}
    for what, changes in good.items():
        assert trusting.vouch(anna(issuer, **changes)), what


def test_tokens_of_nobody_known_are_nobodys(issuer: OidcIssuer, outbound: Outbound) -> None:
    trusting = federation(issuer, outbound)
    for token in (anna(issuer, iss=issuer.url + "/"), anna(issuer, iss="https://evil.example"), "eyJ.x.y", "", "a.b.c"):
        assert trusting.vouch(token) is None
        with pytest.raises(BadTokenError):
            trusting.exchange(token)
    assert issuer.asked == []  # nobody is asked about a token of an issuer that is not known


def test_keys_are_fetched_once_and_again_when_they_are_rotated(issuer: OidcIssuer, outbound: Outbound) -> None:
    now = [1000.0]
    keys = IssuerKeys(issuer.url, outbound, monotonic=lambda: now[0])
    old = str(issuer.keys[0].thumbprint())
    for _ in range(3):
        assert keys.with_id(old).keys
    assert issuer.asked == ["/.well-known/openid-configuration", "/keys"]
    issuer.rotate()
    new = str(issuer.keys[0].thumbprint())
    now[0] += 31
    assert [key.kid for key in keys.with_id(new).keys] == [new]
    assert len(issuer.asked) == 4
    for n in range(20):  # made-up key ids cause no storm
        keys.with_id(f"made up {n}")
    assert len(issuer.asked) == 4
    issuer.down = True
    now[0] += 3601
    assert keys.with_id(new).keys  # an outage is survived for a while
    now[0] += 6 * 3600
    with pytest.raises(OutsideError):
        keys.with_id(new)
    issuer.down = False
    now[0] += 31
    assert keys.with_id(new).keys


def test_a_rotated_issuer_goes_on_and_its_old_key_does_not(
    issuer: OidcIssuer, outbound: Outbound, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidegate.identity.issuer_keys.LOOK_AGAIN_SECONDS", 0.0)
    trusting = federation(issuer, outbound)
    old = issuer.keys[0]
    assert trusting.vouch(anna(issuer))
    issuer.rotate()
    assert trusting.vouch(anna(issuer))
    with pytest.raises(BadTokenError):
        trusting.vouch(anna(issuer, key=old))


def test_an_issuer_that_speaks_for_another_is_not_believed(issuer: OidcIssuer, outbound: Outbound) -> None:
    issuer.says_issuer = "https://evil.example"
    with pytest.raises(OutsideError, match="another issuer"):
        federation(issuer, outbound).vouch(anna(issuer))


def test_jobs_by_conditions_and_only_in_exchange(issuer: OidcIssuer, outbound: Outbound) -> None:
    trusting = federation(issuer, outbound, JOBS)
    main = issuer.token(repository="acme/team-a", ref="refs/heads/main")
    job = trusting.exchange(main)
    assert (job.name, job.kind, set(job.groups)) == ("corp:team-a", PrincipalKind.WORKLOAD, {"ci"})
    assert trusting.exchange(issuer.token(repository="acme/team-a", ref="refs/heads/x")).name == "corp:others"
    assert trusting.vouch(main) is None
    for claims in ({"repository": "evil/acme"}, {"repository": ["acme/team-a"]}, {}):
        with pytest.raises(BadTokenError):
            trusting.exchange(issuer.token(**claims))


@pytest.mark.parametrize(
    ("changes", "speaks_for", "said"),
    [
        ({"issuer": "http://issuer.example"}, PEOPLE, "plain http"),
        ({"issuer": "https://a@b"}, PEOPLE, "credentials in an address"),
        ({"name": "Corp"}, PEOPLE, "not an issuer's name"),
        ({"name": "cert"}, PEOPLE, "not an issuer's name"),
        ({"audience": '""'}, PEOPLE, "audience"),
        ({"nonsense": "1"}, PEOPLE, "unknown key 'nonsense'"),
        ({}, "people: {}\n      workloads: [{principal: a, when: 'true'}]", "for people or for workloads"),
        ({}, "", "for people or for workloads"),
        ({}, "workloads: [{principal: a, when: token.nothing == 1}]", "f:8:"),
        ({}, "workloads: [{principal: a, when: '1'}]", "not true or false"),
        ({}, 'workloads: [{principal: "a\\nb", when: "true"}]', "not a name"),
    ],
)
def test_a_file_that_is_wrong_is_refused_whole(changes: dict[str, str], speaks_for: str, said: str) -> None:
    with pytest.raises(InvalidInputError) as raised:
        load_issuers(document("https://issuer.example", speaks_for, **changes), file="f")
    assert said in str(raised.value)


def test_two_issuers_of_one_name_are_refused() -> None:
    text = document("https://a.example", PEOPLE)
    with pytest.raises(InvalidInputError, match="two issuers of one name"):
        load_issuers(text + "---\n" + document("https://b.example", PEOPLE), file="f")
    with pytest.raises(InvalidInputError, match="not TrustedIssuers"):
        load_issuers(text.replace("TrustedIssuers", "Policy"), file="f")


def test_only_public_signing_keys_are_taken(issuer: OidcIssuer, outbound: Outbound) -> None:
    other = ECKey.generate_key("P-256", {"use": "enc"})
    issuer.keys.append(other)
    found = IssuerKeys(issuer.url, outbound).with_id("x")
    assert [key.kid for key in found.keys] == [issuer.keys[0].thumbprint()]
