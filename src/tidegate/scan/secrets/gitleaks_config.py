# SPDX-License-Identifier: Apache-2.0
"""Reads `.gitleaks.toml` as it is: rules of one's own, allow-lists, and which rules are switched off.

Rules given here are added to those of the house, whether the file extends gitleaks' own or not. What cannot be read is
told, never dropped. The expressions come from whoever wrote the file, so of one that nobody named only what cannot run
for ever is taken: its allow-lists and what it switches off.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from tidegate.bounds import KIB, MIB
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.inventory import Outcome, OutcomeStatus
from tidegate.manifests.toml_document import read_toml
from tidegate.scan.secrets.allowlist import Allowlist, Searched
from tidegate.scan.secrets.database import expression_fits
from tidegate.scan.secrets.go_regex import python_regex
from tidegate.scan.secrets.linear_pattern import LinearPattern
from tidegate.scan.secrets.rule import Buffer, Rule, Sighting
from tidegate.scan.secrets.token import entropy
from tidegate.values import Struct

MAX_CONFIG_BYTES: Final = 4 * MIB
MAX_RULES: Final = 1_000
MAX_EXPRESSIONS: Final = 2_000
"""Of all allow-lists; those beyond are told as unread."""
READER: Final = "gitleaks-config"
"""The plug-in named in outcomes of what could not be read."""

_WINDOW_BEFORE: Final = 512
_WINDOW_AFTER: Final = 4 * KIB
_MIN_KEYWORD: Final = 3


class GitleaksConfig(Struct, frozen=True, kw_only=True):
    """What a file asks for.

    Attributes:
        disabled: ids of rules that are switched off.
        unread: what could not be taken as it stands.
    """

    rules: tuple[Rule, ...] = ()
    allowlists: tuple[Allowlist, ...] = ()
    disabled: frozenset[str] = frozenset()
    unread: tuple[Outcome, ...] = ()

    def applied_to(self, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        """The house's rules without those switched off, and the file's own behind them; equal ids stay the house's."""
        kept = tuple(rule for rule in rules if self.disabled.isdisjoint({rule.id, *rule.also_known_as}))
        taken = {rule.id for rule in kept}
        return (*kept, *(rule for rule in self.rules if rule.id not in taken))


def read_gitleaks_config(raw: bytes, *, where: str = ".gitleaks.toml", is_trusted: bool = True) -> GitleaksConfig:
    """Reads a configuration of gitleaks 8.

    Args:
        raw: the file.
        where: its name.
        is_trusted: somebody named it; False takes its expressions by the automaton alone, and no rules.

    Raises:
        BoundExceededError: over `MAX_CONFIG_BYTES` or `MAX_RULES`.
        InvalidInputError: it is no TOML.
    """
    if len(raw) > MAX_CONFIG_BYTES:
        raise BoundExceededError("MAX_CONFIG_BYTES", MAX_CONFIG_BYTES, where=where)
    return _Reading(where, is_trusted=is_trusted).taken(read_toml(raw, where=where))


