# SPDX-License-Identifier: Apache-2.0
"""From bytes to plain documents: YAML 1.1 streams and JSON, as `kubectl` reads them, within bounds.

Built from the parser's events, so that every bound holds before anything is made: an alias costs what it points at, a
key may stand once, tags beyond JSON's types are refused. Dates stay text, as in Kubernetes.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import yaml
from yaml import events as ev

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.manifests.limits import DEFAULT_LIMITS, ManifestLimits

Plain = Any
"""What JSON can say: None, bool, int, float, str, lists and dicts with text keys."""

_PARSER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG: Final = "tag:yaml.org,2002:"
_MERGE: Final = "<<"
# As the YAML 1.1 reader of kubectl (sigs.k8s.io/yaml) resolves plain scalars: whoever reads `y` as text where it reads
# true would judge another document than the one that runs.
_INT: Final = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]*|[1-9][0-9_]*)")
_FLOAT: Final = re.compile(r"[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?")
_TRUE: Final = frozenset({"y", "Y", "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"})
_FALSE: Final = frozenset({"n", "N", "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"})
_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_MAX_NUMBER_CHARS: Final = 40


class Placed(dict[str, Plain]):
    """A map that knows the line it begins on, and those its own keys stand on, counted from 1."""

    __slots__ = ("key_lines", "line")
    line: int
    key_lines: dict[str, int]


def read_documents(
    raw: bytes,
    *,
    where: str,
    limits: ManifestLimits = DEFAULT_LIMITS,
    placed: bool = False,
    compose: bool = False,
) -> list[Plain]:
    """Reads all documents of a stream, empty ones left out.

    Args:
        raw: YAML or JSON.
        where: its name in errors.
        limits: how much is read.
        placed: make every map a `Placed` one. JSON that YAML reads otherwise keeps plain ones, without lines.
        compose: read as Compose does: a map's own keys win over `<<` wherever that stands, and tags of its own
            (`!reset`, `!override`) are passed over.

    Raises:
        BoundExceededError: over a limit of `limits`.
        InvalidInputError: not YAML or JSON, a key stands twice, or a tag says more than JSON can; names the line.
    """
    if len(raw) > limits.max_bytes:
        raise BoundExceededError("max_bytes", limits.max_bytes, where=where)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInputError("not UTF-8 text", where=where) from error
    builder = _Builder(text, where, limits, placed=placed, compose=compose)
    if text.lstrip()[:1] in {"{", "["} and (document := _json(text, where, limits)) is not None:
        return _with_lines(document, builder) if placed else [document]
    return [document for document in builder.documents() if document is not None]


def check_bounds(document: Plain, *, where: str, limits: ManifestLimits = DEFAULT_LIMITS) -> None:
    """Holds a document that came as plain data to the bounds of one that is read.

    Raises:
        BoundExceededError: over `max_nodes` or `max_depth`.
    """
    nodes, level, depth = 0, [document], 0
    while level:
        nodes += len(level)
        depth += 1
        if nodes > limits.max_nodes:
            raise BoundExceededError("max_nodes", limits.max_nodes, where=where)
        if depth > limits.max_depth:
            raise BoundExceededError("max_depth", limits.max_depth, where=where)
        level = [child for node in level for child in _children(node)]


def _with_lines(document: Plain, builder: "_Builder") -> list[Plain]:
    """JSON's document as YAML reads it, with lines, where the two say the same."""
    try:
        made = list(builder.documents())
    except (BoundExceededError, InvalidInputError):
        return [document]
    return made if made == [document] else [document]


def _json(text: str, where: str, limits: ManifestLimits) -> Plain:
    try:
        document = json.loads(text, object_pairs_hook=lambda pairs: _unique(pairs, where), parse_constant=_no_constant)
    except RecursionError as error:
        raise BoundExceededError("max_depth", limits.max_depth, where=where) from error
    except ValueError:
        return None  # flow style of YAML, perhaps
    check_bounds(document, where=where, limits=limits)
    if "\\ud" in text.lower():
        _refuse_lone_surrogates(document, where)
    return document


def _unique(pairs: list[tuple[str, Plain]], where: str) -> dict[str, Plain]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidInputError(f"the key {twice[:80]!r} stands twice in one map", where=where)
    return made


def _refuse_lone_surrogates(document: Plain, where: str) -> None:
    try:
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise InvalidInputError("half of a surrogate pair stands alone", where=where) from error


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _children(node: Plain) -> list[Plain]:
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else []


