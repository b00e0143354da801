# SPDX-License-Identifier: Apache-2.0
"""Exceptions to rules: who owns the risk, why, who approved it, and until when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fnmatch import fnmatchcase

from tidegate.artifact import Digest
from tidegate.identity.duties import Separation, are_apart
from tidegate.policy.context import Context
from tidegate.policy.item import Item


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyException:
    """Silences one rule for some items, for a while.

    Attributes:
        items: ids, aliases, paths or fingerprints, with `*`; none matches any item.
        packages: package URLs or names with `*`; none matches any.
        repositories: repository names with `*`; none matches any.
        granted: the first day it holds; `expires` is the last (UTC).
    """

    name: str
    rule: str
    items: tuple[str, ...]
    packages: tuple[str, ...]
    repositories: tuple[str, ...]
    owner: str
    approver: str
    reason: str
    granted: date
    expires: date

    @property
    def ends_at(self) -> datetime:
        """The first moment it no longer holds."""
        return datetime.combine(self.expires + timedelta(days=1), time(), tzinfo=UTC)

    def holds(self, at: datetime) -> bool:
        """True from the day it was granted to the end of the day it expires."""
        return datetime.combine(self.granted, time(), tzinfo=UTC) <= at < self.ends_at

    def may_serve(self, context: Context) -> bool:
        """False when anybody who pushed the image approved it, or its owner did (segregation of duties)."""
        return are_apart(Separation.EXCEPTED, self.approver, (context.pushed_by, *context.pushers, self.owner))

    def covers(self, rule: str, item: Item, context: Context) -> bool:
        """True when it is about this rule, item and repository."""
        return (
            rule == self.rule
            and (not self.items or any(_matches(self.items, name) for name in item.names))
            and (
                not self.packages or (any(_matches(self.packages, name) for name in (item.purl, item.package) if name))
            )
            and (not self.repositories or all(_matches(self.repositories, name) for name in _places(context)))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionSet:
    """A document of exceptions."""

    name: str
    digest: Digest
    exceptions: tuple[PolicyException, ...]


def same_person(name: str) -> str:
    """A principal's name as it is compared: case and surrounding space do not make another person."""
    return name.strip().casefold()


def _places(context: Context) -> tuple[str, ...]:
    """Every repository a verdict will hold in: the state is the digest's, wherever it lies."""
    return context.repositories or (context.repository,)


def _matches(patterns: Sequence[str], text: str) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)


def applying(
    sets: Sequence[ExceptionSet], rule: str, item: Item, context: Context, at: datetime
) -> tuple[PolicyException | None, str]:
    """The first exception that silences an objection; without one, a remark on why the last that covers it does not."""
    remark = ""
    for one in (exception for found in sets for exception in found.exceptions):
        if not one.covers(rule, item, context):
            continue
        if not one.holds(at):
            remark = f" (exception {one.name} holds from {one.granted} to {one.expires})"
        elif not one.may_serve(context):
            remark = f" (exception {one.name} was approved by who pushed the image)"
        else:
            return one, ""
    return None, remark


def expired_exceptions(policy_sets: Sequence[ExceptionSet], at: datetime) -> tuple[PolicyException, ...]:
    """The exceptions whose last day is past."""
    return tuple(one for found in policy_sets for one in found.exceptions if one.ends_at <= at)
