# SPDX-License-Identifier: Apache-2.0
"""Profiles of behaviour: what they let, and how they are written."""

import pytest

from tidegate.errors import InvalidInputError
from tidegate.execution.drift_rules import Workload
from tidegate.execution.expectation import Expectation
from tidegate.execution.expectation_file import load_expectations

TEXT = """apiVersion: tidegate.dev/v1
kind: BehaviourProfile
metadata: {name: web}
spec:
  digests: ["sha256:%s"]
  programs: ["/usr/bin/nginx"]
  listens: ["tcp/8080", "udp/5000-5010"]
  connects: ["10.0.0.0/8:5432", "[2001:db8::]/32:*", "*:443"]
  writes: []
  shells: false
---
apiVersion: tidegate.dev/v1
kind: BehaviourProfile
metadata: {name: named}
spec:
  images: ["registry.example/*"]
""" % ("a" * 64)
WEB = Workload(container="web", image="registry.example/web:1")


def test_a_digest_goes_before_a_name() -> None:
    found = load_expectations({"p": TEXT})
    by_digest, by_name = found.of(WEB, "", "sha256:" + "a" * 64), found.of(WEB, "", "")
    assert by_digest is not None
    assert by_name is not None
    assert (by_digest.name, by_name.name) == ("web", "named")
    assert found.of(Workload(image="elsewhere.example/x")) is None
    assert (by_digest.shells, by_name.shells, by_digest.writes, by_name.writes) == (False, None, (), None)


def test_what_is_let() -> None:
    (web, named) = load_expectations({"p": TEXT}).each
    assert web.lets_run("/usr/bin/nginx")
    assert web.lets_run("/lib64/ld-linux-x86-64.so.2")
    assert web.lets_run("/lib/ld-musl-x86_64.so.1")
    assert not web.lets_run("/usr/bin/nginx2")
    assert not web.lets_run("/tmp/x")
    assert [web.lets_listen(*one) for one in (("tcp", 8080), ("udp", 8080), ("udp", 5010), ("udp", 5011))] == [
        True,
        False,
        True,
        False,
    ]
    assert web.lets_connect("10.1.2.3", 5432)
    assert not web.lets_connect("10.1.2.3", 5433)
    assert web.lets_connect("2001:db8::7", 1)
    assert web.lets_connect("192.0.2.1", 443)
    assert not web.lets_connect("2001:db9::7", 1)
    assert not web.lets_write("/tmp/x")
    assert named.lets_write("/tmp/x")
    assert named.lets_run("/any")


@pytest.mark.parametrize(
    ("was", "wrong", "told"),
    [
        ("tcp/8080", "8080", "not a port"),
        ("*:443", "everywhere:443", "not a destination"),
        ("sha256:", "sha1:", "not a digest"),
        ("shells: false", "shells: no way", "neither true nor false"),
        ("kind: BehaviourProfile", "kind: Profile", "unknown kind 'Profile'"),
        ("writes: []", "write: []", "unknown key 'write'"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(was: str, wrong: str, told: str) -> None:
    with pytest.raises(InvalidInputError, match=told) as raised:
        load_expectations({"a.yaml": TEXT.replace(was, wrong, 1)})
    assert raised.value.where.startswith("a.yaml:")


def test_nothing_said_lets_everything() -> None:
    assert Expectation(name="x").lets_connect("192.0.2.1", 1)
