# SPDX-License-Identifier: Apache-2.0
"""What is thought now of the image that a container runs: one expression of SQL over the record, and its words.

A manifest's own state holds. Where the manifest is not on the shelf, or only the configuration is known, the manifests
of that configuration speak for it: it is the same content. A recall speaks for all of the same content.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, and_, case, exists, func, or_, select

from tidegate.clock import rfc3339
from tidegate.storage import schema


class Standing(StrEnum):
    """Under which decision a container runs."""

    ADMITTED = "admitted"
    DEPRECATED = "deprecated"
    RESTRICTED = "restricted"
    EXPIRED = "expired"
    """Its admission's time is over, and it was not judged again yet."""
    UNDECIDED = "undecided"
    """It is on the shelf and was never admitted, or is being judged."""
    REJECTED = "rejected"
    RETIRED = "retired"
    RECALLED = "recalled"
    UNKNOWN = "unknown"
    """Its image was never on the shelf."""
    UNIDENTIFIED = "unidentified"
    """Nobody tells which image it runs."""


ROGUE: Final = frozenset(
    {
        Standing.UNDECIDED,
        Standing.REJECTED,
        Standing.RETIRED,
        Standing.RECALLED,
        Standing.UNKNOWN,
        Standing.UNIDENTIFIED,
    }
)
"""Never admitted, or not any more."""
OF_STATE: Final[Mapping[str, Standing]] = {
    "admitted": Standing.ADMITTED,
    "deprecated": Standing.DEPRECATED,
    "restricted": Standing.RESTRICTED,
    "submitted": Standing.UNDECIDED,
    "quarantined": Standing.UNDECIDED,
    "analysing": Standing.UNDECIDED,
    "rejected": Standing.REJECTED,
    "retired": Standing.RETIRED,
    "recalled": Standing.RECALLED,
}
"""By the word that curation writes; a test compares."""
_LASTING: Final = ("admitted", "deprecated", "restricted")
_RANKS: Final = tuple(Standing)
"""In the order of the enum: of the same content the first speaks."""


def standing_of(row: Any, at: datetime) -> ColumnElement[int]:
    """The rank of the standing of a row's `digest` and `config`, a number for `named`.

    Args:
        row: columns of a table of containers.
        at: now: what has expired.
    """
    state, blob = schema.state, schema.manifest_blob
    of_content = and_(blob.c.blob == row.config, row.config != "")
    # Two selects deep, a row is only taken for the outer one where that is said.
    same = select(blob.c.manifest).where(of_content).correlate(row.config.table)
    own = select(_rank(state.c.state, state.c.expires_at, at)).where(state.c.digest == row.digest).scalar_subquery()
    recalled = exists(select(state.c.digest).where(state.c.digest.in_(same) & (state.c.state == "recalled")))
    kin = (
        select(func.min(_rank(state.c.state, state.c.expires_at, at))).where(state.c.digest.in_(same)).scalar_subquery()
    )
    nameless = and_(row.digest == "", row.config == "")
    return case(
        (recalled, _RANKS.index(Standing.RECALLED)),
        else_=func.coalesce(
            own, kin, case((nameless, _RANKS.index(Standing.UNIDENTIFIED)), else_=_RANKS.index(Standing.UNKNOWN))
        ),
    )


def ranks(standings: frozenset[Standing]) -> list[int]:
    """What `standing_of` gives for these."""
    return [_RANKS.index(one) for one in standings]


def named(rank: int) -> Standing:
    """The standing of a rank."""
    return _RANKS[rank]


def is_swapped(row: Any) -> ColumnElement[bool]:
    """True for a row that runs another image than its pod's spec pins, of those that are on the shelf.

    A node may tell an index where a manifest of it is pinned, and the other way round.
    """
    child, blob = schema.manifest_child, schema.manifest_blob
    on_shelf = exists(select(schema.state.c.digest).where(schema.state.c.digest == row.pinned))
    parts = select(child.c.child).where(child.c.parent == row.pinned).correlate(row.pinned.table)
    is_part = exists(
        select(child.c.parent).where(
            or_(
                and_(child.c.parent == row.pinned, child.c.child == row.digest),
                and_(child.c.parent == row.digest, child.c.child == row.pinned),
            )
        )
    )
    is_its_content = exists(
        select(blob.c.blob).where(
            and_(blob.c.blob == row.config, or_(blob.c.manifest == row.pinned, blob.c.manifest.in_(parts)))
        )
    )
    by_manifest = and_(row.digest != "", row.digest != row.pinned, ~is_part)
    by_content = and_(row.digest == "", row.config != "", ~is_its_content)
    return and_(row.pinned != "", on_shelf, or_(by_manifest, by_content))


def _rank(state: Column[Any], expires_at: Column[Any], at: datetime) -> ColumnElement[int]:
    over = and_(state.in_(_LASTING), expires_at != "", expires_at < rfc3339(at))
    return case(
        (over, _RANKS.index(Standing.EXPIRED)),
        *((state == word, _RANKS.index(standing)) for word, standing in OF_STATE.items()),
        else_=_RANKS.index(Standing.UNKNOWN),
    )
