# SPDX-License-Identifier: Apache-2.0
"""Why a manifest is not handed out, in words for whoever pulls it."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection, select

from tidegate.artifact import Digest
from tidegate.curation.lifecycle import State
from tidegate.errors import RefusedError
from tidegate.storage.schema import state_change

_MAX_REASON_CHARS: Final = 600
_MEANING: Final[Mapping[State, str]] = {
    State.SUBMITTED: "it has just arrived",
    State.QUARANTINED: "it waits for its examination",
    State.ANALYSING: "it is being examined",
}
_SOON: Final = "try again in a moment"


class WithheldError(RefusedError):
    """A manifest is here and is not handed out.

    Args:
        digest: of the manifest.
        state: what it is in.
        reason: why, in one line.
        remedy: the way out.
    """

    def __init__(self, digest: Digest, state: State, reason: str, remedy: str) -> None:
        super().__init__(f"{state}: {reason}", where=f"{digest.algorithm}:{digest.short}", remedy=remedy)
        self.digest = digest
        self.state = state
        self.reason = reason


def withheld(connection: Connection, digest: Digest, state: State, *, expired: bool) -> WithheldError:
    """Builds the refusal from what was recorded last.

    Args:
        connection: for reading.
        digest: of the manifest.
        state: what it is in.
        expired: the decision behind a state that would be served has ended.
    """
    more = f"to see more run: tidegate passport {digest}"
    if state in _MEANING:
        return WithheldError(digest, state, _MEANING[state], f"{_SOON}; {more}")
    if expired:
        return WithheldError(digest, state, "the decision behind it has expired", f"have it judged again; {more}")
    return WithheldError(digest, state, _last_why(connection, digest), more)


def _last_why(connection: Connection, digest: Digest) -> str:
    query = (
        select(state_change.c.why).where(state_change.c.digest == digest).order_by(state_change.c.id.desc()).limit(1)
    )
    why = connection.scalar(query) or "no reason was recorded"
    return why if len(why) <= _MAX_REASON_CHARS else why[: _MAX_REASON_CHARS - 1] + "…"
