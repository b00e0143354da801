# SPDX-License-Identifier: Apache-2.0
"""What is allowed: who may do what to which repositories, from when until when, and under which condition."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Self

from tidegate.errors import InvalidInputError
from tidegate.identity.condition import Condition
from tidegate.identity.pattern import RepositoryPattern
from tidegate.identity.principal import EVERYONE, Principal, group_name, principal_name
from tidegate.identity.verb import Verb

GROUP_MARK: Final = "group:"


class GrantState(StrEnum):
    """How far a grant is. Only an active one allows anything."""

    REQUESTED = "requested"
    ACTIVE = "active"
    REFUSED = "refused"
    REVOKED = "revoked"
    EXPIRED = "expired"


class Holder(str):
    """Whom a grant is given to: a principal's name, or `group:name`.

    Raises:
        InvalidInputError: it is neither.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Checks the text."""
        if text.startswith(GROUP_MARK):
            group_name(text.removeprefix(GROUP_MARK))
        else:
            principal_name(text)
        return super().__new__(cls, text)

    def is_(self, principal: Principal) -> bool:
        """True when the principal is meant, by name or as a member."""
        if self.startswith(GROUP_MARK):
            group = self.removeprefix(GROUP_MARK)
            return group in principal.groups or group == EVERYONE
        return self == principal.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One grant.

    Attributes:
        condition: must hold as well; None for none.
        expires_at: the moment from which on it allows nothing; None for no end.
    """

    id: str
    holder: Holder
    pattern: RepositoryPattern
    verbs: frozenset[Verb]
    condition: Condition | None = None
    expires_at: datetime | None = None

    def __post_init__(self) -> None:
        """Refuses a grant of nothing.

        Raises:
            InvalidInputError: it has no verb.
        """
        if not self.verbs:
            raise InvalidInputError("a grant without a verb")
