# SPDX-License-Identifier: Apache-2.0
"""The signed lines of a passport: each signature verified anew, each place in the ledger proved anew."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, select

from tidegate import ledger
from tidegate.admission.ledger_line import ledger_line
from tidegate.admission.records import Recorded, record_named, verify_recorded
from tidegate.artifact import Digest
from tidegate.clock import rfc3339
from tidegate.errors import TidegateError
from tidegate.evidence import Statement
from tidegate.evidence.predicates.gist import gist_of
from tidegate.evidence.predicates.kinds import kind_of
from tidegate.evidence.predicates.provenance import read_provenance
from tidegate.oversight.entry import Draft, Entry, EntryKind
from tidegate.policy.vsa import from_vsa
from tidegate.storage import schema
from tidegate.trust.role import TRUST_CHANGE
from tidegate.trust.standing import Trust, VoidSignatureError
from tidegate.values import Struct
from tidegate.wire import to_builtins

_PART: Final = 1  # of the work of a second: what is claimed, after what was begun
_MAX_SAID_CHARS: Final = 200
_MAX_SAID: Final = 20


class Tree(Struct, frozen=True, kw_only=True):
    """The ledger as it is now: what places are proved against."""

    size: int
    root: bytes

    @classmethod
    def of(cls, connection: Connection) -> "Tree":
        """Reads it."""
        size = ledger.size(connection)
        return cls(size=size, root=ledger.root(connection, size))


def drafts_of_statements(connection: Connection, digest: Digest, trust: Trust, tree: Tree) -> Iterator[Draft]:
    """Every statement filed under a digest; envelopes are read when a line is made."""
    table = schema.statement
    query = select(table.c.digest, table.c.ledger_index, table.c.recorded_at).where(table.c.subject == digest)
    for row in connection.execute(query.order_by(table.c.ledger_index)).all():
        make = partial(_entry, connection, Digest(row.digest), trust, tree)
        yield Draft((row.recorded_at, _PART, row.ledger_index, 0), make)


def _entry(connection: Connection, name: Digest, trust: Trust, tree: Tree) -> Entry:
    item = record_named(connection, name)
    if item is None:  # it was there a moment ago, in this transaction
        raise TidegateError("a statement is gone", where=name)
    return entry_of(connection, item, trust, tree)


def entry_of(connection: Connection, item: Recorded, trust: Trust, tree: Tree) -> Entry:
    """The line of one statement."""
    at = rfc3339(item.recorded_at)
    detail: dict[str, Any] = {
        "envelope": item.digest,
        "predicate_type": item.predicate_type,
        "ledger_index": item.ledger_index,
        "in_ledger": is_in_ledger(connection, item, tree),
    }
    try:
        verified = verify_recorded(connection, item, trust)
    except TidegateError as error:
        void = isinstance(error, VoidSignatureError)
        what = "statement whose signature is void" if void else "statement nobody trusted vouches for"
        said = {"verified": False, "void": void, "problem": str(error)}
        return Entry(at=at, kind=EntryKind.STATEMENT, what=what, detail=detail | said)
    detail |= {"verified": True, "signers": list(verified.signers)}
    detail["signed_by"] = [trust.standings[name].name for name in verified.signers]
    statement = verified.statement
    predicate = statement.predicate
    if statement.predicate_type == TRUST_CHANGE:
        return Entry(at=at, kind=EntryKind.KEY, **_key_change(predicate), detail=detail | {"said": _said(predicate)})
    who, why = str(predicate.get("who") or ""), str(predicate.get("why") or "")
    kind = kind_of(statement.predicate_type, predicate)
    if kind == "vsa":
        return _decision(at, statement, detail)
    more = {"kind": kind, **_more(kind, statement)}
    what = gist_of(statement.predicate_type, predicate)
    if isinstance(predicate.get("act"), str):
        what, more = f"{predicate['act']}, signed", {"said": _said(predicate)}
    return Entry(at=at, kind=EntryKind.STATEMENT, what=what, who=who, why=why, detail=detail | more)


def is_in_ledger(connection: Connection, item: Recorded, tree: Tree) -> bool:
    """Recomputes the leaf from the envelope itself and proves it to be under the root of now."""
    leaf = ledger.leaf_hash(ledger_line(Digest.of(item.envelope), item.subject, item.predicate_type))
    try:
        proof = ledger.inclusion_proof(connection, item.ledger_index, tree.size)
        ledger.verify_inclusion(index=item.ledger_index, size=tree.size, leaf=leaf, proof=proof, root=tree.root)
    except TidegateError:
        return False
    return True


def _decision(at: str, statement: Statement, detail: dict[str, Any]) -> Entry:
    try:
        decision = to_builtins(from_vsa(statement))
    except TidegateError as error:
        what = "decision that cannot be read"
        return Entry(at=at, kind=EntryKind.DECISION, what=what, detail=detail | {"problem": str(error)})
    reasons = [one["message"] for one in decision["reasons"] if one["verdict"] != "allow" and not one["excepted_by"]]
    return Entry(
        at=at,
        kind=EntryKind.DECISION,
        what=f"{decision['boundary']}: {decision['verdict']}",
        why="; ".join(dict.fromkeys(reasons)),
        detail=detail | {"decision": decision},
    )


def _more(kind: str, statement: Statement) -> dict[str, Any]:
    """What the head of a passport tells of a statement."""
    try:
        if kind == "provenance":
            found = read_provenance(statement.predicate_type, statement.predicate, where="")
            return {
                "provenance": {
                    "builder": found.builder,
                    "source": found.source.uri,
                    "commit": found.source.digest,
                }
            }
    except TidegateError:
        return {}
    base = statement.predicate.get("base") if kind == "scan" else None
    if isinstance(base, dict):
        return {"base": {name: str(base.get(name) or "")[:_MAX_SAID_CHARS] for name in ("name", "digest", "part_of")}}
    return {}


def _key_change(predicate: Any) -> dict[str, str]:
    key = predicate.get("key")
    name = str(key.get("name") or key.get("id")) if isinstance(key, dict) else ""
    place = f" from ledger entry {predicate['fromEntry']} on" if "fromEntry" in predicate else ""
    alone = f" (alone: {predicate['alone']})" if predicate.get("alone") else ""
    return {
        "what": f"key {name} {predicate.get('act', '')}{place}"[:_MAX_SAID_CHARS],
        "who": str(predicate.get("who") or ""),
        "why": f"{predicate.get('why') or ''}{alone}",
    }


def _said(predicate: Any) -> dict[str, Any]:
    """The short plain values of a predicate; the rest is read from the statement itself."""
    plain = {name: value for name, value in predicate.items() if isinstance(value, str | int | float | bool)}
    few = list(plain.items())[:_MAX_SAID]
    return {name: value[:_MAX_SAID_CHARS] if isinstance(value, str) else value for name, value in few}
