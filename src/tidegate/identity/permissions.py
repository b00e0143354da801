# SPDX-License-Identifier: Apache-2.0
"""What principals may do, by the grants that are kept: rulings, from memory where it is fresh."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, TypeVar

from tidegate.clock import Clock
from tidegate.identity import ruling
from tidegate.identity.directory import Directory
from tidegate.identity.grant import Grant
from tidegate.identity.pattern import EVERYTHING, RepositoryPattern
from tidegate.identity.principal import Principal
from tidegate.identity.ruling import Asked, Ruling
from tidegate.identity.verb import Verb

T = TypeVar("T", bound=str)
_OF_ADMINISTRATORS: Final = frozenset(
    {Verb.APPROVE, Verb.AUDIT, Verb.INVESTIGATE, Verb.REPORT, Verb.RESPOND, Verb.TRUST, Verb.GOVERN, Verb.ADMINISTER}
)
"""What only an administrator may give on another's asking: approvers make no approvers."""
_ADMINISTERING: Final = Asked(verb=Verb.ADMINISTER)


class Permissions:
    """Answers by grants. Safe for threads.

    Args:
        directory: grants kept here; None for none.
        clock: when they end.
    """

    def __init__(self, directory: Directory | None, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock

    def ruling(self, principal: Principal, asked: Asked) -> Ruling:
        """Whether a principal may do a thing.

        Raises:
            OutsideError: the database failed.
        """
        return ruling.rule(principal, asked, self._grants(principal), at=self._clock())

    def known_ruling(self, principal: Principal, asked: Asked) -> Ruling | None:
        """As `ruling`, when it can be told from memory; None means that `ruling` has to be asked."""
        if principal.is_administrator or self._directory is None:
            return ruling.rule(principal, asked, (), at=self._clock())
        grants = self._directory.known_grants(principal)
        return None if grants is None else ruling.rule(principal, asked, grants, at=self._clock())

    def granted(self, principal: Principal, asked: Asked) -> bool:
        """Whether a principal may do a thing, whatever token was shown.

        Raises:
            OutsideError: the database failed.
        """
        return ruling.granted(principal, asked, self._grants(principal), at=self._clock()).allowed

    def may_approve(self, principal: Principal, pattern: RepositoryPattern, verbs: frozenset[Verb]) -> bool:
        """Whether a principal may decide over a grant that another asked for.

        Raises:
            OutsideError: the database failed.
        """
        grants, at = self._grants(principal), self._clock()
        if verbs & _OF_ADMINISTRATORS and not ruling.granted(principal, _ADMINISTERING, grants, at=at).allowed:
            return False
        asked = Asked(verb=Verb.APPROVE, repository=pattern.literal)
        return principal.is_administrator or any(
            grant.pattern.covers(pattern) and ruling.granted(principal, asked, [_whole(grant)], at=at).allowed
            for grant in grants
        )

    def visible(self, principal: Principal, repository: str, tags: Sequence[T], *, address: str) -> list[T]:
        """Those tags of a repository that a principal may see.

        Raises:
            OutsideError: the database failed.
        """
        asked = Asked(verb=Verb.LIST, repository=repository, address=address, any_content=True)
        if not self.judged_by(principal, asked):
            return list(tags)  # the request itself was allowed
        grants, at = self._grants(principal), self._clock()
        asked = replace(asked, any_content=False)
        return [tag for tag in tags if ruling.granted(principal, replace(asked, tag=tag), grants, at=at).allowed]

    def judged_by(self, principal: Principal, asked: Asked) -> int:
        """How many grants' conditions tell one tag or digest from another, for a thing asked for any content.

        0 where a grant allows it whatever the content is, or none does.

        Raises:
            OutsideError: the database failed.
        """
        grants = self._grants(principal)
        apart = [grant for grant in grants if grant.condition and grant.condition.needs_content]
        fitting = [grant for grant in apart if grant.pattern.matches(asked.repository)]
        whole = [grant for grant in grants if grant not in apart]
        if not fitting or ruling.granted(principal, asked, whole, at=self._clock()).allowed:
            return 0
        return len(fitting)

    def conditions(self, principal: Principal) -> int:
        """How many conditions its grants have, whatever they are for.

        Raises:
            OutsideError: the database failed.
        """
        return sum(grant.condition is not None for grant in self._grants(principal))

    def prefixes(self, principal: Principal) -> tuple[str, ...]:
        """What the names of all repositories begin with that a principal may see; ("",) for any."""
        if principal.is_administrator or self._directory is None:
            return ("",)
        wanted = {Verb.LIST, Verb.PULL}
        literals = sorted({grant.pattern.literal for grant in self._grants(principal) if grant.verbs & wanted})
        found: list[str] = []
        for text in literals:  # sorted, so what another one begins with comes right after it
            if not found or not text.startswith(found[-1]):
                found.append(text)
        return tuple(found)

    def _grants(self, principal: Principal) -> tuple[Grant, ...]:
        return () if principal.is_administrator or self._directory is None else self._directory.grants(principal)


def _whole(grant: Grant) -> Grant:
    """The grant, whatever repository is asked about: that its pattern covers the other one was found out before."""
    return replace(grant, pattern=RepositoryPattern(EVERYTHING))
