# SPDX-License-Identifier: Apache-2.0
"""What is kept how long, by rule: values and judgement, and nothing that acts.

The unit is a tag of a repository, or a manifest there that has none. A rule picks some and states conditions, all of
which must hold. What some delete rule picks goes, unless a keep rule picks it too.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from tidegate.artifact import Digest, Repository, Tag
from tidegate.curation.keeping.name_pattern import Patterns, version_key
from tidegate.curation.lifecycle import State
from tidegate.evidence import Severity
from tidegate.values import Struct


class By(StrEnum):
    """What makes one newer than another."""

    TIME = "time"
    SEMVER = "semver"


class Item(Struct, frozen=True, kw_only=True):
    """One tag, or one manifest without a tag, of a repository.

    Attributes:
        tag: None for a manifest without one.
        since: when the tag was pointed here; for a manifest without one, since when it has none.
        pulled_at: the last pull of the digest from this repository; when it was pushed, when there was none.
    """

    repository: Repository
    digest: Digest
    tag: Tag | None
    since: datetime
    pulled_at: datetime
    state: State


class RetentionRule(Struct, frozen=True, kw_only=True):
    """One rule; of conditions, None is one that is not asked.

    Attributes:
        untagged: it speaks of manifests without a tag.
        older_than: since the push.
        not_pulled_for: since the last pull, or the push when there was none.
        states: in one of these.
        severity: the worst finding of the newest scan is at least this.
        newest: to delete, it is none of so many newest that the rule speaks of; to keep, it is one of them.
        by: what newest means; by `semver` only tags that are versions are spoken of.
    """

    name: str
    repositories: Patterns
    tags: Patterns | None = None
    untagged: bool = False
    older_than: timedelta | None = None
    not_pulled_for: timedelta | None = None
    states: tuple[State, ...] = ()
    severity: Severity | None = None
    newest: int | None = None
    by: By = By.TIME

    @property
    def has_condition(self) -> bool:
        """False for a rule that picks all it speaks of."""
        asked = (self.older_than, self.not_pulled_for, self.severity, self.newest)
        return bool(self.states) or any(one is not None for one in asked)

    def speaks_of(self, item: Item) -> bool:
        """True when the item is of the kind the rule is about."""
        if item.tag is None:
            return self.untagged and self.by is By.TIME
        named = self.tags is not None and self.tags.match(item.tag)
        return named and (self.by is By.TIME or version_key(item.tag) is not None)


class RetentionRules(Struct, frozen=True, kw_only=True):
    """All rules in force; without one everything is kept."""

    delete: tuple[RetentionRule, ...] = ()
    keep: tuple[RetentionRule, ...] = ()


class Picked(Struct, frozen=True, kw_only=True):
    """An item some rule picked, and why, in words."""

    item: Item
    rule: str
    why: str


NO_RETENTION: Final = RetentionRules()
Worst = Callable[[Digest], Severity | None]
"""The worst severity found in a digest by its newest scan; None when it was not scanned."""


def judge(
    items: Sequence[Item], rules: RetentionRules, *, at: datetime, worst: Worst
) -> tuple[list[Picked], list[Picked]]:
    """Judges the items of one repository.

    Returns:
        What is to go by the rules, and what a keep rule keeps although a delete rule picked it.
    """
    going: dict[Item, Picked] = {}
    for rule in rules.delete:
        for picked in _pick(rule, items, keep=False, at=at, worst=worst):
            going.setdefault(picked.item, picked)
    kept: list[Picked] = []
    for rule in rules.keep:
        # The newest are counted among all; without a count only what would go is worth a look.
        asked = items if rule.newest is not None else list(going)
        found = list(_pick(rule, asked, keep=True, at=at, worst=worst))
        kept += [one for one in found if going.pop(one.item, None) is not None]
    return list(going.values()), kept


def _pick(rule: RetentionRule, items: Iterable[Item], *, keep: bool, at: datetime, worst: Worst) -> Iterable[Picked]:
    spoken_of = [item for item in items if rule.repositories.match(item.repository) and rule.speaks_of(item)]
    if rule.newest is not None:
        # Equal moments are told apart by name, so that the same question has the same answer.
        spoken_of.sort(key=lambda item: (_age_key(rule, item), item.since, item.tag or "", item.digest), reverse=True)
        spoken_of = spoken_of[: rule.newest] if keep else spoken_of[rule.newest :]
    for item in spoken_of:
        reasons = _reasons(rule, item, keep=keep, at=at, worst=worst)
        if reasons is not None:
            yield Picked(item=item, rule=rule.name, why="; ".join(reasons) or "it is named")


def _age_key(rule: RetentionRule, item: Item) -> bytes:
    return (version_key(item.tag) or b"") if rule.by is By.SEMVER and item.tag else b""


def _reasons(rule: RetentionRule, item: Item, *, keep: bool, at: datetime, worst: Worst) -> list[str] | None:
    """Each condition that holds, in words; None when one does not. What costs most is asked last."""
    said: list[str] = []
    if rule.newest is not None:
        said.append(f"{'among' if keep else 'not among'} the {rule.newest} newest by {rule.by}")
    if rule.older_than is not None:
        if at - item.since <= rule.older_than:
            return None
        said.append(
            f"pushed {_days(at - item.since)} ago" if item.tag else f"without a tag for {_days(at - item.since)}"
        )
    if rule.not_pulled_for is not None:
        if at - item.pulled_at <= rule.not_pulled_for:
            return None
        said.append(f"not pulled for {_days(at - item.pulled_at)}")
    if rule.states:
        if item.state not in rule.states:
            return None
        said.append(f"is {item.state}")
    if rule.severity is not None:
        found = worst(item.digest)
        if found is None or found.rank < rule.severity.rank:
            return None
        said.append(f"has a finding that is {found}")
    return said


def _days(span: timedelta) -> str:
    return f"{span.days} days" if span.days else f"{int(span.total_seconds()) // 60} minutes"
