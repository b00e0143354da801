# SPDX-License-Identifier: Apache-2.0
"""The version a tag tells, and how far one tag is from another of its line.

Tags follow no standard. What is common is read: an optional prefix (`v`, `release-`), numbers, and a suffix that says
how it was built (`-alpine3.20`, `-slim-bookworm`, `-r5`). One line is: same prefix, as many numbers, and a suffix that
differs in its own numbers at most. So `1.25` never becomes `1.25.4`, nor `-alpine` a plain one.
"""

import re
from enum import StrEnum
from typing import Final

from tidegate.values import Struct

_TAG: Final = re.compile(
    r"(?P<prefix>[vV]|(?:[A-Za-z]+[-_])*)(?P<numbers>[0-9]{1,18}(?:\.[0-9]{1,18}){0,5})(?P<suffix>(?:[-_.+A-Za-z].*)?)"
)
_BEFORE_RELEASE: Final = re.compile(
    r"(?:^|[-_.+])(?:alpha|beta|rc|pre|preview|dev|snapshot|nightly|canary|unstable|edge|[ab](?=[0-9]))[-_.]?[0-9.]*(?=$|[-_.+])",
    re.IGNORECASE,
)
_NUMBERS: Final = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,18})*")
_DISTRIBUTION: Final = re.compile(
    r"(?:^|[-_.])(?:alpine|debian|ubuntu|ubi|el|rhel|fedora|rocky(?:linux)?|alma(?:linux)?|centos|amazonlinux|al|photon"
    r"|wolfi|sles|bci|leap|jammy|noble)-?$",
    re.IGNORECASE,
)
_UNSTABLE_MAJOR: Final = 0
_MAX_CHARS: Final = 128


class Step(StrEnum):
    """How far an update goes, the nearest first."""

    REBUILD = "rebuild"
    """The same tag means another image: built anew, upon a newer base most often."""
    PATCH = "patch"
    MINOR = "minor"
    MAJOR = "major"
    """The first number that is not zero changes: of `0.x`, the second."""
    MOVED = "moved"
    """The same tag means another image, and the tag tells no version: `latest`."""
    REPLACEMENT = "replacement"
    """The image is deprecated, and whoever did that named what is to be used instead."""


class TagVersion(Struct, frozen=True, kw_only=True):
    """What a tag tells.

    Attributes:
        shape: the suffix with its numbers taken out, each `#`.
        distribution: numbers of the suffix that belong to a distribution's name (`-alpine3.20`).
        revision: the other numbers of the suffix (`-r5`).
        is_early: released for trying out only.
    """

    prefix: str
    numbers: tuple[int, ...]
    shape: str
    distribution: tuple[tuple[int, ...], ...] = ()
    revision: tuple[tuple[int, ...], ...] = ()
    is_early: bool = False

    def is_of_line(self, other: "TagVersion") -> bool:
        """True when the two differ in numbers alone."""
        mine, its = (self.prefix, len(self.numbers), self.shape), (other.prefix, len(other.numbers), other.shape)
        return mine == its

    @property
    def order(self) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...], tuple[tuple[int, ...], ...]]:
        """Compares versions of one line."""
        return self.numbers, self.distribution, self.revision


def read_tag(tag: str) -> TagVersion | None:
    """The version of a tag; None when it tells none, such as `latest` or a commit's name."""
    found = _TAG.fullmatch(tag) if len(tag) <= _MAX_CHARS else None
    if found is None:
        return None
    suffix = found["suffix"]
    early = _BEFORE_RELEASE.search(suffix)
    if suffix and suffix[0].isalpha() and not (early and early.start() == 0):
        return None  # `1a2b3c4` is no version
    distribution: list[tuple[int, ...]] = []
    revision: list[tuple[int, ...]] = []
    for one in _NUMBERS.finditer(suffix):
        numbers = tuple(map(int, one[0].split(".")))
        (distribution if _DISTRIBUTION.search(suffix[: one.start()]) else revision).append(numbers)
    return TagVersion(
        prefix=found["prefix"],
        numbers=tuple(map(int, found["numbers"].split("."))),
        shape=_NUMBERS.sub("#", suffix),
        distribution=tuple(distribution),
        revision=tuple(revision),
        is_early=early is not None,
    )


def step_between(older: TagVersion, newer: TagVersion) -> Step | None:
    """How far it is from one version up to another of its line; None when that is not up, or another line."""
    if not older.is_of_line(newer) or newer.order <= older.order:
        return None
    if any(its < mine for mine, its in zip(older.distribution, newer.distribution, strict=True)):
        return None
    at = next((at for at, pair in enumerate(zip(older.numbers, newer.numbers, strict=True)) if pair[0] != pair[1]), -1)
    if at < 0:
        return Step.PATCH
    first_that_counts = next((at for at, one in enumerate(older.numbers) if one != _UNSTABLE_MAJOR), len(older.numbers))
    if at <= min(first_that_counts, 1):
        return Step.MAJOR
    return Step.MINOR if at == 1 else Step.PATCH
