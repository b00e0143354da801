# SPDX-License-Identifier: Apache-2.0
"""The order of Maven artifacts (Maven's POM reference, "Version Order Specification"), as `ComparableVersion` compares.

A version is a list of numbers and words; `-`, and every change between digit and letter, opens a list in the list. A
list that ends is compared with what goes on in the other as with zeros, so a part's rank depends on what follows it:
`1.0.rc1` is before `1`, `1.0.1` after it. At one place the ranks are: words before a release, lists that come out
before one, zeros followed by such, the end, words after a release (`sp`, then all that are not known, by letter),
lists that come out after one, numbers.

`ComparableVersion` itself is no order: Maven 3.8.1 says `1.1.0.Beta1 < 1.1.0 < 1.1.0-01 < 1.1.0.Beta1`. Where it runs
in such a circle (a word between dots in one version, a list at its place in the other), the ranks above decide. Maven
3.9 began to read `.word` like `-word`, Maven 4 to read `word1` as one; versions here are compared as before that.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tidegate.inventory import Version
from tidegate.knowledge.versions.order import checked, number

_BEFORE, _LIST_BEFORE, _ZERO_BEFORE, _END, _AFTER, _LIST_AFTER, _NUMBER = (bytes((rank,)) for rank in range(1, 8))
_RELEASE: Final = 5
_WORDS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "alpha": 0,
        "beta": 1,
        "milestone": 2,
        "rc": 3,
        "cr": 3,
        "snapshot": 4,
        "": _RELEASE,
        "ga": _RELEASE,
        "final": _RELEASE,
        "release": _RELEASE,
        "sp": 6,
    }
)
_UNKNOWN: Final = 7
_SHORT: Final[Mapping[str, str]] = MappingProxyType({"a": "alpha", "b": "beta", "m": "milestone"})
_TOKEN: Final = re.compile(r"[0-9]+|[^0-9.-]+|[.-]")
_MAX_DEPTH: Final = 200
"""Lists in lists; what lies deeper is compared as if it stood on this level."""

_DIGITS: Final = "\x00"
"""Stands before a number's digits: no version holds this character."""

_Item = str | list["_Item"]
"""A number as its digits without leading zeros ("" is zero) after `_DIGITS`, a word, or a list."""


class MavenOrder:
    """Orders versions as Maven's `ComparableVersion` does."""

    name: Final = "maven"

    def key(self, version: Version) -> bytes:
        """See `VersionOrder.key`."""
        key, _ = _coded(_parsed(checked(self.name, version).lower()))
        return key


def _parsed(text: str) -> list[_Item]:
    whole: list[_Item] = []
    stack = [whole]
    at_start = True  # of a part: nothing was read since the last separator
    for piece in _TOKEN.findall(text):
        if piece in {".", "-"}:
            if at_start:
                stack[-1].append(_DIGITS)
            if piece == "-":
                _open(stack)
            at_start = True
            continue
        is_digits = "0" <= piece[0] <= "9"
        if not at_start:  # the other kind follows without a separator
            if is_digits and isinstance(stack[-1][-1], str):
                stack[-1][-1] = _SHORT.get(stack[-1][-1], stack[-1][-1])
            _open(stack)
        stack[-1].append(_DIGITS + piece.lstrip("0") if is_digits else piece)
        at_start = False
    for items in reversed(stack):
        _trim(items)
        if items is not whole and len(items) == 1 and isinstance(items[0], list):
            items[:] = items[0]
    return whole


def _open(stack: list[list[_Item]]) -> None:
    if len(stack) < _MAX_DEPTH:
        inner: list[_Item] = []
        stack[-1].append(inner)
        stack.append(inner)


def _trim(items: list[_Item]) -> None:
    for index in range(len(items) - 1, -1, -1):
        if _is_nothing(items[index]):
            del items[index]
        elif not isinstance(items[index], list):
            break


def _is_nothing(item: _Item) -> bool:
    if isinstance(item, list):
        return not item
    return item == _DIGITS or _WORDS.get(item) == _RELEASE


def _coded(items: list[_Item]) -> tuple[bytes, int]:
    """A list's bytes and how it compares with nothing: -1, 0, 1."""
    out: list[bytes] = [_END]
    rest = 0
    for item in reversed(items):
        if isinstance(item, list):
            inner, sign = _coded(item)
            rest = sign or rest
            out.append((_LIST_BEFORE if rest < 0 else _LIST_AFTER) + inner)
        elif item[0] == _DIGITS:
            rest = 1 if len(item) > 1 else rest
            out.append(_ZERO_BEFORE if rest < 0 else _NUMBER + number(item[1:]))
        else:
            rank = _WORDS.get(item, _UNKNOWN)
            rest = (rank > _RELEASE) - (rank < _RELEASE) or rest
            word = item.encode("utf-8") + b"\x00" if rank == _UNKNOWN else b""
            out.append((_BEFORE if rest < 0 else _AFTER) + bytes((rank,)) + word)
        if rest == 0:
            out = [_END]
    return b"".join(reversed(out)), rest