class _Builder:
    """Makes plain data of one stream's events; every node is counted as it is made."""

    def __init__(self, text: str, where: str, limits: ManifestLimits, *, placed: bool, compose: bool) -> None:
        self._placed = placed
        self._compose = compose
        self._where = where
        self._limits = limits
        self._events: Iterator[Any] = yaml.parse(text, Loader=_PARSER)
        self._anchors: dict[str, tuple[Plain, int]] = {}
        self._nodes = 0

    def documents(self) -> Iterator[Plain]:
        documents = 0
        try:
            for event in self._events:
                if isinstance(event, ev.DocumentStartEvent):
                    documents += 1
                    if documents > self._limits.max_documents:
                        raise BoundExceededError("max_documents", self._limits.max_documents, where=self._where)
                    self._anchors = {}
                    yield self._node(next(self._events), depth=1)
        except yaml.YAMLError as error:
            raise self._broken(error) from error

    def _node(self, event: Any, *, depth: int) -> Plain:
        if isinstance(event, ev.AliasEvent):
            return self._alias(event)
        before = self._nodes
        self._spend(1)
        if depth > self._limits.max_depth:
            raise BoundExceededError("max_depth", self._limits.max_depth, where=self._place(event))
        if isinstance(event, ev.ScalarEvent):
            value = self._scalar(event)
        elif isinstance(event, ev.SequenceStartEvent):
            value = self._sequence(event, depth)
        else:
            value = self._mapping(event, depth)
        if event.anchor:
            self._anchors[event.anchor] = (value, self._nodes - before)
        return value

    def _alias(self, event: Any) -> Plain:
        if event.anchor not in self._anchors:
            raise self._error(event, f"the alias *{event.anchor[:40]} points at nothing, or at itself")
        value, cost = self._anchors[event.anchor]
        self._spend(cost)
        return _copy(value)  # one map seen at two places would be changed at both

    def _sequence(self, start: Any, depth: int) -> list[Plain]:
        self._refuse_tag(start, "seq")
        items: list[Plain] = []
        while not isinstance(event := next(self._events), ev.SequenceEndEvent):
            items.append(self._node(event, depth=depth + 1))
        return items

    def _mapping(self, start: Any, depth: int) -> dict[str, Plain]:
        self._refuse_tag(start, "map")
        made: dict[str, Plain] = {}
        own: dict[str, int] = {}
        while not isinstance(event := next(self._events), ev.MappingEndEvent):
            key = self._key(event, depth)
            value = self._node(next(self._events), depth=depth + 1)
            if key in own:
                raise self._error(event, f"the key {key[:80]!r} stands twice in one map")
            own[key] = event.start_mark.line + 1
            if key != _MERGE or event.style:
                made[key] = value
                continue
            merged = self._merge(event, value)
            # Which of the two goes before is read one way by YAML's text, another by kubectl.
            if merged.keys() & own.keys() and not self._compose:
                raise self._error(event, "<< must stand before the keys it shares with its map")
            made = merged | made
        return _placed(made, start.start_mark.line + 1, own) if self._placed else made

    def _key(self, event: Any, depth: int) -> str:
        key = self._node(event, depth=depth + 1)
        if isinstance(event, ev.ScalarEvent) and not isinstance(key, str):
            # `on: x`, `80: y`: JSON knows text keys only.
            return str(key).lower() if isinstance(key, bool) else str(event.value)
        if not isinstance(key, str):
            raise self._error(event, "a key of a map must be text")
        return key

    def _merge(self, event: Any, value: Plain) -> dict[str, Plain]:
        parts = value if isinstance(value, list) else [value]
        if not all(isinstance(part, dict) for part in parts):
            raise self._error(event, "<< must name a map, or a list of maps")
        result: dict[str, Plain] = {}
        for part in parts:
            self._spend(len(part))
            result = part | result
        return result

    def _scalar(self, event: Any) -> Plain:
        tag, text = event.tag or "", event.value
        if self._compose and tag.startswith("!"):
            tag = ""
        if tag not in {"", "!", *(_TAG + name for name in ("str", "int", "float", "bool", "null", "timestamp"))}:
            raise self._error(event, f"the tag {tag[:60]!r} is none of JSON's types")
        if tag in {"!", _TAG + "str"} or (not tag and not event.implicit[0]):
            return text
        return _plain_scalar(text)

    def _refuse_tag(self, event: Any, name: str) -> None:
        if event.tag not in {None, "!", _TAG + name} and not (self._compose and event.tag.startswith("!")):
            raise self._error(event, f"the tag {event.tag[:60]!r} is none of JSON's types")

    def _spend(self, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > self._limits.max_nodes:
            raise BoundExceededError("max_nodes", self._limits.max_nodes, where=self._where)

    def _place(self, event: Any) -> str:
        return f"{self._where}:{event.start_mark.line + 1}"

    def _error(self, event: Any, what: str) -> InvalidInputError:
        return InvalidInputError(what, where=self._place(event))

    def _broken(self, error: yaml.YAMLError) -> InvalidInputError:
        mark = getattr(error, "problem_mark", None)
        place = f"{self._where}:{mark.line + 1}" if mark else self._where
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        return InvalidInputError(f"not YAML: {problem}", where=place)


def _placed(made: dict[str, Plain], line: int, key_lines: dict[str, int]) -> Placed:
    placed = Placed(made)
    placed.line, placed.key_lines = line, key_lines
    return placed


def _copy(value: Plain) -> Plain:
    if isinstance(value, dict):
        copied = {name: _copy(inner) for name, inner in value.items()}
        if isinstance(value, Placed):
            return _placed(copied, value.line, value.key_lines)
        return copied
    return [_copy(inner) for inner in value] if isinstance(value, list) else value


def _plain_scalar(text: str) -> Plain:
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if len(text) > _MAX_NUMBER_CHARS:
        return text
    if _INT.fullmatch(text):
        return _integer(text.replace("_", ""))
    if _FLOAT.fullmatch(text):
        number = float(text.replace("_", ""))
        return text if number in {float("inf"), float("-inf")} else number
    return text


def _integer(text: str) -> int:
    sign, digits = (-1, text[1:]) if text[0] == "-" else (1, text.lstrip("+"))
    prefix = digits[:2].lower()
    if prefix in {"0x", "0b"}:
        return sign * int(digits[2:] or "0", 16 if prefix == "0x" else 2)
    if len(digits) > 1 and digits[0] == "0":
        return sign * int(digits[2:] or "0" if prefix == "0o" else digits, 8)
    return sign * int(digits)