class _Reading:
    def __init__(self, where: str, *, is_trusted: bool) -> None:
        self._where = where
        self._is_trusted = is_trusted
        self._expressions = 0
        self._unread: list[Outcome] = []

    def taken(self, document: dict[str, Any]) -> GitleaksConfig:
        extend = _table(document.get("extend"))
        if extend.get("path") or extend.get("url"):
            self._tell("extend", "another file is not followed; name it, too")
        entries = _tables(document.get("rules"))
        if len(entries) > MAX_RULES:
            raise BoundExceededError("MAX_RULES", MAX_RULES, where=self._where)
        rules = [rule for entry in entries if (rule := self._rule(entry)) is not None] if self._is_trusted else []
        if not self._is_trusted and any("regex" in entry for entry in entries):
            self._tell("rules", "those of one's own are taken from a file that is named (--gitleaks-config) only")
        lists = list(self._allowlists(document, "", ()))
        for entry in entries:
            name = str(entry.get("id", ""))
            lists += self._allowlists(entry, f"rule {name}: ", (name,))
        return GitleaksConfig(
            rules=tuple(rules),
            allowlists=tuple(lists),
            disabled=frozenset(_strings(extend.get("disabledRules"))),
            unread=tuple(self._unread),
        )

    def _rule(self, entry: dict[str, Any]) -> Rule | None:
        name, expression = str(entry.get("id", "")), entry.get("regex")
        if not name or not isinstance(expression, str):
            if entry.get("path"):
                self._tell(f"rule {name}", "a rule on the path alone is not taken")
            return None
        try:
            token = python_regex(expression)
            path = python_regex(entry["path"]) if isinstance(entry.get("path"), str) else None
        except InvalidInputError as error:
            self._tell(f"rule {name}", error.what)
            return None
        if path is not None:
            self._tell(f"rule {name}", "its path is not looked at; it holds for all files")
        keywords = tuple(word.lower() for word in _strings(entry.get("keywords")) if len(word) >= _MIN_KEYWORD)
        if not keywords and (trouble := expression_fits(expression)):
            self._tell(f"rule {name}", f"without keywords its expression has to fit the automaton: {trouble}")
            return None
        return _made(name, entry, token, expression, keywords)

    def _allowlists(self, table: dict[str, Any], of: str, rules: tuple[str, ...]) -> Iterator[Allowlist]:
        found = _tables(table.get("allowlists")) + ([_table(table["allowlist"])] if "allowlist" in table else [])
        for number, entry in enumerate(found, 1):
            name = f"{self._where}: {of}allowlist {number}"
            try:
                yield Allowlist(
                    name=name,
                    rules=frozenset(rules or _strings(entry.get("targetRules"))),
                    paths=tuple(map(self._searched, _strings(entry.get("paths")))),
                    regexes=tuple(map(self._searched, _strings(entry.get("regexes")))),
                    stopwords=tuple(word.lower().encode() for word in _strings(entry.get("stopwords"))),
                    commits=frozenset(_strings(entry.get("commits"))),
                    target=str(entry.get("regexTarget") or "secret"),
                    needs_all=str(entry.get("condition", "")).upper() in {"AND", "&&"},
                )
            except InvalidInputError as error:
                self._tell(f"{of}allowlist {number}", error.what)

    def _searched(self, expression: str) -> Searched:
        self._expressions += 1
        if self._expressions > MAX_EXPRESSIONS:
            raise InvalidInputError(f"more than {MAX_EXPRESSIONS} expressions")
        return python_regex(expression) if self._is_trusted else LinearPattern(expression)

    def _tell(self, what: str, reason: str) -> None:
        status = OutcomeStatus.PARTIAL
        self._unread.append(
            Outcome(plugin=READER, status=status, location=self._where, reason=f"{what.strip(': ')}: {reason}")
        )


def _made(
    name: str, entry: dict[str, Any], token: re.Pattern[bytes], expression: str, keywords: tuple[str, ...]
) -> Rule:
    group = entry.get("secretGroup")
    number = group if isinstance(group, int) and 0 <= group <= token.groups else 0
    floor = entry.get("entropy")

    def confirm(rule: Rule, content: Buffer, start: int) -> Sighting | None:
        begin = max(0, start - _WINDOW_BEFORE) if keywords else start
        window = bytes(content[begin : start + _WINDOW_AFTER])
        found = token.search(window)
        while found is not None and begin + found.end() <= start:  # that one has a keyword of its own
            found = token.search(window, found.end() + (found.end() == found.start()))
        if found is None:
            return None
        which = number or next((index for index in range(1, token.groups + 1) if found[index]), 0)
        secret = found[which] or b""
        if not secret or entropy(secret) < rule.min_entropy:
            return None
        return Sighting(rule=rule.id, start=begin + found.start(which), secret=secret)

    return Rule(
        id=name,
        title=str(entry.get("description", "")),
        provider="",
        pattern=expression,
        trigger="" if keywords else expression,
        keys=keywords,
        min_entropy=float(floor) if isinstance(floor, int | float) else 0.0,
        stands_alone=False,
        yields=True,
        confirm=confirm,
        samples=(),
        counter_samples=(),
    )


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _tables(value: object) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _strings(value: object) -> list[str]:
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else []
