# SPDX-License-Identifier: Apache-2.0
"""Takes secrets out of environments and command lines, so that a capture can be shown to those who work on it.

A value is replaced by its length and a keyed hash. The key is forgotten with the capture: equal values can be told from
others within it, and nothing can be guessed by trying.
"""

import hmac
import os
import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Final

from tidegate.checks.secret_name import is_secret_name, looks_empty

_HARMLESS: Final = re.compile(
    r"PATH|HOME|LANG|LC_\w+|HOSTNAME|PWD|OLDPWD|TERM|SHLVL|USER|LOGNAME|SHELL|TZ|_|container|KUBERNETES_\w+"
    r"|\w+_(?:PORT|SERVICE_HOST)"
)
_PLAIN_VALUE: Final = re.compile(r"[0-9]{1,6}|[a-z]{1,12}", re.IGNORECASE)
_ASSIGNED: Final = re.compile(r"(-{0,2}[A-Za-z][\w.-]*)([=:])(.+)", re.DOTALL)
_WITHIN: Final = re.compile(r"([A-Za-z][\w.-]{0,100})([\"']?\s?[=:]\s?(?:Bearer |Basic )?[\"']?)([^\s\"';&|]{3,})")
_SECRET_HEADERS: Final = frozenset({"authorization", "cookie", "x-api-key"})
_USER_FLAGS: Final = frozenset({"-u", "--user"})
"""Flags of programs that take a user with a password, `name:secret`."""
_USER_IN_URL: Final = re.compile(r"(?<=://)[^/@\s]+(?=@)")


class Redaction:
    """Replaces secrets of one capture."""

    def __init__(self) -> None:
        self._key = os.urandom(32)

    def environment(self, pairs: Iterator[tuple[str, str]]) -> dict[str, str]:
        """Values are kept when the name says they are harmless, or when they can hardly be a secret."""
        return {name: self._of_variable(name, value) for name, value in pairs}

    def command(self, words: Sequence[str]) -> tuple[str, ...]:
        """Words with the values of secret flags and users of URLs replaced."""
        made: list[str] = []
        before = ""
        for word in words:
            made.append(self._word(word, before))
            before = word
        return tuple(made)

    def _word(self, word: str, before: str) -> str:
        is_value = not word.startswith("-") and before.startswith("-") and "=" not in before
        if is_value and _is_secret(before.lstrip("-")):
            return self._hidden(word)
        if is_value and before in _USER_FLAGS and ":" in word:
            return f"{word.partition(':')[0]}:{self._hidden(word.partition(':')[2])}"
        found = _ASSIGNED.fullmatch(word)
        if found and _is_secret(found[1].lstrip("-")):
            return f"{found[1]}{found[2]}{self._hidden(found[3])}"
        return _WITHIN.sub(self._within, _USER_IN_URL.sub(lambda match: self._hidden(match[0]), word))

    def _within(self, found: "re.Match[str]") -> str:
        """An assignment in the midst of a word, as scripts given to a shell have them."""
        return f"{found[1]}{found[2]}{self._hidden(found[3])}" if _is_secret(found[1]) else found[0]

    def _of_variable(self, name: str, value: str) -> str:
        if looks_empty(value) or (_HARMLESS.fullmatch(name) and not is_secret_name(name)):
            return value
        if _PLAIN_VALUE.fullmatch(value) and not is_secret_name(name):
            return value
        return self._hidden(value)

    def _hidden(self, value: str) -> str:
        mark = hmac.new(self._key, value.encode("utf-8", "surrogateescape"), sha256).hexdigest()[:8]
        return f"[{len(value)} characters, {mark}]"


def _is_secret(name: str) -> bool:
    return is_secret_name(name) or name.lower() in _SECRET_HEADERS
