# SPDX-License-Identifier: Apache-2.0
"""The difference of two documents as a JSON Patch (RFC 6902), with JSON Pointers (RFC 6901)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def json_patch(before: Any, after: Any) -> list[dict[str, Any]]:
    """Operations that make `after` of `before`, in order: `add`, `replace` and `remove`; none when they are equal.

    Lists are compared position by position: right for documents that only grew, right but long for others.
    """
    return list(_differences(before, after, ()))


def pointer(path: Sequence[str | int]) -> str:
    """Writes keys and positions as a JSON Pointer."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _differences(before: Any, after: Any, path: tuple[str | int, ...]) -> Iterator[dict[str, Any]]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _of_maps(before, after, path)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _of_lists(before, after, path)
    elif not _same(before, after):
        yield {"op": "replace", "path": pointer(path), "value": after}


def _of_maps(
    before: Mapping[str, Any], after: Mapping[str, Any], path: tuple[str | int, ...]
) -> Iterator[dict[str, Any]]:
    for key in before:
        if key not in after:
            yield {"op": "remove", "path": pointer((*path, key))}
    for key, value in after.items():
        if key in before:
            yield from _differences(before[key], value, (*path, key))
        else:
            yield {"op": "add", "path": pointer((*path, key)), "value": value}


def _of_lists(before: list[Any], after: list[Any], path: tuple[str | int, ...]) -> Iterator[dict[str, Any]]:
    for at, (old, new) in enumerate(zip(before, after, strict=False)):
        yield from _differences(old, new, (*path, at))
    for at in range(len(before) - 1, len(after) - 1, -1):
        yield {"op": "remove", "path": pointer((*path, at))}
    for at in range(len(before), len(after)):
        yield {"op": "add", "path": pointer((*path, at)), "value": after[at]}


def _same(before: Any, after: Any) -> bool:
    # True == 1 for Python, not for JSON.
    return isinstance(before, bool) == isinstance(after, bool) and bool(before == after)
