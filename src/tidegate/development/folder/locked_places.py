# SPDX-License-Identifier: Apache-2.0
"""Where a lock file names a component, so that a finding has a line to look at."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from tidegate.bounds import MIB
from tidegate.inventory import Component

MAX_LOCK_BYTES: Final = 16 * MIB
_NEAR: Final = 4
"""Lines from a name within which its version stands."""
_WORD: Final = re.compile(r"[\w@.+~/!-]+")


def lines_of(components: Iterable[Component], read: Callable[[str], bytes]) -> Mapping[str, int]:
    """Lines, counted from 1, by `place_of`; a component whose line is not found is left out.

    Args:
        components: of a folder of sources.
        read: the bytes of a file by its location, b"" for one that cannot be read, or is over `MAX_LOCK_BYTES`.
    """
    by_file: dict[str, list[Component]] = {}
    for one in components:
        by_file.setdefault(one.location, []).append(one)
    found: dict[str, int] = {}
    for location, ones in by_file.items():
        lines = read(location).decode("utf-8", "replace").split("\n")
        words = _words(lines, {name for one in ones for name in _names(one)})
        for one in ones:
            if line := _line(one, words, lines):
                found[key_of(one.purl, location)] = line
    return found


def key_of(purl: str, location: str) -> str:
    """Tells a component of one file apart."""
    return f"{location}\n{purl}"


def _words(lines: list[str], wanted: set[str]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for number, line in enumerate(lines):
        for word in _WORD.findall(line[:2000]):
            for name in (word, word.rpartition("node_modules/")[2], word.strip("/@").rpartition("@")[0]):
                if name.lower() in wanted:
                    seen = places.setdefault(name.lower(), [])
                    if not seen or seen[-1] != number:
                        seen.append(number)
    return places


def _line(one: Component, words: Mapping[str, list[int]], lines: list[str]) -> int:
    for name in _names(one):
        for number in words.get(name, ()):
            if any(one.version in line[:2000] for line in lines[number : number + _NEAR]):
                return number + 1
    return 0


def _names(one: Component) -> tuple[str, ...]:
    short = one.name.rpartition(":")[2]
    return tuple(dict.fromkeys((one.name.lower(), short.lower(), one.name.lower().replace("-", "_"))))
