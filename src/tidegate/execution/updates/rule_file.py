# SPDX-License-Identifier: Apache-2.0
"""Policies of updates from YAML, as docs/reference/updates.md has them; refused whole when anything is unknown."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Final, TypeVar

from tidegate.errors import InvalidInputError
from tidegate.execution.rule_documents import few, patterns, rule_documents, unique, yes
from tidegate.execution.updates.rule import (
    EVERYTHING,
    USUAL_STEPS,
    RolloutLimits,
    UpdatePolicy,
    UpdateRule,
)
from tidegate.execution.updates.tag_version import Step
from tidegate.execution.updates.window import Window, read_window
from tidegate.rules.document import each_of, header_and_spec
from tidegate.rules.marked_yaml import Node
from tidegate.rules.reading import Fields, as_member, as_scalar, defect

KIND: Final = "UpdatePolicy"
MAX_RULES: Final = 500
MAX_ITEMS: Final = 50
_MAX_RESTARTS: Final = 100
_PLACES: Final = ("images", "clusters", "namespaces", "workloads", "sources")
_CHOICES: Final = ("steps", "distribution", "mayBring", "group", "apply")
_TIMES: Final = ("minimumAge", "windows", "deadline", "steady")
_KEYS: Final = ("name", "description", *_PLACES, *_CHOICES, *_TIMES, "onlyFixes", "early", "maxRestarts")
_E = TypeVar("_E", bound=StrEnum)


def load_update_policy(files: Mapping[str, str]) -> UpdatePolicy:
    """Reads the rules of any number of files, in their order.

    Args:
        files: text by file name; the name stands in errors.

    Raises:
        DocumentError: something is wrong; it carries every defect of the first document that has any.
        BoundExceededError: a document is over a bound.
    """
    nodes: list[Node] = []
    rules: tuple[UpdateRule, ...] = ()
    for node in rule_documents(files, KIND):
        (found,) = each_of([node], _nodes)
        rules += each_of(found, _rule)
        nodes += found
    unique(tuple(nodes), [one.name for one in rules])
    return UpdatePolicy(rules=rules)


def _nodes(document: Node) -> tuple[Node, ...]:
    _, spec = header_and_spec(document, "rules")
    return few(spec.listing("rules"), "MAX_RULES", MAX_RULES)


def _rule(node: Node) -> UpdateRule:
    fields, known = Fields.of(node, *_KEYS), UpdateRule(name="")
    places = {name: patterns(fields, name) or EVERYTHING for name in _PLACES}
    return UpdateRule(
        name=fields.name("name"),
        **places,
        steps=_steps(fields),
        distribution=_choice(fields, "distribution", known.distribution),
        minimum_age=fields.duration("minimumAge", known.minimum_age),
        only_fixes=yes(fields, "onlyFixes", default=known.only_fixes),
        may_bring=_choice(fields, "mayBring", known.may_bring),
        early=yes(fields, "early"),
        windows=tuple(_window(one) for one in few(fields.listing("windows"), "MAX_ITEMS", MAX_ITEMS)),
        group=_choice(fields, "group", known.group),
        apply=_choice(fields, "apply", known.apply),
        limits=_limits(fields, known.limits),
    )


def _limits(fields: Fields, known: RolloutLimits) -> RolloutLimits:
    return RolloutLimits(
        deadline_s=fields.duration("deadline", timedelta(seconds=known.deadline_s)).total_seconds(),
        steady_s=fields.duration("steady", timedelta(seconds=known.steady_s)).total_seconds(),
        max_restarts=fields.whole_number("maxRestarts", known.max_restarts, most=_MAX_RESTARTS),
    )


def _steps(fields: Fields) -> frozenset[Step]:
    if fields.optional("steps") is None:
        return USUAL_STEPS
    return frozenset(as_member(one, Step) for one in few(fields.listing("steps"), "MAX_ITEMS", MAX_ITEMS))


def _choice(fields: Fields, key: str, otherwise: _E) -> _E:
    node = fields.optional(key)
    return otherwise if node is None else as_member(node, type(otherwise))


def _window(node: Node) -> Window:
    try:
        return read_window(as_scalar(node).text)
    except InvalidInputError as error:
        if error.where:
            raise
        raise defect(node, error.what, error.remedy) from error
