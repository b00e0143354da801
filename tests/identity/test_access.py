# SPDX-License-Identifier: Apache-2.0
"""Who is let in."""

import base64
from pathlib import Path

import pytest

from tidegate.errors import InvalidInputError, OutsideError
from tidegate.identity import ANONYMOUS, Access, AccessToken, UnauthenticatedError

SECRET = "correct-horse-battery-staple"
FAR = "192.0.2.7"


def _basic(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "::1%lo"])
def test_without_a_token_this_machine_is_let_in(peer: str) -> None:
    assert Access().authenticate("", peer=peer) == ANONYMOUS


@pytest.mark.parametrize("peer", [FAR, "0.0.0.1", "::", "2001:db8::1", "::ffff:192.0.2.7", "", "localhost", "127.1"])
def test_without_a_token_nobody_else_is(peer: str) -> None:
    with pytest.raises(UnauthenticatedError):
        Access().authenticate(_basic("ann", SECRET), peer=peer)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (_basic("ann", SECRET), "ann"),
        (_basic("", SECRET), "token"),
        (_basic("bad\nname", SECRET), "token"),
        (f"Bearer {SECRET}", "token"),
        (f"bearer  {SECRET}", "token"),
    ],
)
def test_the_token_opens_from_anywhere(header: str, name: str) -> None:
    principal = Access(AccessToken(SECRET)).authenticate(header, peer=FAR)
    assert (principal.name, principal.is_anonymous) == (name, False)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic !!!",
        "Bearer",
        "Bearer ",
        f"Digest {SECRET}",
        SECRET,
        _basic("ann", ""),
        _basic("ann", SECRET[:-1]),
        _basic("ann", SECRET + "x"),
        _basic(SECRET, "ann"),
        "Basic " + base64.b64encode(b"\xff:\xff").decode(),
        "Bearer " + "x" * 100_000,
        "Bearer \ud800",
    ],
)
def test_nothing_else_does_not_even_from_here(header: str) -> None:
    with pytest.raises(UnauthenticatedError):
        Access(AccessToken(SECRET)).authenticate(header, peer="127.0.0.1")


def test_a_token_comes_from_a_file_and_never_prints(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"  {SECRET}\n")
    token = AccessToken.load(file)
    assert token.matches(SECRET)
    assert SECRET not in repr(token)
    assert SECRET not in repr(Access(token).__dict__)


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"short", b"two words that are long enough", b"\xff" * 20, b"x" * 9999]
)
def test_what_is_no_token(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(InvalidInputError):
        AccessToken.load(file)


def test_a_token_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OutsideError, match="access token cannot be read"):
        AccessToken.load(tmp_path / "none")
