# SPDX-License-Identifier: Apache-2.0
"""What documents of rules of this tier have in common: the kind, and bounds of their lists."""

from collections.abc import Iterator, Mapping
from typing import Final

from tidegate.errors import InvalidInputError
from tidegate.rules.document import API_VERSION
from tidegate.rules.marked_yaml import Node, Table, read_documents
from tidegate.rules.reading import DocumentError, Fields, as_scalar, defect

MAX_PATTERNS: Final = 100


def rule_documents(files: Mapping[str, str], kind: str) -> Iterator[Node]:
    """Every document of any number of files, all of one kind.

    Raises:
        DocumentError: one is of another kind.
        BoundExceededError: one is over a bound.
    """
    for file, text in files.items():
        for node in read_documents(text, file=file):
            try:
                _check_kind(node, kind)
            except InvalidInputError as error:
                raise DocumentError([error]) from error
            yield node


def few(nodes: tuple[Node, ...], bound: str, limit: int) -> tuple[Node, ...]:
    """A list that is not over its bound.

    Raises:
        InvalidInputError: it is.
    """
    if len(nodes) > limit:
        raise defect(nodes[limit], f"over the limit {bound} = {limit}")
    return nodes


def patterns(fields: Fields, key: str) -> tuple[str, ...]:
    """Texts of a list, such as shell patterns; empty when it is missing.

    Raises:
        InvalidInputError: it is no list of texts, or over `MAX_PATTERNS`.
    """
    return tuple(as_scalar(one).text for one in few(fields.listing(key), "MAX_PATTERNS", MAX_PATTERNS))


def unique(nodes: tuple[Node, ...], names: list[str]) -> None:
    """Refuses a second of one name.

    Raises:
        DocumentError: with each that is one.
    """
    twice = [defect(nodes[at], f"a second is called {name!r}") for at, name in enumerate(names) if name in names[:at]]
    if twice:
        raise DocumentError(twice)


def yes(fields: Fields, key: str, *, default: bool = False) -> bool:
    """A switch.

    Raises:
        InvalidInputError: it is neither true nor false.
    """
    text = fields.text(key, str(default).lower())
    if text not in {"true", "false"}:
        raise defect(fields.node(key), "is neither true nor false")
    return text == "true"


def _check_kind(node: Node, kind: str) -> None:
    fields = Fields(node if isinstance(node, Table) else Fields.of(node).table)
    if fields.text("apiVersion") != API_VERSION:
        raise defect(fields.node("apiVersion"), "unknown apiVersion", f"write {API_VERSION}")
    if fields.text("kind") != kind:
        raise defect(fields.node("kind"), f"unknown kind {fields.text('kind')[:40]!r}", f"write {kind}")
