# SPDX-License-Identifier: Apache-2.0
"""Changes of objects that are put back exactly: what was there before stands in an annotation beside the change.

The change and what it remembers are one patch, so that no kill comes between them. Several orders may hold one change;
it is put back with the last of them, and only where nobody else has changed it since. Pure.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final

from tidegate.errors import InvalidInputError
from tidegate.execution.response_policy import Step
from tidegate.kubernetes.objects import Object
from tidegate.values import Struct, msgspec
from tidegate.wire import from_json, to_json

PREFIX: Final = "tidegate.dev/"
MARK: Final = f"{PREFIX}incident"
"""The label of a marked pod: the incident, or the order."""
WHY: Final = f"{PREFIX}response"
"""The annotation that tells people why."""
ISOLATED: Final = f"{PREFIX}isolated"
"""The label that a quarantine's policy selects: the pod's uid."""
MAX_ORDERS: Final = 100
_MAX_HELD_BYTES: Final = 64 * 1024

Value = str | int | bool | None
Path = tuple[str, ...]

_LABELS: Final = ("metadata", "labels")
_REPLICAS: Final[Path] = ("spec", "replicas")
_SUSPEND: Final[Path] = ("spec", "suspend")
_UNSCHEDULABLE: Final[Path] = ("spec", "unschedulable")
_KEY: Final = re.compile(r"(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


class _Was(Struct, frozen=True, kw_only=True):
    path: Annotated[tuple[Annotated[str, msgspec.Meta(max_length=320)], ...], msgspec.Meta(max_length=3)]
    before: Annotated[str, msgspec.Meta(max_length=4096)] | int | bool | None
    after: Annotated[str, msgspec.Meta(max_length=4096)] | int | bool | None


class Held(Struct, frozen=True, kw_only=True):
    """What the annotation says.

    Attributes:
        orders: those that hold the change.
        values: by path, what was there before, and what was put there.
    """

    orders: Annotated[tuple[Annotated[str, msgspec.Meta(max_length=32)], ...], msgspec.Meta(max_length=MAX_ORDERS)]
    values: Annotated[tuple[_Was, ...], msgspec.Meta(max_length=100)]


def annotation_of(step: Step) -> str:
    """Where a step remembers what was before it."""
    return f"{PREFIX}held-{step}"


def held(found: Object, step: Step) -> Held | None:
    """What an object says is held of it by a step; None for nothing.

    Raises:
        InvalidInputError: it is none of ours: who may write annotations wrote it.
    """
    text = value_at(found, ("metadata", "annotations", annotation_of(step)))
    if not isinstance(text, str):
        return None
    read = from_json(text.encode(), Held, what=annotation_of(step), max_bytes=_MAX_HELD_BYTES)
    for one in read.values:
        if not _is_of(step, one.path) or not (_fits(one.path, one.before) and _fits(one.path, one.after)):
            raise InvalidInputError(
                "it remembers what this step never changes", where=annotation_of(step), remedy="put it back by hand"
            )
    return read


def is_held_by(found: Object, step: Step, order: str) -> bool:
    """Whether an order holds a change of an object; what stands there and is none of ours holds nothing."""
    try:
        now = held(found, step)
    except InvalidInputError:
        return False
    return now is not None and order in now.orders


def take(found: Object, step: Step, order: str, wanted: Mapping[Path, Value]) -> dict[str, Any]:
    """The patch that makes `wanted` so, and remembers what was before; {} when it is so, for this order, already.

    Args:
        found: the object as it is.
        step: which.
        order: its id.
        wanted: values by path; None takes one away.

    Raises:
        InvalidInputError: over `MAX_ORDERS` hold it; what stands there is none of ours.
    """
    before = held(found, step) or Held(orders=(), values=())
    if len(before.orders) >= MAX_ORDERS:
        raise InvalidInputError(f"{MAX_ORDERS} orders hold it", where=annotation_of(step), remedy="undo some")
    known = {one.path: one for one in before.values}
    for path, value in wanted.items():
        stands = value_at(found, path)  # what somebody else put there since is what was before
        was = known[path].before if path in known and stands == known[path].after else stands
        known[path] = _Was(path=path, before=was, after=value)
    now = Held(orders=tuple(dict.fromkeys((*before.orders, order))), values=tuple(known.values()))
    changes = {path: value for path, value in wanted.items() if value_at(found, path) != value}
    if now == before and not changes:
        return {}
    return _patch(found, {**changes, _place(step): to_json(now).decode()})


def give_back(found: Object, step: Step, order: str) -> dict[str, Any]:
    """The patch that takes an order's hold away, and puts back what was before where it was the last; {} without one.

    What somebody else has changed since stays as they made it.

    Raises:
        InvalidInputError: as `held`.
    """
    now = held(found, step)
    if now is None or order not in now.orders:
        return {}
    left = tuple(one for one in now.orders if one != order)
    if left:
        return _patch(found, {_place(step): to_json(Held(orders=left, values=now.values)).decode()})
    back = {one.path: one.before for one in now.values if value_at(found, one.path) == one.after}
    return _patch(found, {**back, _place(step): None})


def let_go(found: Object, step: Step, order: str) -> dict[str, Any]:
    """The patch that takes away what an object remembers of an order, and changes nothing else; {} for nothing.

    Raises:
        InvalidInputError: as `held`.
    """
    now = held(found, step)
    return _patch(found, {_place(step): None}) if now is not None and order in now.orders else {}


def value_at(found: Any, path: Sequence[str]) -> Any:
    """What stands at a path; None for nothing."""
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _place(step: Step) -> Path:
    return ("metadata", "annotations", annotation_of(step))


def _patch(found: Object, values: Mapping[Path, Value]) -> dict[str, Any]:
    made: dict[str, Any] = {"metadata": {"resourceVersion": value_at(found, ("metadata", "resourceVersion"))}}
    for path, value in values.items():
        place = made
        for key in path[:-1]:
            place = place.setdefault(key, {})
        place[path[-1]] = value
    return made


def _is_of(step: Step, path: Path) -> bool:
    """Whether a step changes what stands there: an annotation that says otherwise would have us change it."""
    return path in _paths(step) or (step is Step.ISOLATE and path[:-1] == _LABELS and bool(_KEY.fullmatch(path[-1])))


def _paths(step: Step) -> Iterator[Path]:
    if step is Step.LABEL:
        yield (*_LABELS, MARK)
    elif step is Step.ANNOTATE:
        yield ("metadata", "annotations", WHY)
    elif step is Step.SCALE_TO_ZERO:
        yield from (_REPLICAS, _SUSPEND)
    elif step is Step.CORDON:
        yield _UNSCHEDULABLE


def _fits(path: Path, value: Value) -> bool:
    if value is None:
        return True
    if path == _REPLICAS:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return isinstance(value, bool if path in {_SUSPEND, _UNSCHEDULABLE} else str)
