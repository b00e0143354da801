# SPDX-License-Identifier: Apache-2.0
"""An allow-list as gitleaks writes it: what is found at these paths, or reads like this, is no secret here."""

from typing import Protocol

from tidegate.inventory import SecretFact
from tidegate.scan.secrets.rule import Sighting
from tidegate.values import Struct


class Searched(Protocol):
    """What can be searched for in bytes: one of Python's expressions, or a `LinearPattern`."""

    def search(self, text: bytes, /) -> object:
        """Something true when it is there."""
        ...


class Allowlist(Struct, frozen=True, kw_only=True):
    """Conditions, any of which suffices; all kinds of which must hold when `needs_all`.

    Attributes:
        name: where it was written, such as `.gitleaks.toml: allowlist 2`.
        rules: ids it is for; empty for all.
        target: what `regexes` are searched for in: `secret`, `match` or `line`.
        stopwords: lower case, searched for in the secret.
    """

    name: str
    rules: frozenset[str] = frozenset()
    paths: tuple[Searched, ...] = ()
    regexes: tuple[Searched, ...] = ()
    stopwords: tuple[bytes, ...] = ()
    commits: frozenset[str] = frozenset()
    target: str = "secret"
    needs_all: bool = False

    def allows(self, path: str, sighting: Sighting, line: bytes) -> bool:
        """Whether a sighting is allowed, as far as that can be said before its commit is known."""
        if self.rules and sighting.rule not in self.rules:
            return False
        text = sighting.secret if self.target == "secret" else line
        holds: list[bool] = []
        if self.paths:
            name = path.partition("\0")[0].encode(errors="surrogateescape")  # behind it, which version of the file
            holds.append(any(one.search(name) for one in self.paths))
        if self.regexes:
            holds.append(any(one.search(text) for one in self.regexes))
        if self.stopwords:
            folded = sighting.secret.lower()
            holds.append(any(word in folded for word in self.stopwords))
        if not holds or (self.needs_all and self.commits):
            return False
        return all(holds) if self.needs_all else any(holds)

    def allows_commit(self, fact: SecretFact) -> bool:
        """Whether a fact of a history is allowed for its commit alone."""
        is_its_rule = not self.rules or fact.rule in self.rules
        is_alone = not self.needs_all or not (self.paths or self.regexes or self.stopwords)
        return is_its_rule and is_alone and any(fact.commit.startswith(commit) for commit in self.commits if commit)
