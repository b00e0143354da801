# SPDX-License-Identifier: Apache-2.0
"""YAML lock files as plain tables, lists and texts, built from events within bounds.

Scalars stay text, so a version 1.10 is never the number 1.1. Anchors are followed, merges and tags are not. The
library's own way from events to values recurses in C without a bound and can end the process; this one cannot.
"""

from typing import Any, Final

from tidegate.bounds import printable
from tidegate.errors import BoundExceededError, InvalidInputError

MAX_DEPTH: Final = 64
MAX_NODES: Final = 2_000_000


def read_yaml(content: bytes, *, where: str) -> list[Any]:
    """Reads all documents of a file: dicts, lists and strings.

    Raises:
        BoundExceededError: over `MAX_DEPTH` or `MAX_NODES`.
        InvalidInputError: it is not YAML.
    """
    import yaml

    loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        return _Builder(where).built(yaml.parse(content, Loader=loader))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        text = printable(" ".join(str(error).split())[:200])
        raise InvalidInputError(f"not YAML: {text}", where=where) from error


class _Builder:
    """Puts events together; `_open` holds the containers not yet ended, with the key that waits for its value."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._documents: list[Any] = []
        self._open: list[tuple[Any, str]] = []
        self._keys: list[str | None] = []
        self._anchors: dict[str, Any] = {}

    def built(self, events: Any) -> list[Any]:
        import yaml  # again, because a folder of sources need not hold a single YAML file

        for count, event in enumerate(events):
            if count > MAX_NODES:
                raise BoundExceededError("MAX_NODES", MAX_NODES, where=self._where)
            kind = type(event)
            if kind is yaml.ScalarEvent:
                self._put(event.value, event.anchor)
            elif kind is yaml.MappingStartEvent:
                self._enter({}, event.anchor)
            elif kind is yaml.SequenceStartEvent:
                self._enter([], event.anchor)
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                value, anchor = self._open.pop()
                self._keys.pop()
                self._put(value, anchor)
            elif kind is yaml.AliasEvent:
                self._put(self._anchored(event.anchor), "")
        return self._documents

    def _enter(self, value: Any, anchor: str | None) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise BoundExceededError("MAX_DEPTH", MAX_DEPTH, where=self._where)
        self._open.append((value, anchor or ""))
        self._keys.append(None)

    def _put(self, value: Any, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = value
        if not self._open:
            self._documents.append(value)
            return
        holder = self._open[-1][0]
        if isinstance(holder, list):
            holder.append(value)
            return
        key = self._keys[-1]
        if key is None:
            self._keys[-1] = value if isinstance(value, str) else ""
        else:
            holder[key] = value
            self._keys[-1] = None

    def _anchored(self, anchor: str) -> Any:
        if anchor not in self._anchors:
            raise InvalidInputError(f"an alias of nothing: {printable(anchor[:60])}", where=self._where)
        return self._anchors[anchor]
