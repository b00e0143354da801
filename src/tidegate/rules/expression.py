# SPDX-License-Identifier: Apache-2.0
"""Rules in CEL (github.com/google/cel-spec), checked when loaded and evaluated over a whole collection at once.

Two environments, one text. To *check*, every field is declared under its dotted name with its type, and only for the
evidence the rule reads: a misspelt field, a wrong type or unread evidence is a compile error with a position. To
*evaluate*, the same text runs inside `items.filter(…).map(…)` over plain maps, 25 times faster than item by item.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from cel_expr_python import cel

from tidegate.errors import InvalidInputError
from tidegate.rules.field import Collection, FieldType, Variable
from tidegate.rules.marked_yaml import Scalar
from tidegate.rules.reading import suggestion

CHUNK_ITEMS: Final = 500
"""Items evaluated at once: the runtime stops an expression after 10 000 turns of its loops."""

_ITEMS: Final = "items"
_INDEX: Final = frozenset({"index"})
_POSITION: Final = re.compile(r"<input>:([0-9]+):([0-9]+): ([^\n]*)")
_UNDECLARED: Final = re.compile(r"undeclared reference to '([^']*)'")
_ROOT: Final = "(in container '')"
_TYPES: Final = {
    FieldType.STRING: cel.Type.STRING,
    FieldType.INT: cel.Type.INT,
    FieldType.DOUBLE: cel.Type.DOUBLE,
    FieldType.BOOL: cel.Type.BOOL,
    FieldType.STRINGS: cel.Type.List(cel.Type.STRING),
    FieldType.LABELS: cel.Type.Map(cel.Type.STRING, cel.Type.STRING),
}
_PRINTABLE: Final = frozenset({"STRING", "INT", "UINT", "DOUBLE", "BOOL"})


class EvaluationError(Exception):
    """A rule could not be evaluated over what it was given; the gate denies and says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """One item a rule objects to: its place in the collection (-1: the whole image), and what to tell people."""

    index: int
    message: str
    fix: str


class Checker:
    """Checks one rule's expressions: only what the rule reads is declared."""

    def __init__(self, known: Mapping[str, Variable], *, reads: Iterable[str], each: Collection | None) -> None:
        readable = {"", *reads}
        self._known = known
        self._variables = [variable for variable in known.values() if variable.evidence in readable]
        if each is not None:
            self._variables.append(each.item)
        declared = {
            f"{variable.name}.{name}": _TYPES[kind]
            for variable in self._variables
            for name, kind in variable.fields.items()
        }
        self._env = cel.NewEnv(variables=declared)

    def condition(self, text: Scalar) -> str:
        """Checks that an expression is true or false, and returns it.

        Raises:
            InvalidInputError: it is neither, or no valid CEL; with its place in the file.
        """
        kind = self._type(text.text, text, 0)
        if kind != "BOOL":
            raise InvalidInputError(f"is {kind.lower()}, not true or false", where=str(text.place))
        return text.text

    def template(self, text: Scalar) -> str:
        """Turns text with `{expressions}` into one CEL expression that makes a string; `{{` and `}}` are braces.

        Raises:
            InvalidInputError: a brace without its other half, or an expression that is wrong or no plain value.
        """
        parts = [_quoted(part) if offset < 0 else self._shown(part, text, offset) for part, offset in _pieces(text)]
        return " + ".join(parts) or '""'

    def _shown(self, expression: str, text: Scalar, offset: int) -> str:
        kind = self._type(expression, text, offset)
        if kind not in _PRINTABLE:
            raise InvalidInputError(f"{{{expression}}} is {kind.lower()} and cannot be shown", where=str(text.place))
        return f"({expression})" if kind == "STRING" else f"string({expression})"

    def _type(self, expression: str, text: Scalar, offset: int) -> str:
        try:
            return str(self._env.compile(expression).return_type().name())
        except RuntimeError as error:
            self._complain(str(error), text, offset, error)

    def _complain(self, message: str, text: Scalar, offset: int, cause: Exception) -> NoReturn:
        found = _POSITION.search(message)
        if not found:
            raise InvalidInputError(f"not CEL: {message.splitlines()[0]}", where=str(text.place)) from cause
        line, column, what = int(found[1]), int(found[2]), found[3].replace(_ROOT, "").strip()
        before = text.text[:offset]
        row = before.count("\n") + line
        column += offset - (before.rfind("\n") + 1) if line == 1 else 0
        remedy = ""
        if undeclared := _UNDECLARED.search(what):
            remedy = self._way_out(undeclared[1])
        raise InvalidInputError(what, where=str(text.at(row, column)), remedy=remedy) from cause

    def _way_out(self, name: str) -> str:
        head, _, tail = name.partition(".")
        for variable in self._variables:
            if variable.name == head:
                return (
                    suggestion(tail, variable.fields) if tail else f"name one of its fields, like {_example(variable)}"
                )
        if head in self._known:
            return f"add {self._known[head].evidence} to what the rule reads"
        return suggestion(head, [variable.name for variable in self._variables])


