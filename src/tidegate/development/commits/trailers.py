# SPDX-License-Identifier: Apache-2.0
"""Trailers of a commit message (git-interpret-trailers): the last paragraph, when it is made of them."""

import re
from typing import Final

from tidegate.values import Struct

MAX_TRAILERS: Final = 500

_TRAILER: Final = re.compile(r"(?P<token>[A-Za-z0-9-]+)[ \t]*:[ \t]*(?P<value>.*)")
_OF_GIT: Final = ("Signed-off-by: ", "(cherry picked from commit ")
_ADDRESS: Final = re.compile(r"<([^<>]*)>")
_REVIEWS: Final = frozenset({"reviewed-by", "approved-by"})


class Trailer(Struct, frozen=True, kw_only=True):
    """One trailer; `token` in lower case."""

    token: str
    value: str


class Trailers(Struct, frozen=True, kw_only=True):
    """What trailers say of people, each as written.

    Attributes:
        reviewers: of `Reviewed-by` and `Approved-by`.
        co_authors: of `Co-authored-by`.
        sign_offs: of `Signed-off-by` (Developer Certificate of Origin).
    """

    reviewers: tuple[str, ...]
    co_authors: tuple[str, ...]
    sign_offs: tuple[str, ...]


def parse_trailers(message: str) -> tuple[Trailer, ...]:
    """The trailers of a message, continued lines joined; at most `MAX_TRAILERS`.

    As git has it: the last paragraph, behind the title, counts when all of its lines are trailers, or when one is such
    as git writes itself and a quarter are.
    """
    lines = [line for line in message.rstrip().split("\n") if not line.startswith("#")]
    start = max((at for at, line in enumerate(lines) if not line.strip()), default=-1) + 1
    block = lines[start:]
    if start == 0 or not block:
        return ()
    found: list[Trailer] = []
    own = others = 0
    recognised = False
    for line in block:
        if line[:1].isspace() and found and not others:
            found[-1] = Trailer(token=found[-1].token, value=f"{found[-1].value} {line.strip()}")
        elif line.startswith(_OF_GIT[1]):
            recognised, own = True, own + 1
        elif (said := _TRAILER.fullmatch(line)) is not None:
            recognised = recognised or line.startswith(_OF_GIT[0])
            own += 1
            found.append(Trailer(token=said["token"].lower(), value=said["value"].strip()))
        else:
            others += 1
    if others and not (recognised and own * 3 >= others):
        return ()
    return tuple(found[:MAX_TRAILERS])


def people_in(message: str) -> Trailers:
    """Whom the trailers of a message name."""
    found = parse_trailers(message)

    def named(*tokens: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(it.value[:1000] for it in found if it.token in tokens and it.value))

    return Trailers(
        reviewers=named(*sorted(_REVIEWS)), co_authors=named("co-authored-by"), sign_offs=named("signed-off-by")
    )


def address_of(person: str) -> str:
    """The address of `Name <address>` as it is compared; the whole text when there is none."""
    found = _ADDRESS.search(person)
    return (found[1] if found else person).strip().casefold()
