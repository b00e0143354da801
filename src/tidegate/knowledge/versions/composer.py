# SPDX-License-Identifier: Apache-2.0
"""The order of Composer packages: composer/semver's normal form, compared as PHP's `version_compare` does.

Four numbers (what begins with a date keeps as many as it has), then by rank: `dev`, `alpha`, `beta`, `RC`, the end, a
number, `patch`. A branch (`dev-main`) has no place; `1.x-dev` is the last of its line.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tidegate.inventory import Version
from tidegate.knowledge.versions.order import InvalidVersionError, checked, number

_MODIFIER: Final = r"[._-]?(?:(stable|beta|b|rc|alpha|a|patch|pl|p)((?:[.-]?[0-9]+(?:[.-][0-9]+)*)?))?([.-]?dev)?"
_CLASSICAL: Final = re.compile(rf"v?([0-9]{{1,5}}(?:\.[0-9]+){{0,3}}){_MODIFIER}")
_DATED: Final = re.compile(rf"v?([0-9]{{4,}}(?:[.:-][0-9]+)*){_MODIFIER}")
_LINE: Final = re.compile(r"v?([0-9]+)((?:\.(?:[0-9]+|[x*])){1,3})-dev")
_AFTERTHOUGHT: Final = re.compile(r" as .*|@(?:stable|rc|beta|alpha|dev)$|\+[^\s+]+$")
_TOKEN: Final = re.compile(r"[0-9]+|[a-z]+")
_RANKS: Final[Mapping[str, bytes]] = MappingProxyType(
    {
        "dev": b"\x01",
        "a": b"\x02",
        "alpha": b"\x02",
        "b": b"\x03",
        "beta": b"\x03",
        "rc": b"\x04",
        "p": b"\x07",
        "pl": b"\x07",
        "patch": b"\x07",
    }
)
_END, _NUMBER = b"\x05", b"\x06"
_NUMBERS: Final = 4
_LAST_OF_LINE: Final = "9999999"


class ComposerOrder:
    """Orders versions as composer/semver's `Comparator` does."""

    name: Final = "composer"

    def key(self, version: Version) -> bytes:
        """See `VersionOrder.key`."""
        text = _AFTERTHOUGHT.sub("", checked(self.name, version)).strip().lower()
        if form := _CLASSICAL.fullmatch(text):
            numbers = form[1].split(".")
            numbers += ["0"] * (_NUMBERS - len(numbers))
        elif form := _DATED.fullmatch(text):
            numbers = re.findall(r"[0-9]+", form[1])
        elif line := _LINE.fullmatch(text):
            numbers = [_LAST_OF_LINE if part in "x*" else part for part in f"{line[1]}{line[2]}".split(".")]
            return _coded([*numbers, *[_LAST_OF_LINE] * (_NUMBERS - len(numbers)), "dev"])
        else:
            raise InvalidVersionError(self.name, version, "a branch, or not of the form 1.2.3.4[-beta1][-dev]")
        if form[2] == "stable":  # composer forgets a `-dev` behind it
            return _coded(numbers)
        stability = [form[2], *_TOKEN.findall(form[3])] if form[2] else []
        return _coded([*numbers, *stability, *(["dev"] if form[4] else [])])


def _coded(tokens: list[str]) -> bytes:
    out = [_RANKS[token] if token in _RANKS else _NUMBER + number(token) for token in tokens]
    return b"".join(out) + _END
