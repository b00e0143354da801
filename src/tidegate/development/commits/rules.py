# SPDX-License-Identifier: Apache-2.0
"""What is asked of each commit, and what speaks against one; pure.

Problems, by the demand that finds them:

* `signed`: `unsigned`, `bad-signature`, `unknown-key`, `expired-key`, `revoked-key`, `unreadable-signature`;
* `own-signature`: `signed-by-another`, when the signer is neither the committer nor the author;
* `known-people`: `unknown-author`, `unknown-committer`;
* `sign-off`: `no-sign-off`, without a Signed-off-by of the author (Developer Certificate of Origin 1.1);
* `reviews=N`: `unreviewed`, with fewer than N reviewers who wrote none of it.

A signature that is bad, unreadable or by a revoked key is a problem whether signatures are asked for or not: somebody
wished to seem another.
"""

from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

from tidegate.development.commits.signature import SignatureFinding
from tidegate.development.commits.trailers import Trailers, address_of
from tidegate.development.git.objects import Commit
from tidegate.evidence.predicates.commits import SignatureState
from tidegate.values import Struct

_PROBLEMS: Final[Mapping[SignatureState, str]] = {
    SignatureState.NONE: "unsigned",
    SignatureState.UNKNOWN_KEY: "unknown-key",
    SignatureState.EXPIRED: "expired-key",
    SignatureState.BAD: "bad-signature",
    SignatureState.REVOKED: "revoked-key",
    SignatureState.UNREADABLE: "unreadable-signature",
}
_ALWAYS: Final = frozenset({SignatureState.BAD, SignatureState.REVOKED, SignatureState.UNREADABLE})
_NOBODY: Final[Collection[str]] = ()


class Demands(Struct, frozen=True, kw_only=True):
    """What is asked of each commit.

    Attributes:
        people: patterns of addresses that may write and record commits; none asks nothing.
        reviews: how many must have reviewed it who wrote none of it.
        forge_signs: addresses whose signature counts as anybody's own: a forge that merges for people.
    """

    signed: bool = True
    own_signature: bool = False
    people: tuple[str, ...] = ()
    sign_off: bool = False
    reviews: int = 0
    forge_signs: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """The demands, as they stand in a statement."""
        asked = (
            ("signed", self.signed),
            ("own-signature", self.own_signature),
            ("known-people", bool(self.people)),
            ("sign-off", self.sign_off),
            (f"reviews={self.reviews}", self.reviews > 0),
        )
        return tuple(word for word, is_asked in asked if is_asked)


def problems_of(
    commit: Commit, finding: SignatureFinding, said: Trailers, reviewers: Sequence[str], demands: Demands
) -> tuple[str, ...]:
    """What speaks against a commit.

    Args:
        commit: itself.
        finding: of its signature.
        said: its trailers.
        reviewers: who reviewed it, by its own trailers or those of the merge that brought it in.
        demands: what is asked.
    """
    author, committer = commit.author.address.casefold(), commit.committer.address.casefold()
    found: list[str] = []
    if finding.state in _PROBLEMS and (demands.signed or finding.state in _ALWAYS):
        found.append(_PROBLEMS[finding.state])
    own = finding.state is not SignatureState.GOOD or _is_one_of((author, committer, *demands.forge_signs), finding)
    if demands.own_signature and not own:
        found.append("signed-by-another")
    if demands.people:
        found += ["unknown-author"] * (not _matches(demands.people, author))
        found += ["unknown-committer"] * (not _matches(demands.people, committer))
    if demands.sign_off and author not in map(address_of, said.sign_offs):
        found.append("no-sign-off")
    if len(independent(commit, said, reviewers)) < demands.reviews:
        found.append("unreviewed")
    return tuple(found)


def independent(commit: Commit, said: Trailers, reviewers: Sequence[str]) -> frozenset[str]:
    """Addresses of reviewers who wrote none of a commit."""
    wrote = {commit.author.address.casefold(), *map(address_of, said.co_authors)}
    return frozenset(map(address_of, reviewers)) - wrote - {""}


def _is_one_of(people: Sequence[str], finding: SignatureFinding) -> bool:
    """True when the key is one of theirs; allowed signers are patterns, what keys and certificates say are names."""
    if finding.are_patterns:
        return any(_matches(finding.signers, person) for person in people)
    return not {name.strip().casefold() for name in finding.signers}.isdisjoint(it.strip().casefold() for it in people)


def _matches(patterns: Sequence[str], address: str) -> bool:
    folded = address.strip().casefold()
    if any(pattern.startswith("!") and fnmatchcase(folded, pattern[1:].casefold()) for pattern in patterns):
        return False
    return any(fnmatchcase(folded, pattern.casefold()) for pattern in patterns)
