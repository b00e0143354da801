# SPDX-License-Identifier: Apache-2.0
"""Rules of keeping from YAML, as docs/reference/keeping.md has them; refused whole when anything is unknown."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from tidegate.curation.keeping.name_pattern import Patterns, check_pattern
from tidegate.curation.keeping.retention_rules import By, RetentionRule, RetentionRules
from tidegate.curation.lifecycle import State
from tidegate.curation.tag_rules import TagRule, TagRules
from tidegate.errors import InvalidInputError
from tidegate.evidence import Severity
from tidegate.rules.document import API_VERSION, each_of, header_and_spec
from tidegate.rules.marked_yaml import Node, Table, read_documents
from tidegate.rules.reading import DocumentError, Fields, as_duration, as_member, as_scalar, defect, suggestion
from tidegate.values import Struct

IMMUTABLE_TAGS: Final = "ImmutableTags"
RETENTION: Final = "Retention"
_KINDS: Final = (IMMUTABLE_TAGS, RETENTION)
MAX_RULES: Final = 500
MAX_NEWEST: Final = 100_000
_RETENTION_KEYS: Final = (
    "name", "description", "repositories", "exceptRepositories", "tags", "exceptTags", "untagged",
    "olderThan", "notPulledFor", "states", "severity", "newest", "by",
)  # fmt: skip
MAX_PATTERNS: Final = 100
EVERY: Final = "**"


class KeepingRules(Struct, frozen=True, kw_only=True):
    """All rules of keeping that are in force."""

    tags: TagRules = TagRules()
    retention: RetentionRules = RetentionRules()


def load_keeping_rules(files: Mapping[str, str]) -> KeepingRules:
    """Reads the rules of any number of files.

    Args:
        files: text by file name; the name stands in errors.

    Raises:
        DocumentError: something is wrong; it carries every defect of the first document that has any.
        BoundExceededError: a document is over a bound.
    """
    tag_rules: list[TagRule] = []
    delete: list[RetentionRule] = []
    keep: list[RetentionRule] = []
    for file, text in files.items():
        for node in read_documents(text, file=file):
            kind = each_of([node], _kind)[0]
            if kind == IMMUTABLE_TAGS:
                tag_rules += each_of([node], _tag_rules)[0]
            else:
                found = each_of([node], _retention)[0]
                delete += found.delete
                keep += found.keep
    return KeepingRules(
        tags=TagRules(tuple(tag_rules)), retention=RetentionRules(delete=tuple(delete), keep=tuple(keep))
    )


def names_in(rules: KeepingRules) -> tuple[str, ...]:
    """The rules there are, each by its kind and its name."""
    retained = (*rules.retention.delete, *rules.retention.keep)
    immutable = (f"{IMMUTABLE_TAGS} {one.name}" for one in rules.tags.rules)
    return (*immutable, *(f"{RETENTION} {one.name}" for one in retained))


def laid_over(files: KeepingRules, sets: Mapping[str, str]) -> KeepingRules:
    """The rules of files with those of sets over them: a set's rule replaces the files' rule of the same name.

    Args:
        files: the layer below.
        sets: text by the name of its set.

    Raises:
        DocumentError, BoundExceededError: as `load_keeping_rules`.
        InvalidInputError: two sets have a rule of one name.
    """
    tag_rules: list[TagRule] = []
    delete: list[RetentionRule] = []
    keep: list[RetentionRule] = []
    holders: dict[tuple[str, str], str] = {}
    for name, text in sets.items():
        found = load_keeping_rules({f"rule set {name}": text})
        retained = (*found.retention.delete, *found.retention.keep)
        for kind, rules in ((IMMUTABLE_TAGS, found.tags.rules), (RETENTION, retained)):
            for rule in rules:
                other = holders.setdefault((kind, rule.name), name)
                if other != name:
                    raise InvalidInputError(f"{other} has a rule {rule.name!r} of {kind} too", where=f"rule set {name}")
        tag_rules += found.tags.rules
        delete += found.retention.delete
        keep += found.retention.keep
    retention = {name for kind, name in holders if kind == RETENTION}
    return KeepingRules(
        tags=TagRules(
            (*(rule for rule in files.tags.rules if (IMMUTABLE_TAGS, rule.name) not in holders), *tag_rules),
        ),
        retention=RetentionRules(
            delete=(*(rule for rule in files.retention.delete if rule.name not in retention), *delete),
            keep=(*(rule for rule in files.retention.keep if rule.name not in retention), *keep),
        ),
    )


def _kind(node: Node) -> str:
    fields = Fields(node if isinstance(node, Table) else Fields.of(node).table)
    if fields.text("apiVersion") != API_VERSION:
        raise defect(fields.node("apiVersion"), "unknown apiVersion", f"write {API_VERSION}")
    kind = fields.scalar("kind")
    if kind.text not in _KINDS:
        raise defect(kind, f"unknown kind {kind.text[:40]!r}", suggestion(kind.text, _KINDS))
    return kind.text


def _tag_rules(node: Node) -> tuple[TagRule, ...]:
    _, spec = header_and_spec(node, "rules")
    rules = spec.listing("rules")
    if not rules:
        raise defect(node, "no rules in it", "add one to spec.rules")
    found = each_of(_few(rules), _tag_rule)
    _unique(rules, [rule.name for rule in found])
    return found


def _retention(node: Node) -> RetentionRules:
    _, spec = header_and_spec(node, "delete", "keep")
    delete, keep = spec.listing("delete"), spec.listing("keep")
    if not delete:
        raise defect(node, "no rules in it", "add one to spec.delete")
    found = each_of(_few((*delete, *keep)), _retention_rule)
    _unique((*delete, *keep), [rule.name for rule in found])
    for rule, written in zip(found, delete, strict=False):
        if not rule.has_condition:
            raise defect(written, "deletes whatever it speaks of", "add a condition, such as olderThan")
    return RetentionRules(delete=found[: len(delete)], keep=found[len(delete) :])


def _retention_rule(node: Node) -> RetentionRule:
    fields = Fields.of(node, *_RETENTION_KEYS)
    tags = patterns(fields, "tags", "exceptTags")
    untagged = _yes(fields, "untagged")
    if not tags.wanted and not untagged:
        raise defect(node, "speaks of no tag", "name some in tags, '**' for all, or say untagged: true")
    by = fields.optional("by")
    found = RetentionRule(
        name=fields.name("name"),
        repositories=repositories_in(fields),
        tags=tags if tags.wanted else None,
        untagged=untagged,
        older_than=_duration(fields, "olderThan"),
        not_pulled_for=_duration(fields, "notPulledFor"),
        states=tuple(as_member(item, State) for item in fields.listing("states")),
        severity=None if (node_ := fields.optional("severity")) is None else as_member(node_, Severity),
        newest=None if fields.optional("newest") is None else fields.whole_number("newest", 1, most=MAX_NEWEST),
        by=By.TIME if by is None else as_member(by, By),
    )
    if by is not None and found.newest is None:
        raise defect(by, "by without newest", "say how many of the newest")
    return found


def _duration(fields: Fields, key: str) -> timedelta | None:
    node = fields.optional(key)
    return None if node is None else as_duration(node)


def _yes(fields: Fields, key: str) -> bool:
    text = fields.text(key, "false")
    if text not in {"true", "false"}:
        raise defect(fields.node(key), "is neither true nor false")
    return text == "true"


def _few(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    if len(nodes) > MAX_RULES:
        raise defect(nodes[MAX_RULES], f"over the limit MAX_RULES = {MAX_RULES}")
    return nodes


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
