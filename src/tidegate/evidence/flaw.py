# SPDX-License-Identifier: Apache-2.0
"""What is one flaw: packages built from one source share it, and are mended together.

A finding tells of one package, for each of them is there. Wherever findings are counted for people, flaws are.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol, TypeVar


class _Why(Protocol):
    @property
    def ecosystem(self) -> str: ...
    @property
    def matched_name(self) -> str: ...
    @property
    def matched_version(self) -> str: ...


class OfAdvisory(Protocol):
    """A finding, whoever read it."""

    @property
    def id(self) -> str:
        """The advisory's own id."""
        ...

    @property
    def aliases(self) -> Sequence[str]:
        """Its other names."""
        ...

    @property
    def why(self) -> _Why:
        """What it was matched by."""
        ...


class Flaw(NamedTuple):
    """An advisory in one version of one source package.

    Attributes:
        id: the CVE where there is one.
        package: the name that was looked up: of the source package where the ecosystem speaks of those.
    """

    id: str
    ecosystem: str
    package: str
    version: str


_F = TypeVar("_F", bound=OfAdvisory)


def known_id(finding: OfAdvisory) -> str:
    """The CVE where there is one: that is the name people know."""
    if finding.id.startswith("CVE-"):
        return finding.id
    return next((alias for alias in finding.aliases if alias.startswith("CVE-")), finding.id)


def flaw_of(finding: OfAdvisory) -> Flaw:
    """The flaw that a finding tells of."""
    why = finding.why
    if not why.matched_name:  # a report of a version that did not say
        return Flaw(known_id(finding), why.ecosystem, str(getattr(finding, "purl", "")), "")
    return Flaw(known_id(finding), why.ecosystem, why.matched_name, why.matched_version)


def by_flaw(findings: Iterable[_F]) -> tuple[tuple[_F, ...], ...]:
    """Findings that tell of one flaw together, in the order of the first of each."""
    found: dict[Flaw, list[_F]] = {}
    for finding in findings:
        found.setdefault(flaw_of(finding), []).append(finding)
    return tuple(map(tuple, found.values()))


def flaws_of(findings: Iterable[_F]) -> tuple[_F, ...]:
    """One finding for each flaw, the first of those that tell of it, in their order."""
    return tuple(group[0] for group in by_flaw(findings))


def flaw_count(findings: Iterable[OfAdvisory]) -> int:
    """How many flaws findings tell of."""
    return len({flaw_of(finding) for finding in findings})
