# SPDX-License-Identifier: Apache-2.0
"""YAML 1.2 documents as nodes that know where they stand, so that every complaint names file, line and column.

Scalars stay text: what a key wants decides what it means, so `no` is never false by surprise. Anchors, aliases, tags
and duplicate keys are refused; size, depth and count are bounded before anything is built.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import yaml

from tidegate.bounds import KIB
from tidegate.errors import BoundExceededError, InvalidInputError

MAX_DOCUMENT_BYTES: Final = 512 * KIB
MAX_NODES: Final = 50_000
MAX_DEPTH: Final = 24


@dataclass(frozen=True, slots=True)
class Place:
    """A spot in a file; line and column are counted from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Scalar:
    """A piece of text, with how its characters lie in the file."""

    text: str
    place: Place
    style: str = ""
    lines: tuple[str, ...] = ()

    def at(self, line: int, column: int) -> Place:
        """Where a line and column of the text (from 1) are in the file.

        Exact for text on one line and for literal blocks (`|`); the start of the scalar where YAML folds lines.
        """
        start = self.place
        if self.style == "|":
            row = start.line + line
            written = self.lines[line - 1] if line <= len(self.lines) else ""
            wanted = self.text.split("\n")[line - 1] if line <= self.text.count("\n") + 1 else ""
            return Place(start.file, row, max(0, len(written) - len(wanted)) + column)
        if line == 1 and len(self.lines) == 1 and self.text in self.lines[0]:
            return Place(start.file, start.line, start.column + len(self.style) + column - 1)
        return start


@dataclass(frozen=True, slots=True)
class Listing:
    """A sequence."""

    items: tuple["Node", ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping; its keys are unique."""

    entries: dict[str, tuple[Scalar, "Node"]]
    place: Place


Node = Scalar | Listing | Table


def read_documents(text: str, *, file: str) -> list[Node]:
    """Reads every document of a file.

    Raises:
        BoundExceededError: too long, too many nodes, or nested too deep.
        InvalidInputError: not YAML, or with a duplicate key, an anchor, an alias or a tag.
    """
    if len(text) > MAX_DOCUMENT_BYTES or len(text.encode(errors="replace")) > MAX_DOCUMENT_BYTES:
        raise BoundExceededError("MAX_DOCUMENT_BYTES", MAX_DOCUMENT_BYTES, where=file)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _Composer(text, file).documents(yaml.parse(text, Loader=loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)
        raise InvalidInputError(f"not YAML: {error.problem or error.context}", where=str(place)) from error
    except (yaml.YAMLError, UnicodeError) as error:
        raise InvalidInputError(f"not YAML: {str(error).splitlines()[0]}", where=file) from error


class _Composer:
    """Builds nodes from parser events; the parser itself does not recurse, and neither may hostile nesting here."""

    def __init__(self, text: str, file: str) -> None:
        self._lines = text.split("\n")
        self._file = file
        self._nodes = 0

    def documents(self, events: Iterator[yaml.Event]) -> list[Node]:
        return [self._node(next(events), events, 0) for event in events if isinstance(event, yaml.DocumentStartEvent)]

    def _node(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Node:
        place = self._place(event)
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise BoundExceededError("MAX_NODES", MAX_NODES, where=str(place))
        if depth > MAX_DEPTH:
            raise BoundExceededError("MAX_DEPTH", MAX_DEPTH, where=str(place))
        if not isinstance(event, yaml.ScalarEvent | yaml.SequenceStartEvent | yaml.MappingStartEvent):
            raise InvalidInputError("an alias", where=str(place), remedy="write it out")
        if event.anchor or event.tag:
            raise InvalidInputError("an anchor or a tag", where=str(place), remedy="write it out")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, place)
        if isinstance(event, yaml.SequenceStartEvent):
            items = []
            while not isinstance(event := next(events), yaml.SequenceEndEvent):
                items.append(self._node(event, events, depth + 1))
            return Listing(tuple(items), place)
        return self._table(events, depth, place)

    def _table(self, events: Iterator[yaml.Event], depth: int, place: Place) -> Table:
        entries: dict[str, tuple[Scalar, Node]] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key = self._node(event, events, depth + 1)
            if not isinstance(key, Scalar):
                raise InvalidInputError("a key must be text", where=str(key.place))
            if key.text in entries:
                first = entries[key.text][0].place
                raise InvalidInputError(
                    f"the key {key.text!r} stands here a second time",
                    where=str(key.place),
                    remedy=f"it is on line {first.line} already",
                )
            entries[key.text] = (key, self._node(next(events), events, depth + 1))
        return Table(entries, place)

    def _scalar(self, event: yaml.ScalarEvent, place: Place) -> Scalar:
        start = place.line - 1
        end = event.end_mark.line if event.end_mark else start
        style = event.style or ""
        lines = self._lines[start + 1 : end + 1] if style == "|" else self._lines[start : end + 1]
        return Scalar(event.value, place, style, tuple(lines))

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        return Place(self._file, mark.line + 1, mark.column + 1) if mark else Place(self._file, 1, 1)
