# SPDX-License-Identifier: Apache-2.0
"""What a person says after they looked at something: a change, or an image that shall pass."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from tidegate.evidence.predicates.bounded import Name, Names, Word
from tidegate.values import Struct
from tidegate.wire import from_builtins


class Opinion(StrEnum):
    """What a review concludes."""

    APPROVED = "approved"
    REJECTED = "rejected"
    COMMENTED = "commented"


class Review(Struct, frozen=True, kw_only=True, rename="camel"):
    """One person's review.

    Attributes:
        reviewer: who looked, as their organisation names them: an address, a principal.
        authors: who made what was looked at.
        scope: what was looked at: `change`, `image`, `release`; with the reviewer it tells reviews apart, of which
            the newest counts.
        change: URI of the pull request or the ticket; `commit` it was about.
        reviewed_at: RFC 3339.
    """

    reviewer: Name
    decision: Opinion
    authors: Names = ()
    scope: Word = "image"
    change: Word = ""
    commit: Word = ""
    comment: Word = ""
    reviewed_at: Word = ""


def read_review(predicate: Mapping[str, Any], *, where: str) -> Review:
    """Reads a review.

    Raises:
        InvalidInputError: it names no reviewer, or an opinion nobody knows.
    """
    return from_builtins(predicate, Review, what=where)
