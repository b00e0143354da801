# SPDX-License-Identifier: Apache-2.0
"""What every document of rules has: a version, metadata and a spec, of which every key is known."""

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.rules.marked_yaml import Node
from tidegate.rules.reading import DocumentError, Fields

API_VERSION: Final = "tidegate.dev/v1"

_T = TypeVar("_T")


def header_and_spec(node: Node, *spec_keys: str) -> tuple[Fields, Fields]:
    """The metadata and spec of a document whose keys are all known.

    Raises:
        InvalidInputError: they are not.
    """
    document = Fields.of(node, "apiVersion", "kind", "metadata", "spec")
    return Fields.of(document.node("metadata"), "name", "description"), Fields.of(document.node("spec"), *spec_keys)


def each_of(nodes: Iterable[Node], read: Callable[[Node], _T]) -> tuple[_T, ...]:
    """Reads every node, and complains of all that are wrong at once.

    Raises:
        DocumentError: with the defects.
        BoundExceededError: at once.
    """
    found: list[_T] = []
    defects: list[InvalidInputError] = []
    for node in nodes:
        try:
            found.append(read(node))
        except BoundExceededError:
            raise
        except DocumentError as error:
            defects += error.defects
        except InvalidInputError as error:
            defects.append(error)
    if defects:
        raise DocumentError(defects)
    return tuple(found)
