# SPDX-License-Identifier: Apache-2.0
"""Keeping all repositories of a pattern for some: a rule, signed as a statement about the pattern."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from tidegate.admission.gate import Gate
from tidegate.admission.restrictions import MAX_RULES, impose, restriction_rules
from tidegate.artifact import Digest
from tidegate.clock import rfc3339
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.evidence import PredicateType, Statement, Subject
from tidegate.evidence.restriction import Restriction
from tidegate.wire import to_builtins

RESTRICTION_RULE: Final = PredicateType("https://tidegate.dev/predicates/restriction-rule/v1")
_MAX_PATTERN_CHARS: Final = 255


def restrict_repositories(
    connection: Connection, gate: Gate, pattern: str, restriction: Restriction, *, reason: str, by: str, at: datetime
) -> int:
    """Puts a rule in force, in the caller's transaction.

    Returns:
        The number it is lifted by.

    Raises:
        InvalidInputError: no pattern, or no reason.
        BoundExceededError: there are as many rules as there may be.
    """
    if not pattern or len(pattern) > _MAX_PATTERN_CHARS or not pattern.isprintable():
        raise InvalidInputError("a rule needs a pattern of repository names", remedy="write team-a/* or *")
    if not reason.strip() or not reason.isprintable():
        raise InvalidInputError("a rule needs a reason", remedy="say why, in one line")
    if len(restriction_rules(connection)) >= MAX_RULES:
        raise BoundExceededError("MAX_RULES", MAX_RULES, where="restrictions", remedy="lift some first")
    name = f"repositories:{pattern}"
    predicate = {
        "pattern": pattern,
        "restriction": to_builtins(restriction),
        "who": by,
        "why": reason,
        "at": rfc3339(at),
    }
    subject = Subject(name=name, digest=Digest.of(name.encode()))
    statement = Statement(subjects=(subject,), predicate_type=RESTRICTION_RULE, predicate=predicate)
    envelope = gate.add(connection, statement, at=at).digest
    return impose(connection, restriction, pattern=pattern, reason=reason, by=by, at=at, statement=envelope)
