# SPDX-License-Identifier: Apache-2.0
"""What a person said of an artifact, which no judgement takes back: recalled stays recalled until it is released.

A judgement that is made meanwhile is made all the same, and denies for that reason beside its own.
"""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection, delete, select

from tidegate.artifact import Digest
from tidegate.curation.lifecycle import State
from tidegate.evidence import Decision, Reason, Verdict
from tidegate.storage import vending_schema
from tidegate.storage.insert import insert_or_update
from tidegate.values import Struct, replace

_table = vending_schema.standing
_RULE: Final = "curation/standing"
_HELD: Final = frozenset({State.RECALLED, State.RETIRED})


class Standing(Struct, frozen=True, kw_only=True):
    """A person's word.

    Attributes:
        state: they put it in: deprecated, recalled or retired.
        since: RFC 3339.
        statement: the envelope that says so.
        sunset: when a deprecated artifact is to be gone (RFC 3339); "" for no day.
        replacement: what to use instead; "" when nobody said.
    """

    state: State
    who: str
    why: str
    since: str
    statement: str
    sunset: str = ""
    replacement: str = ""

    @property
    def is_held(self) -> bool:
        """True when no judgement lets it out again."""
        return self.state in _HELD


def standing_of(connection: Connection, digest: Digest) -> Standing | None:
    """What a person said of a digest last; None when nobody did, or it was taken back."""
    row = connection.execute(select(_table).where(_table.c.digest == digest)).mappings().first()
    if row is None:
        return None
    said: Mapping[str, str] = {name: row[name] for name in Standing.__struct_fields__ if name != "state"}
    return Standing(state=State(row["state"]), **said)


def set_standing(connection: Connection, digest: Digest, said: Standing) -> None:
    """Records a person's word, in the caller's transaction, in the place of the one before."""
    values = {name: getattr(said, name) for name in Standing.__struct_fields__}
    insert_or_update(connection, _table, digest=digest, **values)


def clear_standing(connection: Connection, digest: Digest) -> None:
    """Takes a person's word back, in the caller's transaction."""
    connection.execute(delete(_table).where(_table.c.digest == digest))


def with_standing(decision: Decision, said: Standing | None) -> Decision:
    """The decision as it counts: denied as long as a person keeps the artifact in."""
    if said is None or not said.is_held:
        return decision
    fix = f"use {said.replacement}" if said.replacement else f"ask {said.who}"
    reason = Reason(
        rule=_RULE, verdict=Verdict.DENY, message=f"{said.state} by {said.who}: {said.why}", item="", fix=fix
    )
    others = tuple(one for one in decision.reasons if one.rule != _RULE)
    return replace(
        decision,
        verdict=Verdict.DENY,
        reasons=(reason, *others),
        rules=tuple(dict.fromkeys((_RULE, *decision.rules))),
    )
