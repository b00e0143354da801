# SPDX-License-Identifier: Apache-2.0
"""Shell text as its single commands (POSIX.1-2024 shell grammar, as far as separators and quotes go)."""

import re
from typing import Final

MAX_COMMANDS: Final = 500
"""Commands of one text; the rest is left in the last of them."""

_SEPARATORS: Final = ("&&", "||", ";", "|", "&", "\n")
_CASE_PATTERN: Final = re.compile(r"(?:\bin|;;)\s{0,200}\(?[^()\n;]{0,200}\)")
"""Patterns of `case`: the | between them is no pipe."""
_RUNS_ANOTHER: Final = ("sudo", "env", "nohup", "nice", "command")
_OPENERS: Final = ("(", "{", "!", "if", "then", "else", "elif", "do", "while", "until", "time", "exec")


def commands_of(text: str) -> list[str]:
    """The simple commands of a shell text, in order, with single spaces and without what opens a group."""
    found: list[str] = []
    current: list[str] = []
    quote, at = "", 0
    while at < len(text):
        char = text[at]
        if char == "\\" and quote != "'" and at + 1 < len(text):
            current.append(text[at : at + 2] if text[at + 1] != "\n" else " ")
            at += 2
            continue
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"`":
            quote = char
        elif len(found) < MAX_COMMANDS and (separator := _separator(text, at)):
            found.append("".join(current))
            current = []
            at += len(separator)
            continue
        current.append(char)
        at += 1
    found.append("".join(current))
    plain = [command for one in found if (command := _plain(one))]
    return [told for command in plain for told in _with_what_it_runs(command)]


def has_pipe(text: str) -> bool:
    """True when the output of one command goes into another."""
    bare = text.replace("||", "  ")
    if "case " in bare:
        bare = _CASE_PATTERN.sub(" in ", bare)
    quote = ""
    for at, char in enumerate(bare):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == "|" and bare[at - 1 : at] not in {">", "\\"}:
            return True
    return False


def _separator(text: str, at: int) -> str:
    if text[at] == "&" and (text[at - 1 : at] == ">" or text[at + 1 : at + 2] == ">"):
        return ""  # a redirection: 2>&1, &>file
    return next((one for one in _SEPARATORS if text.startswith(one, at)), "")


def _plain(command: str) -> str:
    words = command.split()
    at = 0
    while at < len(words) and (words[at] in _OPENERS or _is_assignment(words[at])):
        if "=$(" in words[at] and not words[at].endswith(")"):  # NAME=$(command …)
            words[at] = words[at].partition("=$(")[2]
            break
        at += 1
    del words[:at]
    if words and words[0].startswith("("):
        words[0] = words[0].lstrip("(")
    if words and words[0].startswith("/"):
        words[0] = words[0].rpartition("/")[2]
    return " ".join(words)


def _is_assignment(word: str) -> bool:
    name, equals, _ = word.partition("=")
    return bool(equals) and name.isidentifier()


def _with_what_it_runs(command: str) -> tuple[str, ...]:
    """A command, and the one that `sudo` or its like is told to run."""
    words = command.split()
    if not words or words[0] not in _RUNS_ANOTHER:
        return (command,)
    at = 1
    while at < len(words) and (words[at].startswith("-") or _is_assignment(words[at])):
        at += 2 if words[at] in {"-u", "-g", "-n"} else 1
    return (command, " ".join(words[at:])) if at < len(words) else (command,)
