# SPDX-License-Identifier: Apache-2.0
"""Source provenance: the commit something was made from, who signed it, and what guards the branch it lies on."""

from collections.abc import Mapping
from typing import Any

from tidegate.evidence.predicates.bounded import Commit, Count, Name, Names, Word
from tidegate.values import Struct
from tidegate.wire import from_builtins


class SourceSignature(Struct, frozen=True, kw_only=True):
    """A signature on a commit or a tag.

    Attributes:
        form: `ssh`, `openpgp` or `x509`.
        signer: whom it was verified to be of; "" when `verified` is false.
    """

    form: Name
    verified: bool
    signer: Word = ""
    key: Word = ""


class Protection(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a forge enforces on a branch or tag, as whoever asked it says.

    Attributes:
        told_by: where the forge was asked.
        bypassed_by: who may pass over it all the same.
    """

    ref: Name
    told_by: Word = ""
    required_reviews: Count = 0
    force_push_blocked: bool = False
    deletion_blocked: bool = False
    signatures_required: bool = False
    required_checks: Names = ()
    bypassed_by: Names = ()


class SourceProvenance(Struct, frozen=True, kw_only=True, rename="camel"):
    """Where something's source lies.

    Attributes:
        repository: URL of it.
        tree: of the commit; "" when it is not told.
        signature: of the commit; `tag_signature` of the tag. None when there is none.
        levels: of the SLSA source track that a verifier found, such as `SLSA_SOURCE_LEVEL_3`.
    """

    repository: Name
    commit: Commit
    tree: Word = ""
    ref: Word = ""
    tag: Word = ""
    signature: SourceSignature | None = None
    tag_signature: SourceSignature | None = None
    protection: Protection | None = None
    levels: Names = ()


def read_source(predicate: Mapping[str, Any], *, where: str) -> SourceProvenance:
    """Reads source provenance.

    Raises:
        InvalidInputError: it names no repository or no commit.
    """
    return from_builtins(predicate, SourceProvenance, what=where)
