# SPDX-License-Identifier: Apache-2.0
"""Hyperscan automatons over the triggers of rules and of everything that may be encoded.

Text has one of its own: four rules in ten count there only, and without their keys programs are read at three times the
speed. Both are compiled on first use, in a fifth of a second. A key that several rules share is one trigger.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from tidegate.scan.secrets.database import Database, Expression
from tidegate.scan.secrets.prefixes import literal_beginnings, shortened
from tidegate.scan.secrets.rule import Buffer, Rule
from tidegate.scan.secrets.telltales import ANY_HEX, HEX_RUN, PERCENT, TELLTALES, Telltale
from tidegate.values import Struct

_VALUE: Final = r"[0-9A-Za-z+/_.~!@#%^&*-]{6}"
_REST: Final = r"[\w .\-\"'\])\\]{0,24}[=:,>|\s][\s=>\"'`\\]{0,4}" + _VALUE
_WIDE_REST: Final = r"[\w .\-\"'\])\\]{0,32}[=:,>|\s][\sb=>|\"'`\\]{0,8}" + _VALUE
_ASSIGNED: Final = r"[\w\"'\])\\.-]{0,16}\s?[=:,>]>?[\sb\"'`\\]{0,4}"
_LONG_VALUE: Final = r"[0-9A-Za-z+/_=.~!@#%^&*-]{16}"
_WORDS: Final = (
    *("_pwd", "passwd", "passphrase", "passwort", "private_key", "access_key", "accesskey", "signing_key", "api-key"),
)
_NAMES: Final = ("adobe", "api_key", "bitbucket", "encryption_key", "etsy", "looker", "sentry")
COMMON_KEYS: Final = {
    **dict.fromkeys(_WORDS, _REST),
    **dict.fromkeys(_NAMES, _WIDE_REST),
    "password": _ASSIGNED + _VALUE,
    **dict.fromkeys(("secret", "token", "credential"), _ASSIGNED + _LONG_VALUE),
}
"""Words so frequent that the automaton itself has to see the assignment behind them, and the beginning of a value."""


class Trigger(Struct, frozen=True, kw_only=True):
    """One expression of the automaton: the rules it may be a hit of, or how what it found is encoded."""

    expression: bytes
    rules: tuple[int, ...] = ()
    telltale: Telltale | None = None
    is_caseless: bool = False


class Automaton:
    """Finds triggers. One instance serves all threads.

    Args:
        rules: in the order that `Trigger.rules` counts in.
        text: False leaves out those that do not count in binaries.

    Attributes:
        triggers: in the order of their numbers.
    """

    def __init__(self, rules: Sequence[Rule], *, text: bool) -> None:
        self.triggers = tuple(_triggers({at: rule for at, rule in enumerate(rules) if text or rule.in_binaries}))
        expressions = [
            Expression(number=number, text=one.expression, is_caseless=one.is_caseless)
            for number, one in enumerate(self.triggers)
        ]
        # Hex that is text is half the work in binaries, where hardly any hex is: there that is asked before.
        self._apart = -1 if text else next(at for at, one in enumerate(self.triggers) if one.telltale is HEX_RUN)
        if not text:
            self._hex = Database([expressions[self._apart]])
            expressions[self._apart] = Expression(number=self._apart, text=ANY_HEX, once=True)
        self._database = Database(expressions)

    def hits(self, content: Buffer, limit: int) -> list[tuple[int, int]]:
        """Where triggers hit, as start and number of the trigger; of more than `limit` only the first `limit` + 1."""
        hits = self._database.hits(content, limit)
        if hits and (0, self._apart) in hits:
            hits.remove((0, self._apart))
            hits += self._hex.hits(content, limit - len(hits))
        return hits


def _triggers(rules: Mapping[int, Rule]) -> list[Trigger]:
    by_literal: dict[tuple[str, bool], list[int]] = {}
    expressions: list[Trigger] = []
    for index, rule in rules.items():
        literals = literal_beginnings(rule.trigger)
        for literal in literals:
            by_literal.setdefault((literal, False), []).append(index)
        if rule.trigger and not literals:
            expressions.append(Trigger(expression=shortened(rule.trigger).encode("latin-1"), rules=(index,)))
        for key in rule.keys:
            by_literal.setdefault((key, True), []).append(index)
    for (literal, is_caseless), indexes in sorted(by_literal.items()):
        rest = COMMON_KEYS.get(literal, "") if is_caseless else ""
        expression = (re.escape(literal) + rest).encode()
        expressions.append(Trigger(expression=expression, rules=tuple(indexes), is_caseless=is_caseless))
    expressions += [Trigger(expression=re.escape(tale.encoded), telltale=tale) for tale in TELLTALES]
    return expressions + [Trigger(expression=tale.encoded, telltale=tale) for tale in (HEX_RUN, PERCENT)]
