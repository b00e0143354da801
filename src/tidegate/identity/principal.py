# SPDX-License-Identifier: Apache-2.0
"""Who asks: people, robots and workloads, by names that cannot be mistaken for each other's."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from tidegate.errors import InvalidInputError
from tidegate.identity.scope import ScopeAccess

ROBOT_PREFIX: Final = "robot$"
EVERYONE: Final = "everyone"
"""The group of all who proved who they are."""
_MAX_NAME_CHARS: Final = 200
_USER: Final = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")
_ROBOT: Final = re.compile(r"robot\$[a-z0-9][a-z0-9._-]{0,63}")
_FOREIGN: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,30}:[A-Za-z0-9._@+/|:~=, -]{1,160}")
_GROUP: Final = re.compile(r"(?:[a-z0-9][a-z0-9-]{0,30}:)?[A-Za-z0-9][A-Za-z0-9._@+/ -]{0,100}")
_SHOWN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")
_RESERVED: Final = frozenset({"token", "anonymous", "tidegate"})


class PrincipalKind(StrEnum):
    """What somebody is, which is how they proved it."""

    ANONYMOUS = "anonymous"  # nothing proved: this machine's own users
    ADMINISTRATOR = "administrator"  # showed the access token of the server
    USER = "user"  # a password kept here
    ROBOT = "robot"  # a random secret with an end
    FEDERATED = "federated"  # a person an OpenID issuer vouches for
    WORKLOAD = "workload"  # a job an OpenID issuer vouches for
    CERTIFICATE = "certificate"  # a client certificate a named proxy vouches for


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Somebody who was let in.

    Attributes:
        name: as it is written into records.
        is_anonymous: nobody proved anything; only this machine's own users get that far.
        groups: what grants may be given to beside the name.
        claims: what an issuer said of them, for conditions of grants.
        scope: what the token they came with is for; None when it is for all they may do.
    """

    name: str
    is_anonymous: bool = False
    kind: PrincipalKind = PrincipalKind.ADMINISTRATOR
    groups: frozenset[str] = frozenset()
    claims: Mapping[str, str] = field(default_factory=dict, hash=False)
    scope: tuple[ScopeAccess, ...] | None = None

    @property
    def is_administrator(self) -> bool:
        """True for those nothing has to be granted to."""
        return self.kind in {PrincipalKind.ANONYMOUS, PrincipalKind.ADMINISTRATOR}

    @property
    def identity(self) -> str:
        """Who this is where it counts that two are not the same one.

        Whoever shows the shared access token may call themselves anything, so the name says nothing there.
        """
        return f"{self.kind}:" if self.is_administrator else f"{self.kind}:{self.name}"


ANONYMOUS: Final = Principal(name="anonymous", is_anonymous=True, kind=PrincipalKind.ANONYMOUS)


def user_name(text: str) -> str:
    """Checks the name of a user whose password is kept here.

    Raises:
        InvalidInputError: it is none.
    """
    if not _USER.fullmatch(text) or text in _RESERVED:
        raise InvalidInputError(
            f"not a user's name: {text[:80]!r}", remedy="use lower-case letters, digits and . _ @ + -, 64 at most"
        )
    return text


def robot_name(text: str) -> str:
    """Checks the name of a robot, `robot$ci`; the prefix may be left out.

    Raises:
        InvalidInputError: it is none.
    """
    name = text if text.startswith(ROBOT_PREFIX) else ROBOT_PREFIX + text
    if not _ROBOT.fullmatch(name):
        raise InvalidInputError(
            f"not a robot's name: {text[:80]!r}", remedy="use lower-case letters, digits and . _ -, 64 at most"
        )
    return name


def foreign_name(issuer: str, text: str) -> str:
    """The name of somebody an issuer vouches for: `issuer:name`, so that it is nobody's name here.

    Raises:
        InvalidInputError: it cannot be written so.
    """
    name = f"{issuer}:{text}"
    if len(name) > _MAX_NAME_CHARS or not _FOREIGN.fullmatch(name):
        raise InvalidInputError(f"not a name that can be recorded: {name[:80]!r}")
    return name


def principal_name(text: str) -> str:
    """Checks the name of any principal that a grant can be given to.

    Raises:
        InvalidInputError: it is none.
    """
    if not any(form.fullmatch(text) for form in (_USER, _ROBOT, _FOREIGN)) or text in _RESERVED:
        raise InvalidInputError(f"not a principal's name: {text[:80]!r}", remedy="write anna, robot$ci or corp:anna")
    return text


def group_name(text: str) -> str:
    """Checks the name of a group.

    Raises:
        InvalidInputError: it is none.
    """
    if not _GROUP.fullmatch(text):
        raise InvalidInputError(f"not a group's name: {text[:80]!r}", remedy="use letters, digits and . _ @ + / -")
    return text


def printable_name(text: str) -> str:
    """The name an administrator goes by, when it can be recorded; "" when not."""
    return text if _SHOWN.fullmatch(text) else ""
