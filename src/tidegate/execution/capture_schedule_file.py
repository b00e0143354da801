# SPDX-License-Identifier: Apache-2.0
"""Schedules of captures from YAML, as docs/reference/forensics.md has them; refused whole when anything is unknown."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from tidegate.execution.capture_schedule import CaptureSchedule, CaptureSchedules
from tidegate.execution.captures import MAX_KEEP
from tidegate.execution.drift_rules import EVERYTHING, DriftRule
from tidegate.execution.rule_documents import few, patterns, rule_documents, unique, yes
from tidegate.rules.document import each_of, header_and_spec
from tidegate.rules.marked_yaml import Node
from tidegate.rules.reading import Fields, as_duration, defect

KIND: Final = "CaptureSchedule"
MAX_SCHEDULES: Final = 100
SHORTEST: Final = timedelta(minutes=10)
LONGEST: Final = timedelta(days=366)
_MAX_AT_ONCE: Final = 100
_MAX_PER_DAY: Final = 100_000
_PLACES: Final = ("containers", "images", "namespaces", "pods")
_KEYS: Final = ("name", "description", *_PLACES, "every", "atStart", "keep")


def load_capture_schedules(files: Mapping[str, str]) -> CaptureSchedules:
    """Reads the schedules of any number of files, in their order; limits are those of the last that has any.

    Args:
        files: text by file name; the name stands in errors.

    Raises:
        DocumentError: something is wrong; it carries every defect of the first document that has any.
        BoundExceededError: a document is over a bound.
    """
    read = CaptureSchedules()
    for node in rule_documents(files, KIND):
        (read,) = each_of([node], lambda one, before=read: _document(one, before))  # type: ignore[misc] # mypy infers no lambda with a default
    return read


def _document(node: Node, before: CaptureSchedules) -> CaptureSchedules:
    _, spec = header_and_spec(node, "schedules", "limits")
    nodes = few(spec.listing("schedules"), "MAX_SCHEDULES", MAX_SCHEDULES)
    found = each_of(nodes, _schedule)
    known = [one.name for one in before.schedules]
    unique((*[node] * len(known), *nodes), [*known, *(one.name for one in found)])
    limits = spec.optional("limits")
    fields = None if limits is None else Fields.of(limits, "atOnce", "perDay")
    return CaptureSchedules(
        schedules=before.schedules + found,
        at_once=before.at_once
        if fields is None
        else fields.whole_number("atOnce", CaptureSchedules().at_once, most=_MAX_AT_ONCE),
        per_day=before.per_day
        if fields is None
        else fields.whole_number("perDay", CaptureSchedules().per_day, most=_MAX_PER_DAY),
    )


def _schedule(node: Node) -> CaptureSchedule:
    fields = Fields.of(node, *_KEYS)
    every = as_duration(fields.node("every"))
    if not SHORTEST <= every <= LONGEST:
        raise defect(fields.node("every"), "not a time between two captures", "between 10m and 366d")
    keep = fields.optional("keep")
    lasts = None if keep is None else as_duration(keep)
    if keep is not None and lasts is not None and not timedelta(days=1) <= lasts <= MAX_KEEP:
        raise defect(keep, "not a time to keep a capture for", f"between 1d and {MAX_KEEP.days}d")
    places = DriftRule(
        name=fields.name("name"),
        containers=patterns(fields, "containers") or EVERYTHING,
        images=patterns(fields, "images") or EVERYTHING,
        namespaces=patterns(fields, "namespaces") or EVERYTHING,
        pods=patterns(fields, "pods") or EVERYTHING,
    )
    return CaptureSchedule(places=places, every=every, at_start=yes(fields, "atStart"), keep=lasts)
