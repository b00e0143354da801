# SPDX-License-Identifier: Apache-2.0
"""Statements of others from the few lines of them that a policy test writes down: what is not said is harmless."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from tidegate.errors import InvalidInputError
from tidegate.evidence import Evidence
from tidegate.policy.context import Context
from tidegate.policy.fields import EVIDENCE_KINDS
from tidegate.policy.sample import SOURCE, SUBJECT, Predicate, plain
from tidegate.policy.several_views import view_several
from tidegate.policy.view import view_evidence
from tidegate.rules.marked_yaml import Node, Table
from tidegate.rules.reading import defect

_COMMIT: Final = "0" * 40
_MOMENT: Final = datetime(2026, 1, 1, tzinfo=UTC)
_TEMPLATES: Final[Mapping[str, Mapping[str, Any]]] = {
    "source": {"repository": SOURCE, "commit": _COMMIT},
    "commits": {"repository": SOURCE, "base": "", "tip": _COMMIT, "count": 1, "signed": 1, "passed": True},
    "tests": {"result": "PASSED", "tool": "test", "counts": {"passed": 1}},
    "reviews": {"reviewer": "ann@example.com", "decision": "approved"},
    "behaviour": {"monitor": "test"},
    "signatures": {
        "subject": SUBJECT,
        "repository": "",
        "policy": "trust",
        "policy_digest": SUBJECT,
        "verified": True,
        "at": "2026-01-01T00:00:00Z",
        "requirements": [{"name": "signed", "met": True, "threshold": 1}],
        "signatures": [],
    },
    "summaries": {
        "verifier": {"id": "test"},
        "resourceUri": "test",
        "policy": {"uri": "test"},
        "verificationResult": "PASSED",
        "verifiedLevels": ["SLSA_BUILD_LEVEL_3"],
    },
    "vex": {"@context": "https://openvex.dev/ns/v0.2.0", "@id": "test", "author": "test", "statements": []},
}


def sample_statement(kind: str, says: Node | None, node: Node) -> Predicate:
    """A predicate of a kind that is not tidegate's own to make, in the form that is written here.

    Args:
        kind: of the evidence.
        says: fields that are as the test wishes; None for none.
        node: where to complain.

    Raises:
        InvalidInputError: it is no such predicate then.
    """
    if says is not None and not isinstance(says, Table):
        raise defect(says, "expected keys and values")
    predicate = {**_TEMPLATES[kind], **(plain(says) if says is not None else {})}
    known = EVIDENCE_KINDS[kind]
    evidence = Evidence(
        digest=SUBJECT,
        subject=SUBJECT,
        predicate_type=known.types[0],
        predicate=predicate,
        signers=(),
        made_at=_MOMENT,
    )
    try:
        if known.several:
            view_several(kind, [evidence], Context(), _MOMENT)
        else:
            view_evidence(kind, evidence, _MOMENT)
    except InvalidInputError as error:
        raise defect(says or node, error.what) from error
    return known.types[0], predicate
