# SPDX-License-Identifier: Apache-2.0
"""Data of events about owners, and what they are told."""

from typing import Annotated, Any

from tidegate.events.contract.words import AnId, Owner, Who, Why
from tidegate.values import Struct, msgspec

Case = Annotated[str, msgspec.Meta(min_length=1, description="The case: one thread of messages.")]
Tide = Annotated[
    str, msgspec.Meta(description="Id of the update of knowledge that it came of; empty when that is not known.")
]
Where = Annotated[str, msgspec.Meta(description="A repository; empty for an incident.")]


class FeedbackOpened(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An image, or an incident, belongs to a case from now on.

    Attributes:
        owner_by: how the owner was found.
        cause: rejected, recalled, restricted or incident.
    """

    case: Case
    owner: Owner
    owner_by: str
    cause: str
    severity: str
    repository: Where
    why: Why
    tide: Tide


class FeedbackTold(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A revision of a case was written down to be sent; one event for each image.

    Attributes:
        turn: opened, changed or closed.
        channels: names of those it is sent by.
        fix: what is proposed; empty for nothing.
        passes: the gate admitted that when it was tried.
    """

    case: Case
    owner: Owner
    turn: str
    revision: int
    channels: list[str]
    fix: str
    passes: bool
    why: Why
    tide: Tide


class FeedbackClosed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An image, or an incident, of a case is mended.

    Attributes:
        seconds: since it was opened.
        how: it was mended.
    """

    case: Case
    owner: Owner
    repository: Where
    seconds: float
    how: str
    why: Why
    tide: Tide


class FeedbackMessage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a receiver is sent.

    Attributes:
        notices: a case as it stands, each.
        text: the same in words.
    """

    notices: list[dict[str, Any]]
    text: str


class OwnerChanged(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An owner was put on record, or taken off.

    Attributes:
        repositories: patterns of what is theirs.
        namespaces: likewise, `cluster/namespace`.
    """

    owner: AnId
    repositories: list[str]
    namespaces: list[str]
    who: Who


class ChannelChanged(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A channel to owners was put on record, or taken off."""

    channel: AnId
    who: Who
