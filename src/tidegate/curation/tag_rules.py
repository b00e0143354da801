# SPDX-License-Identifier: Apache-2.0
"""Which tags may not be moved once they are set, by rule. What a rule says, and nothing that acts."""

from typing import Final, Protocol

from tidegate.artifact import Repository, Tag
from tidegate.curation.keeping.name_pattern import Patterns, subject_of_fallback
from tidegate.errors import RefusedError
from tidegate.values import Struct


class TagRule(Struct, frozen=True, kw_only=True):
    """Tags of some repositories that are immutable.

    Attributes:
        name: of the rule, for those who are refused.
    """

    name: str
    repositories: Patterns
    tags: Patterns


class ImmutableTags(Protocol):
    """Which tags may not be moved, now: rules that never change, or those in force at the moment of the question."""

    def find(self, repository: Repository, tag: Tag) -> str:
        """The name of the first rule that makes a tag immutable; "" when none does."""
        ...


class TagRules(Struct, frozen=True):
    """All rules in force; without one every tag may be moved."""

    rules: tuple[TagRule, ...] = ()

    def find(self, repository: Repository, tag: Tag) -> str:
        """The name of the first rule that makes a tag immutable; "" when none does.

        Tags that clients keep evidence under (`sha256-…`) are never held: they are written anew with each signature.
        """
        if subject_of_fallback(tag):
            return ""
        return next(
            (rule.name for rule in self.rules if rule.repositories.match(repository) and rule.tags.match(tag)), ""
        )


NO_TAG_RULES: Final = TagRules()


class TagImmutableError(RefusedError):
    """A tag may not be moved or removed, nor the manifest it points to.

    Args:
        act: what was tried: `move` or `remove`.
        held_by: `rule NAME` or `freeze by WHO`.
    """

    def __init__(self, repository: Repository, tag: Tag, *, act: str, held_by: str) -> None:
        super().__init__(
            f"this tag is immutable ({held_by}): it cannot be {act}d",
            where=f"{repository}:{tag}",
            remedy=f"use another tag, or record a reason first: tidegate tag override {repository}:{tag} --why …",
        )
        self.repository = repository
        self.tag = tag
        self.held_by = held_by
