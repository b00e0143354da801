# SPDX-License-Identifier: Apache-2.0
"""Which repositories and tags a rule speaks of: globs with exceptions, and two words for versions.

`*` is anything within one part of a name, `**` anything, `?` one character. For tags `@semver` is any semantic version
(`1`, `v1.2` and `1.2.3-rc1` too, as tags are written), `@release` one without a pre-release part.
"""

import re
from collections.abc import Iterable
from typing import Final, Self

from tidegate.errors import InvalidInputError
from tidegate.inventory import Version
from tidegate.knowledge.versions.semver import SemverOrder
from tidegate.values import Struct

SEMVER: Final = "@semver"
RELEASE: Final = "@release"
MAX_PATTERN_CHARS: Final = 300

# A tag cannot hold the `+` of build metadata; Helm and others write `_` for it.
_VERSION: Final = re.compile(
    r"v?(?P<numbers>(?:0|[1-9][0-9]{0,17})(?:\.(?:0|[1-9][0-9]{0,17})){0,2})"
    r"(?:-(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:_[0-9A-Za-z.-]+)?"
)
# The `sha256-<hex>` of OCI distribution-spec 1.1 ("referrers tag schema"), and cosign's with an ending.
_FALLBACK: Final = re.compile(r"(sha256-[0-9a-f]{64}|sha512-[0-9a-f]{128})(?:\.[a-z]{1,16})?")
_ALLOWED: Final = re.compile(r"[A-Za-z0-9_.*?/-]+")
_PARTS: Final = re.compile(r"\*\*|.")
_ORDER: Final = SemverOrder()


class Patterns(Struct, frozen=True):
    """Names that some pattern matches and none of the exceptions does; nothing without a pattern."""

    wanted: tuple[str, ...]
    excepted: tuple[str, ...] = ()

    @classmethod
    def of(cls, wanted: Iterable[str], excepted: Iterable[str] = ()) -> Self:
        """Checks the patterns.

        Raises:
            InvalidInputError: one of them is none.
        """
        return cls(tuple(map(check_pattern, wanted)), tuple(map(check_pattern, excepted)))

    def match(self, name: str) -> bool:
        """True when they speak of this repository, or of this tag."""
        return any(_matches(one, name) for one in self.wanted) and not any(_matches(one, name) for one in self.excepted)


def check_pattern(pattern: str) -> str:
    """Makes sure of a pattern.

    Raises:
        InvalidInputError: it is none.
    """
    if pattern not in {SEMVER, RELEASE} and (len(pattern) > MAX_PATTERN_CHARS or not _ALLOWED.fullmatch(pattern)):
        raise InvalidInputError(
            f"not a pattern: {pattern[:80]!r}", remedy=f"write a name with * or ?, or for tags {SEMVER} or {RELEASE}"
        )
    return pattern


def version_key(tag: str) -> bytes | None:
    """A key whose byte order is the precedence of semantic versions; None for a tag that is no version."""
    found = _VERSION.fullmatch(tag)
    if found is None:
        return None
    return _ORDER.key(Version(found["numbers"] + (f"-{found['pre']}" if found["pre"] else "")))


def subject_of_fallback(tag: str) -> str:
    """The digest of what such a tag keeps evidence of; "" for any other tag.

    Clients without referrers keep evidence under these tags, and write them anew with each piece of it.
    """
    found = _FALLBACK.fullmatch(tag)
    return found[1].replace("-", ":") if found else ""


def _matches(pattern: str, name: str) -> bool:
    if pattern in {SEMVER, RELEASE}:
        found = _VERSION.fullmatch(name)
        return found is not None and (pattern == SEMVER or not found["pre"])
    if not any(mark in pattern for mark in "*?"):
        return pattern == name
    return _glob(_PARTS.findall(pattern), name)


def _glob(parts: list[str], name: str) -> bool:
    """All places in the pattern that are reached after each character: time is bounded by the product of lengths."""
    reached = _past_stars(parts, {0})
    for char in name:
        after = set()
        for at in reached:
            part = parts[at] if at < len(parts) else ""
            if part == "**" or (part == "*" and char != "/"):
                after.add(at)
            elif part == char or (part == "?" and char != "/"):
                after.add(at + 1)
        reached = _past_stars(parts, after)
    return len(parts) in reached


def _past_stars(parts: list[str], reached: set[int]) -> set[int]:
    found, waiting = set(reached), list(reached)
    while waiting:
        at = waiting.pop()
        if at < len(parts) and parts[at] in {"*", "**"} and at + 1 not in found:
            found.add(at + 1)
            waiting.append(at + 1)
    return found
