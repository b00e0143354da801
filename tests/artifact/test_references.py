# SPDX-License-Identifier: Apache-2.0
"""Digests, names and platforms: what their grammars take, and what they refuse."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.artifact import Digest, Platform, Reference, Repository, Tag
from tidegate.errors import InvalidInputError, UsageError

HEX = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "text",
    ["", "sha256:", f"sha256:{HEX[:-1]}", f"sha256:{HEX}0", f"SHA256:{HEX}", f"sha256:{HEX.upper()}", f"md5:{HEX[:32]}",
     f"sha256:{HEX}\n", f"sha512:{HEX}", "sha256:../../../etc/passwd", f" sha256:{HEX}", f"sha256:{HEX[:-1]}٣"],
)  # fmt: skip
def test_what_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        Digest(text)


@pytest.mark.property
@given(st.binary(max_size=200))
def test_a_digest_is_that_of_the_bytes(data: bytes) -> None:
    digest = Digest.of(data)
    assert digest == "sha256:" + hashlib.sha256(data).hexdigest()
    assert (digest.algorithm, digest.hex) == ("sha256", hashlib.sha256(data).hexdigest())
    assert Digest(str(digest)) == digest


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("alpine", "docker.io/library/alpine:latest"),
        ("alpine:3.18", "docker.io/library/alpine:3.18"),
        ("team/app", "docker.io/team/app:latest"),
        ("localhost/app:1", "localhost/app:1"),
        ("127.0.0.1:5000/team/app:1", "127.0.0.1:5000/team/app:1"),
        ("[::1]:5000/app:1", "[::1]:5000/app:1"),
        ("registry.example/a/b/c", "registry.example/a/b/c:latest"),
        (f"registry.example/app@sha256:{HEX}", f"registry.example/app@sha256:{HEX}"),
        (f"registry.example/app:1@sha256:{HEX}", f"registry.example/app:1@sha256:{HEX}"),
    ],
)
def test_names_are_read_as_docker_reads_them(text: str, full: str) -> None:
    reference = Reference.parse(text)
    assert str(reference) == full
    assert Reference.parse(full) == reference


@pytest.mark.parametrize(
    "text",
    ["", "UPPER/case", "a//b", "/a", "a/", "a:", "a:b c", "a@sha256:1", "a@", "a b", "a\0b", "-a/b", "x" * 300,
     "a:" + "t" * 129, "host.example:99999999/a", "a..b/c"],
)  # fmt: skip
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        Reference.parse(text)


def test_a_digest_rules_over_a_tag() -> None:
    digest = Digest(f"sha256:{HEX}")
    reference = Reference(registry="r.example", repository=Repository("a"), tag=Tag("1"))
    assert reference.locator == "1"
    assert reference.at(digest).locator == digest
    assert str(reference.at(digest)) == f"r.example/a:1@{digest}"


def test_platforms() -> None:
    assert Platform.parse("arm64") == Platform(os="linux", architecture="arm64")
    assert Platform.parse("linux/x86_64") == Platform(os="linux", architecture="amd64")
    assert str(Platform.parse("linux/arm/v7")) == "linux/arm/v7"
    any_arm = Platform.parse("linux/arm")
    assert Platform.parse("linux/arm/v7").serves(any_arm)
    assert not Platform.parse("linux/arm/v7").serves(Platform.parse("linux/arm/v6"))
    assert not Platform.parse("windows/amd64").serves(Platform.parse("linux/amd64"))
    for text in ("", "linux/", "/amd64", "a/b/c/d"):
        with pytest.raises(UsageError):
            Platform.parse(text)
