# SPDX-License-Identifier: Apache-2.0
"""Changing a copy of a document and keeping account of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.execution.json_patch import pointer


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that was set.

    Attributes:
        path: JSON Pointer (RFC 6901) into the document.
        before: None when nothing was said there.
    """

    path: str
    before: Any
    after: Any
    why: str


class Edit:
    """A copy of a document, and what was changed in it. The document handed in stays as it is."""

    def __init__(self, document: Any) -> None:
        self.document = _copy(document)
        self.changes: list[Change] = []

    def get(self, path: Sequence[str | int]) -> Any:
        """What stands at a path; None when nothing does."""
        node = self.document
        for part in path:
            if node is None:
                return None
            node = node[part] if isinstance(part, int) else node.get(part)
        return node

    def set(self, path: Sequence[str | int], *, value: Any, why: str, silent: bool = False) -> None:
        """Sets what stands at a path, making the maps that lead there; a `null` on the way is no map.

        Args:
            path: keys and positions; the last is a key.
            value: plain data.
            why: for people.
            silent: leave it out of the account.
        """
        *way, last = path
        node = self.document
        for part in way:
            if isinstance(part, str) and node.get(part) is None:
                node[part] = {}
            node = node[part]
        before = node.get(last)
        node[last] = _copy(value)
        if not silent:
            self.changes.append(Change(path=pointer(path), before=before, after=value, why=why))

    def fill(self, path: Sequence[str | int], *, value: Any, why: str) -> None:
        """Sets what stands at a path unless something does."""
        if self.get(path) is None:
            self.set(path, value=value, why=why)


def _copy(value: Any) -> Any:
    # Not copy.deepcopy: that keeps one object seen at two places one object, and an edit would change both.
    if isinstance(value, dict):
        return {key: _copy(inner) for key, inner in value.items()}
    return [_copy(inner) for inner in value] if isinstance(value, list | tuple) else value
