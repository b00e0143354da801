# SPDX-License-Identifier: Apache-2.0
"""Provenance of an image: among what hangs on it and in files, judged by whom a trust policy trusts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from tidegate.artifact import Descriptor, Digest
from tidegate.artifact import media_type as mt
from tidegate.development.origin.verdict import KnownProvenance
from tidegate.errors import InvalidInputError
from tidegate.evidence import PredicateType, parse_statement
from tidegate.evidence.predicates.kinds import kind_of
from tidegate.evidence.predicates.provenance import read_provenance
from tidegate.oci.signatures import BUNDLE, Attached
from tidegate.verification.judge import judge
from tidegate.verification.policy import TrustPolicy
from tidegate.verification.reading import Read
from tidegate.wire import from_json

MAX_FILE_BYTES: Final = 128 << 20


def known_provenance(
    read: Read, subject: Digest, repository: str, policy: TrustPolicy | None, at: datetime
) -> tuple[KnownProvenance, ...]:
    """The provenance of an image among signed statements; what is broken, or of another image, is passed over.

    Args:
        read: what was found.
        subject: digest of the image.
        repository: `registry/name` it lies in; "" for none.
        policy: whose signatures count; None for nobody's.
        at: now.
    """
    who: dict[int, tuple[str, ...]] = {}
    if policy is not None:
        # Without what could not be read the judgement tells of each found one, in their order.
        judged = judge(Read(found=read.found), subject, repository, policy, at).signatures
        who = {at_: tuple(it.who.strip() for it in one.vouchers) for at_, one in enumerate(judged) if one.holds}
    found = [
        _provenance(one.claim.predicate_type, one.claim.predicate, who.get(number, ()))
        for number, one in enumerate(read.found)
        if subject in one.claim.subjects
    ]
    return tuple(filter(None, found))


def given_signature(content: bytes, *, where: str) -> Attached:
    """A file with an envelope or a bundle, as if it hung on the image."""
    document = from_json(content, dict[str, Any], what=where, max_bytes=MAX_FILE_BYTES)
    kind = mt.DSSE if "payloadType" in document else f"{BUNDLE}.v0.3+json"
    layer = Descriptor(media_type=kind, digest=Digest.of(content), size=len(content))
    return Attached(layer=layer, where=where, content=content)


def bare_provenance(content: bytes, subject: Digest, *, where: str) -> KnownProvenance | None:
    """Provenance in a statement that nobody signed; None when the content is none, or of another image."""
    try:
        statement = parse_statement(content, where=where)
    except InvalidInputError:
        return None
    if subject not in {it.digest for it in statement.subjects}:
        return None
    return _provenance(statement.predicate_type, statement.predicate, ())


def _provenance(type_: PredicateType, predicate: Any, signers: Sequence[str]) -> KnownProvenance | None:
    if kind_of(type_, predicate) != "provenance":
        return None
    try:
        told = read_provenance(type_, predicate, where="provenance")
    except InvalidInputError:
        return None
    return KnownProvenance(provenance=told, signers=tuple(signers))
