# SPDX-License-Identifier: Apache-2.0
"""Rules of keeping from YAML, as docs/reference/keeping.md has them; refused whole when anything is unknown."""

from collections.abc import Mapping
from typing import Final

from tidegate.curation.name_pattern import Patterns, check_pattern
from tidegate.curation.tag_rules import TagRule, TagRules
from tidegate.errors import InvalidInputError
from tidegate.policy.document import API_VERSION, each_of, header_and_spec
from tidegate.rules.marked_yaml import Node, Table, read_documents
from tidegate.rules.reading import DocumentError, Fields, as_scalar, defect, suggestion
from tidegate.values import Struct

IMMUTABLE_TAGS: Final = "ImmutableTags"
MAX_RULES: Final = 500
MAX_PATTERNS: Final = 100
EVERY: Final = "**"


class KeepingRules(Struct, frozen=True, kw_only=True):
    """All rules of keeping that are in force."""

    tags: TagRules = TagRules()


def load_keeping_rules(files: Mapping[str, str]) -> KeepingRules:
    """Reads the rules of any number of files.

    Args:
        files: text by file name; the name stands in errors.

    Raises:
        DocumentError: something is wrong; it carries every defect of the first document that has any.
        BoundExceededError: a document is over a bound.
    """
    tag_rules: list[TagRule] = []
    for file, text in files.items():
        for node in read_documents(text, file=file):
            kind = each_of([node], _kind)[0]
            assert kind == IMMUTABLE_TAGS  # noqa: S101 - the only one yet
            tag_rules += each_of([node], _tag_rules)[0]
    return KeepingRules(tags=TagRules(tuple(tag_rules)))


def _kind(node: Node) -> str:
    fields = Fields(node if isinstance(node, Table) else Fields.of(node).table)
    if fields.text("apiVersion") != API_VERSION:
        raise defect(fields.node("apiVersion"), "unknown apiVersion", f"write {API_VERSION}")
    kind = fields.scalar("kind")
    if kind.text != IMMUTABLE_TAGS:
        raise defect(kind, f"unknown kind {kind.text[:40]!r}", suggestion(kind.text, [IMMUTABLE_TAGS]))
    return kind.text


def _tag_rules(node: Node) -> tuple[TagRule, ...]:
    _, spec = header_and_spec(node, "rules")
    rules = spec.listing("rules")
    if not rules:
        raise defect(node, "no rules in it", "add one to spec.rules")
    if len(rules) > MAX_RULES:
        raise defect(node, f"over the limit MAX_RULES = {MAX_RULES}")
    found = each_of(rules, _tag_rule)
    _unique(rules, [rule.name for rule in found])
    return found


def _tag_rule(node: Node) -> TagRule:
    fields = Fields.of(node, "name", "description", "repositories", "exceptRepositories", "tags", "exceptTags")
    tags = patterns(fields, "tags", "exceptTags")
    if not tags.wanted:
        raise defect(node, "the key 'tags' is missing", "name some, such as '@semver' or 'v*'")
    return TagRule(name=fields.name("name"), repositories=repositories_in(fields), tags=tags)


def repositories_in(fields: Fields) -> Patterns:
    """The repositories a rule speaks of: all when it names none."""
    found = patterns(fields, "repositories", "exceptRepositories")
    return found if found.wanted else Patterns((EVERY,), found.excepted)


def patterns(fields: Fields, wanted: str, excepted: str) -> Patterns:
    """The patterns of two keys.

    Raises:
        DocumentError: with every one that is none, and its place.
    """
    return Patterns(*(each_of(_bounded(fields, key), _pattern) for key in (wanted, excepted)))


def _bounded(fields: Fields, key: str) -> tuple[Node, ...]:
    found = fields.listing(key)
    if len(found) > MAX_PATTERNS:
        raise defect(fields.node(key), f"over the limit MAX_PATTERNS = {MAX_PATTERNS}")
    return found


def _pattern(node: Node) -> str:
    try:
        return check_pattern(as_scalar(node).text)
    except InvalidInputError as error:
        raise error if error.where else defect(node, error.what, error.remedy) from error


def _unique(nodes: tuple[Node, ...], names: list[str]) -> None:
    twice = [
        defect(node, f"a second rule is called {names[at]!r}")
        for at, node in enumerate(nodes)
        if names[at] in names[:at]
    ]
    if twice:
        raise DocumentError(twice)
