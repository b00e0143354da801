# SPDX-License-Identifier: Apache-2.0
"""A verification as a statement: what a gate puts on record, and its policy then demands."""

from tidegate.artifact import Digest
from tidegate.evidence import SIGNATURES, Statement, Subject
from tidegate.evidence.predicates.signatures import Verification, signatures_predicate


def signatures_statement(found: Verification, subject: Digest) -> Statement:
    """The statement about an image.

    Args:
        found: what verifying gave; of the image, or of the index it was taken from, which names it.
        subject: the image.
    """
    return Statement(
        subjects=(Subject(name=found.repository, digest=subject),),
        predicate_type=SIGNATURES,
        predicate=signatures_predicate(found),
    )
