# SPDX-License-Identifier: Apache-2.0
"""Conditions of grants and of trust, in CEL: checked when written, false when they cannot be evaluated."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tidegate.errors import InvalidInputError
from tidegate.rules.expression import Checker, EvaluationError, Runtime, objections
from tidegate.rules.field import FieldType, Variable
from tidegate.rules.marked_yaml import Place, Scalar

_log = logging.getLogger(__name__)
MAX_CONDITION_CHARS: Final = 2000
REQUEST: Final = Variable(
    name="request",
    evidence="",
    fields={
        "verb": FieldType.STRING,
        "repository": FieldType.STRING,
        "tag": FieldType.STRING,  # "" when a digest, or nothing yet, is named
        "digest": FieldType.STRING,
        "by_digest": FieldType.BOOL,
        "address": FieldType.STRING,
        "hour": FieldType.INT,  # 0 to 23, UTC
        "weekday": FieldType.INT,  # Monday is 1
        "time": FieldType.STRING,  # RFC 3339, UTC
    },
)
PRINCIPAL: Final = Variable(
    name="principal",
    evidence="",
    fields={
        "name": FieldType.STRING,
        "kind": FieldType.STRING,
        "groups": FieldType.STRINGS,
        "claims": FieldType.LABELS,
    },
)
TOKEN: Final = Variable(name="token", evidence="", fields={"subject": FieldType.STRING, "claims": FieldType.LABELS})
_CONTENT: Final = re.compile(r"\brequest\s*\.\s*(?:tag|digest|by_digest)\b")
_NOTHING: Final = '""'


@dataclass(frozen=True, slots=True)
class Condition:
    """A checked condition.

    Attributes:
        needs_content: it asks for the tag or digest, which is not known when a token is made.
    """

    text: str
    needs_content: bool
    _program: Any
    _runtime: Runtime

    @classmethod
    def parse(cls, text: str, *variables: Variable, where: str = "condition") -> "Condition":
        """Checks a condition over the variables; without any over `request` and `principal`.

        Raises:
            InvalidInputError: it is no CEL, names what is not there, or is neither true nor false.
        """
        return cls.of(Scalar(text, Place(where, 1, 1), '"', ()), *(variables or (REQUEST, PRINCIPAL)))

    @classmethod
    def of(cls, scalar: Scalar, *variables: Variable) -> "Condition":
        """Checks a condition that stands in a file; as `parse`."""
        text = scalar.text
        if len(text) > MAX_CONDITION_CHARS:
            raise InvalidInputError(
                f"a condition longer than {MAX_CONDITION_CHARS} characters", where=str(scalar.place)
            )
        known = {variable.name: variable for variable in variables}
        checked = Checker(known, reads=(), each=None).condition(scalar)
        runtime = Runtime(known)
        program = runtime.program(each=None, when=checked, message=_NOTHING, fix=_NOTHING)
        return cls(text, bool(_CONTENT.search(text)), program, runtime)

    def holds(self, values: Mapping[str, Mapping[str, object]]) -> bool:
        """True when it holds over the variables' values; what cannot be evaluated does not."""
        try:
            return bool(objections(self._program, self._runtime.stage(values, "", ())))
        except EvaluationError as error:
            _log.info("a condition could not be evaluated, so it does not hold: %s: %s", self.text, error)
            return False
