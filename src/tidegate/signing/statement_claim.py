# SPDX-License-Identifier: Apache-2.0
"""What an in-toto statement claims: its subjects, predicate, and the annotations cosign 3 writes beside subjects."""

from typing import Any

from tidegate.artifact import Digest
from tidegate.evidence import parse_statement
from tidegate.evidence.statement import MAX_STATEMENT_BYTES, STATEMENT_TYPE
from tidegate.signing.found import COSIGN_SIGN, Claim
from tidegate.wire import demand_unique_keys, from_json, to_json


def statement_claim(payload: bytes, *, where: str) -> Claim:
    """Reads what a statement claims.

    Raises:
        InvalidInputError: it is no in-toto Statement v1, or two readers could read two things in it.
    """
    statement = parse_statement(payload, where=where)
    demand_unique_keys(payload, what=where)
    return Claim(
        subjects=tuple(subject.digest for subject in statement.subjects),
        predicate_type=statement.predicate_type,
        predicate=statement.predicate,
        annotations=_annotations(payload, where),
    )


def signature_statement(digest: Digest, annotations: dict[str, str]) -> bytes:
    """The statement that says "signed", as cosign 3 writes it.

    Args:
        digest: of the image.
        annotations: stand beside its subject.
    """
    subject: dict[str, object] = {"digest": {digest.algorithm: digest.hex}}
    if annotations:
        subject["annotations"] = annotations
    return to_json({"_type": STATEMENT_TYPE, "subject": [subject], "predicateType": COSIGN_SIGN, "predicate": {}})


def _annotations(payload: bytes, where: str) -> dict[str, str]:
    """The annotations that stand beside every subject alike."""
    document = from_json(payload, dict[str, Any], what=where, max_bytes=MAX_STATEMENT_BYTES)
    beside = [subject.get("annotations") for subject in document["subject"]]
    first = beside[0] if isinstance(beside[0], dict) else {}
    return {
        name: text
        for name, text in first.items()
        if isinstance(text, str) and all(isinstance(one, dict) and one.get(name) == text for one in beside)
    }
