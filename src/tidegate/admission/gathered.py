# SPDX-License-Identifier: Apache-2.0
"""What a gate may read of a subject, of all that was verified; pure."""

from collections.abc import Mapping, Sequence

from tidegate.artifact import Digest
from tidegate.evidence import Evidence
from tidegate.evidence.predicates.kinds import counts_with_others, kind_of
from tidegate.values import Struct


class Gathered(Struct, frozen=True, kw_only=True):
    """What a gate may read of a subject.

    Attributes:
        evidence: verified statements: of each kind the newest, of those of which several count all.
        newest: for each kind (`tidegate.evidence.predicates.kinds`, or a predicate type that is not known), the newest
            envelope that counts as ours, verified or not: one that was tampered with stands in the way of the older,
            kinder one, and so does one whose signer was revoked since.
        known: for each kind of which several count, all its envelopes, verified or not; without those that are void.
        trusted: ids of all keys that counted.
        void: envelopes whose signers are revoked by their place in the ledger, or were not valid.
    """

    evidence: tuple[Evidence, ...]
    newest: Mapping[str, Digest]
    known: Mapping[str, frozenset[Digest]] = {}
    trusted: frozenset[str] = frozenset()
    void: frozenset[Digest] = frozenset()


def gathered_of(evidence: Sequence[Evidence], spoilt: Sequence[tuple[int, str, Digest]] = ()) -> Gathered:
    """What counts of statements, oldest first.

    Args:
        evidence: verified.
        spoilt: envelopes that cannot be verified any more: how many verified ones are older, the kind, the digest.
    """
    alone: dict[str, Evidence] = {}
    several: list[Evidence] = []
    newest: dict[str, tuple[int, Digest]] = {}
    known: dict[str, set[Digest]] = {}
    for place, item in enumerate(evidence):
        name = kind_of(item.predicate_type, item.predicate)
        if counts_with_others(name):
            several.append(item)
            known.setdefault(name, set()).add(item.digest)
        else:
            alone[name] = item
            newest[name] = (place, item.digest)
    for place, name, digest in spoilt:
        if counts_with_others(name):
            known.setdefault(name, set()).add(digest)
        elif name not in newest or newest[name][0] < place:
            newest[name] = (place, digest)
    return Gathered(
        evidence=tuple(sorted((*alone.values(), *several), key=lambda it: it.predicate_type)),
        newest={name: digest for name, (_, digest) in newest.items()},
        known={name: frozenset(digests) for name, digests in known.items()},
    )
