# SPDX-License-Identifier: Apache-2.0
"""The words of an instruction, with quotes and the escape character as a builder reads them; never fails."""

from collections.abc import Mapping
from typing import Final

_QUOTES: Final = "'\""
_MAX_REPLACED: Final = 200
"""References that are replaced in one text; the rest stays as it is."""
_MAX_MADE_CHARS: Final = 8000
"""Text that values may make; one that would be longer stays as it is, as `A=$A$A` again and again would."""


def words_of(text: str, *, escape: str = "\\") -> list[str]:
    """Words without their quotes. A quote without its end runs to the end of the text."""
    return [_bare(word, escape) for word in _split(text, escape)]


def unquoted_words(text: str) -> list[str]:
    """Words with their quotes still on them, as the shell tells one from the next."""
    return _split(text, "\\")


def substituted(text: str, values: Mapping[str, str]) -> str:
    """Puts values into `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+other}`; what has none stays as it is."""
    made: list[str] = []
    at = put_in = 0
    for _ in range(_MAX_REPLACED):
        start = text.find("$", at)
        if start < 0:
            break
        value, end = _reference(text, start, values)
        put_in += len(value or "")
        if put_in > _MAX_MADE_CHARS:
            return text
        made += [text[at:start], text[start:end] if value is None else value]
        at = end
    return "".join(made) + text[at:]


def _reference(text: str, start: int, values: Mapping[str, str]) -> tuple[str | None, int]:
    """The value of the reference that begins at `start` (None to leave it), and where the text goes on."""
    if text.startswith("${", start):
        end = _closing(text, start + 2)
        if end < 0:
            return None, start + 1
        return _expanded(text[start + 2 : end], values), end + 1
    end = start + 1
    while end < len(text) and (text[end].isalnum() or text[end] == "_"):
        end += 1
    return values.get(text[start + 1 : end]), end


def _closing(text: str, at: int) -> int:
    depth = 1
    for place in range(at, min(len(text), at + 1000)):
        depth += (text[place] == "{" and text[place - 1] == "$") - (text[place] == "}")
        if depth == 0:
            return place
    return -1


def _expanded(inside: str, values: Mapping[str, str]) -> str | None:
    end = 0
    while end < len(inside) and (inside[end].isalnum() or inside[end] == "_"):
        end += 1
    name, rest = inside[:end], inside[end:]
    value = values.get(name)
    if rest.startswith((":-", "-")):
        return value or rest.lstrip(":").removeprefix("-")
    if rest.startswith((":+", "+")):
        return rest.lstrip(":").removeprefix("+") if value else ""
    return value if not rest or rest.startswith((":?", "?")) else None


def _split(text: str, escape: str) -> list[str]:
    words: list[str] = []
    start, quote, at = -1, "", 0
    while at < len(text):
        char = text[at]
        if not quote and char.isspace():
            if start >= 0:
                words.append(text[start:at])
            start, at = -1, at + 1
            continue
        start = at if start < 0 else start
        if char == escape and quote != "'":
            at += 2
            continue
        if quote:
            quote = "" if char == quote else quote
        elif char in _QUOTES:
            quote = char
        at += 1
    if start >= 0:
        words.append(text[start:])
    return words


def _bare(word: str, escape: str) -> str:
    if escape not in word and not any(quote in word for quote in _QUOTES):
        return word
    made: list[str] = []
    quote, at = "", 0
    while at < len(word):
        char = word[at]
        if char == escape and quote != "'" and at + 1 < len(word):
            # Inside double quotes only a quote, a dollar and itself lose their escape.
            keeps = quote and word[at + 1] not in {'"', "$", escape}
            made.append(word[at : at + 2] if keeps else word[at + 1])
            at += 2
            continue
        if quote and char == quote:
            quote = ""
        elif not quote and char in _QUOTES:
            quote = char
        else:
            made.append(char)
        at += 1
    return "".join(made)
