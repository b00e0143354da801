# SPDX-License-Identifier: Apache-2.0
"""The beginnings of an expression: a hundred literals cost an automaton nothing, a hundred long repetitions do."""

import re
from typing import Final

MIN_CHARS: Final = 4
"""Shorter beginnings are found too often by chance."""

_MAX_CHARS: Final = 16
_MAX_CHOICES: Final = 24
_TOKEN: Final = re.compile(
    r"(?P<plain>[0-9A-Za-z_/:;=@~\"'!% <>&,#-])|\\(?P<escaped>[.$+*?|()\[\]{}/\\\"'-])|\[(?P<class>[0-9A-Za-z]{1,8})\]"
    r"|\(\?:(?P<choice>[0-9A-Za-z_:|-]+)\)"
)
_MAX_REPEAT: Final = 12
_REPEAT: Final = re.compile(r"\]\{(\d{1,4})(?:,\d{0,4})?\}")
_NO_STRUCTURE: Final = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]")
_REPEATS: Final = ("?", "*", "+", "{")
_COMMON: Final = frozenset(
    {
        "http",
        "https",
        "curl",
        "machine",
        "define(",
        "SECRET_KEY",
        "organizations/",
        "discord",
        "napi_",
        "nfo_",
        "api-",
        "pat.",
        "accesskey",
        "PrivateKey",
    }
)


def literal_beginnings(expression: str) -> tuple[str, ...]:
    """All literals one of which every match begins with; none when they are too short, too common or too many."""
    found = [""]
    place = 0
    while token := _TOKEN.match(expression, place):
        if expression[token.end() : token.end() + 1] in _REPEATS and token.end() < len(expression):
            break
        longer = [before + choice for before in found for choice in _choices(token)]
        if len(longer) > _MAX_CHOICES:
            break
        found, place = longer, token.end()
    found = [text[:_MAX_CHARS] for text in found]
    if min(map(len, found)) < MIN_CHARS or not _COMMON.isdisjoint(found):
        return ()
    return tuple(dict.fromkeys(found))


def shortened(expression: str) -> str:
    """An expression up to its first long repetition of a class: who matches the whole matches that.

    What an automaton has to count is what it is slow at, and what comes after so many characters hardly ever decides.
    """
    if _depths(expression)[1]:
        return expression
    for found in _REPEAT.finditer(expression):
        beginning = expression[: found.start() + 1]
        if int(found[1]) >= _MAX_REPEAT and not _depths(beginning)[0]:
            return f"{beginning}{{{_MAX_REPEAT}}}"
    return expression


def _depths(expression: str) -> tuple[int, bool]:
    """How many groups are open behind an expression, and whether it is a choice among several."""
    depth, is_choice = 0, False
    for char in _NO_STRUCTURE.sub("", expression):
        depth += (char == "(") - (char == ")")
        is_choice |= char == "|" and not depth
    return depth, is_choice


def _choices(token: re.Match[str]) -> tuple[str, ...]:
    if token["choice"]:
        return tuple(token["choice"].split("|"))
    if token["class"]:
        return tuple(token["class"])
    return (token["plain"] or token["escaped"],)
