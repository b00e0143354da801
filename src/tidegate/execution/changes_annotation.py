# SPDX-License-Identifier: Apache-2.0
"""The annotation that tells, on the pod itself, what was changed and why."""

from typing import Final

from tidegate.errors import InvalidInputError
from tidegate.execution.edit import Edit
from tidegate.values import Struct
from tidegate.wire import from_json, to_json

CHANGES_ANNOTATION: Final = "tidegate.dev/changes"
MAX_ANNOTATION_BYTES: Final = 64 * 1024
"""Kubernetes takes 256 KiB of annotations in all."""


class Told(Struct, frozen=True, kw_only=True):
    """One change: `path` is a JSON Pointer into the object it was made in."""

    path: str
    why: str


def tell_changes(edit: Edit, pod_at: tuple[str, ...]) -> None:
    """Writes what an edit changed beside what earlier ones told; nothing where nothing was changed."""
    if not edit.changes:
        return
    at = (*pod_at, "metadata", "annotations", CHANGES_ANNOTATION)
    new = {change.path for change in edit.changes}
    kept = (one for one in _earlier(edit.get(at)) if one.path not in new)
    told = [*kept, *(Told(path=change.path, why=change.why) for change in edit.changes)]
    edit.set(at, value=_bounded(told), why="", silent=True)


def _earlier(written: object) -> list[Told]:
    """What an earlier pass told; what anybody else wrote there is dropped."""
    if not isinstance(written, str):
        return []
    try:
        return from_json(written.encode(), list[Told], what=CHANGES_ANNOTATION, max_bytes=MAX_ANNOTATION_BYTES)
    except (InvalidInputError, UnicodeEncodeError):
        return []


def _bounded(told: list[Told]) -> str:
    text = to_json(told)
    if len(text) <= MAX_ANNOTATION_BYTES:
        return text.decode()
    left = len(told) * MAX_ANNOTATION_BYTES // len(text) // 2
    more = Told(path="", why=f"and {len(told) - left} more; the event of this admission tells them all")
    return to_json([*told[:left], more]).decode()
