# SPDX-License-Identifier: Apache-2.0
"""Conditions in CEL over what a signer wrote, and patterns in RE2: both end in bounded time, whatever they get."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, Self

from cel_expr_python import cel

from tidegate.errors import InvalidInputError

MAX_PATTERN_CHARS: Final = 1000
MAX_MATCHED_CHARS: Final = 4096
"""Longer text matches no pattern."""


@dataclass(frozen=True, slots=True)
class Condition:
    """An expression over `predicate`, a map, and `annotations`, a map of strings; it must be true."""

    text: str
    _program: Any = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Compiles an expression.

        Raises:
            InvalidInputError: it is no CEL, or can be neither true nor false.
        """
        try:
            program = _predicate_environment().compile(text)
            kind = str(program.return_type().name())
        except RuntimeError as error:
            raise InvalidInputError(f"not CEL: {str(error).splitlines()[0]}") from error
        if kind not in {"BOOL", "DYN"}:
            raise InvalidInputError(f"is {kind.lower()}, not true or false")
        return cls(text, program)

    def objection(self, predicate: Mapping[str, Any], annotations: Mapping[str, str]) -> str:
        """Why it does not hold; "" when it does. What cannot be evaluated does not hold."""
        try:
            given = {"predicate": dict(predicate), "annotations": dict(annotations)}
            result = self._program.eval(_predicate_environment().Activation(given))
            if result.type() == cel.Type.ERROR:
                return f"it cannot be evaluated: {result.value()}"
            return "" if result.plain_value() is True else "it is not so"
        except (RuntimeError, TypeError, ValueError) as error:
            return f"it cannot be evaluated: {error}"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression (RE2's syntax, as cosign's) that must match the whole of a text."""

    text: str
    _program: Any = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Compiles an expression.

        Raises:
            InvalidInputError: it is none, or over a thousand characters.
        """
        if len(text) > MAX_PATTERN_CHARS:
            raise InvalidInputError(f"a pattern over {MAX_PATTERN_CHARS} characters")
        program = _text_environment().compile("text.matches(pattern)")
        found = cls(text, program)
        # Alone first: a parenthesis closed too often would end the one that is put around it.
        if found._run("", text) is None or found._run("", found._whole) is None:
            raise InvalidInputError(f"not a regular expression: {text[:80]!r}")
        return found

    def matches(self, text: str) -> bool:
        """True when the whole of a text matches."""
        return len(text) <= MAX_MATCHED_CHARS and self._run(text, self._whole) is True

    @property
    def _whole(self) -> str:
        return rf"\A(?:{self.text})\z"

    def _run(self, text: str, pattern: str) -> bool | None:
        result = self._program.eval(_text_environment().Activation({"text": text, "pattern": pattern}))
        if result.type() == cel.Type.ERROR:
            return None
        return bool(result.plain_value())


@cache
def _predicate_environment() -> Any:
    anything = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
    return cel.NewEnv(variables={"predicate": anything, "annotations": cel.Type.Map(cel.Type.STRING, cel.Type.STRING)})


@cache
def _text_environment() -> Any:
    return cel.NewEnv(variables={"text": cel.Type.STRING, "pattern": cel.Type.STRING})
