# SPDX-License-Identifier: Apache-2.0
"""What a server answered, and whether it worked."""

from collections.abc import Mapping
from dataclasses import dataclass

from tidegate.errors import NotFoundError, OutsideError
from tidegate.outbound.address import shown

_BAD = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole answer.

    Attributes:
        url: where it came from, after redirects.
        headers: names in lower case.
    """

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes


def check_reply(reply: Reply) -> Reply:
    """Returns the reply when its status says it worked.

    Raises:
        NotFoundError: 404 or 410.
        OutsideError: any other refusal.
    """
    check_status(reply.status, where=shown(reply.url))
    return reply


def check_status(status: int, *, where: str) -> None:
    """Raises for a status that says it did not work; as `check_reply`."""
    if status in {404, 410}:
        raise NotFoundError(f"the server has no such thing ({status})", where=where)
    if status in {401, 403}:
        raise OutsideError(f"the server refuses access ({status})", where=where, remedy="give it valid credentials")
    if status >= _BAD:
        raise OutsideError(f"the server answered {status}", where=where)


def describe(error: Exception) -> str:
    """One line of what a library says went wrong."""
    text = " ".join(str(error).split())[:200]
    return text or type(error).__name__
