# SPDX-License-Identifier: Apache-2.0
"""What the ledger holds of a statement: the digest of its envelope, and what it is about, as canonical JSON."""

from typing import Final

from tidegate.artifact import Digest
from tidegate.errors import InvalidInputError
from tidegate.evidence import PredicateType
from tidegate.values import Struct
from tidegate.wire import from_json, to_json

_MARK: Final = b'{"envelope":'


class LedgerLine(Struct, frozen=True, kw_only=True):
    """An entry, read."""

    envelope: Digest
    predicate_type: PredicateType
    subject: Digest


class _Document(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    envelope: Digest
    predicateType: str  # noqa: N815 - as it is written
    subject: Digest


def ledger_line(envelope: Digest, subject: Digest, predicate_type: PredicateType) -> bytes:
    """The entry of a statement."""
    return to_json({"envelope": envelope, "predicateType": predicate_type, "subject": subject})


def parse_ledger_line(entry: bytes, *, where: str) -> LedgerLine | None:
    """Reads an entry; None when it is of another kind, which only its own reader understands.

    Raises:
        InvalidInputError: it begins as a statement's and is not written as one is: a key twice, one more, spaces.
    """
    if not entry.startswith(_MARK):
        return None
    found = from_json(entry, _Document, what=where, max_bytes=len(entry))
    line = LedgerLine(envelope=found.envelope, predicate_type=PredicateType(found.predicateType), subject=found.subject)
    if ledger_line(line.envelope, line.subject, line.predicate_type) != entry:
        raise InvalidInputError("is not the one way to write what it says", where=where)
    return line