class Runtime:
    """Evaluates rules over the same variables."""

    def __init__(self, known: Iterable[str]) -> None:
        anything = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
        self._env = cel.NewEnv(variables={_ITEMS: cel.Type.List(anything), **dict.fromkeys(known, anything)})
        self._needed: dict[str, frozenset[str]] = {}

    def program(self, *, each: Collection | None, when: str, message: str, fix: str) -> Any:
        """Joins a rule's checked expressions into one.

        Raises:
            InvalidInputError: they do not fit together.
        """
        # The expression stands on lines of its own, because it may end in a comment.
        if each is None:
            whole = f"(\n{when}\n) ? [[-1, {message}, {fix}]] : []"
        else:
            name = each.item.name
            self._needed[each.name] = self._needed.get(each.name, _INDEX) | _fields_named(each, when, message, fix)
            whole = f"{_ITEMS}.filter({name}, (\n{when}\n)).map({name}, [{name}.index, {message}, {fix}])"
        try:
            return self._env.compile(whole)
        except RuntimeError as error:
            raise InvalidInputError(f"not CEL: {str(error).splitlines()[0]}") from error

    def needed(self, collection: str) -> frozenset[str]:
        """The fields of a collection's items that some program names, `index` among them."""
        return self._needed.get(collection, frozenset())

    def stage(
        self, variables: Mapping[str, Mapping[str, object]], collection: str, items: Sequence[Mapping[str, object]]
    ) -> list[Any]:
        """Makes values ready for any number of programs: one activation for every `CHUNK_ITEMS` items, at least one.

        Only fields that some rule names are handed over: turning them into CEL's values is most of a decision's cost.
        """
        needed = self.needed(collection)
        if items and not items[0].keys() <= needed:
            items = [{name: value for name, value in item.items() if name in needed} for item in items]
        starts = range(0, len(items), CHUNK_ITEMS) or range(1)
        return [self._env.Activation({**variables, _ITEMS: items[start : start + CHUNK_ITEMS]}) for start in starts]


def objections(program: Any, staged: Iterable[Any]) -> list[Objection]:
    """What a program objects to.

    Raises:
        EvaluationError: it could not be evaluated.
    """
    found: list[Objection] = []
    for activation in staged:
        try:
            result = program.eval(activation)
            if result.type() == cel.Type.ERROR:
                raise EvaluationError(str(result.value()))
            found += [Objection(index=row[0], message=row[1], fix=row[2]) for row in result.plain_value()]
        except (RuntimeError, TypeError, ValueError) as error:
            raise EvaluationError(str(error)) from error
    return found


def _fields_named(each: Collection, *expressions: str) -> frozenset[str]:
    """The fields of an item that expressions name; all of them wherever its name stands without a field."""
    text, name = "\n".join(expressions), re.escape(each.item.name)
    fields = re.findall(rf"\b{name}\s*\.\s*(\w+)", text)
    plain = len(fields) == len(re.findall(rf"\b{name}\b", text))
    return frozenset(fields if plain else each.item.fields)


def _pieces(text: Scalar) -> list[tuple[str, int]]:
    """Literal text (offset -1) and expressions (with their offset), in order."""
    pieces: list[tuple[str, int]] = []
    literal, at, source = "", 0, text.text
    while at < len(source):
        char = source[at]
        if char in "{}" and source[at : at + 2] == char * 2:
            literal, at = literal + char, at + 2
        elif char == "{":
            end = source.find("}", at)
            if end < 0:
                raise InvalidInputError("a { without its }", where=str(text.place), remedy="write {{ for a brace")
            pieces += [(literal, -1), (source[at + 1 : end], at + 1)]
            literal, at = "", end + 1
        elif char == "}":
            raise InvalidInputError("a } without its {", where=str(text.place), remedy="write }} for a brace")
        else:
            literal, at = literal + char, at + 1
    return [piece for piece in [*pieces, (literal, -1)] if piece[0] or piece[1] >= 0]


def _quoted(literal: str) -> str:
    return json.dumps(literal, ensure_ascii=False)


def _example(variable: Variable) -> str:
    return f"{variable.name}.{next(iter(variable.fields))}"
