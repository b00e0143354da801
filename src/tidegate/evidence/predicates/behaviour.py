# SPDX-License-Identifier: Apache-2.0
"""What was seen of something while it ran: our own form, and in-toto's runtime-trace, read into one."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from tidegate.evidence.predicates.bounded import Count, Name, Word
from tidegate.evidence.statement import BEHAVIOUR, PredicateType
from tidegate.values import Struct, msgspec
from tidegate.wire import from_builtins

MAX_SEEN: Final = 10_000
"""Processes, connections, writes or deviations that one statement may list."""

_Seen = Annotated[tuple[Name, ...], msgspec.Meta(max_length=MAX_SEEN)]


class Deviation(Struct, frozen=True, kw_only=True):
    """Something that was not expected: `kind` is `exec`, `connect`, `write`, …, `what` the path or address."""

    kind: Name
    what: Name


class Behaviour(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a monitor saw.

    Attributes:
        monitor: URI of what watched.
        expected_by: what deviations were told from: digest of a profile, or its name; "" when nothing was expected.
        processes: paths of programs that ran; `connections` as `host:port`; `writes` paths of files.
        deviations: what was not expected.
    """

    monitor: Name
    expected_by: Word = ""
    started_on: Word = ""
    finished_on: Word = ""
    processes: _Seen = ()
    connections: _Seen = ()
    writes: _Seen = ()
    deviations: Annotated[tuple[Deviation, ...], msgspec.Meta(max_length=MAX_SEEN)] = ()
    events: Count = 0


class _Monitor(Struct, frozen=True, kw_only=True):
    type: Name


class _Log(Struct, frozen=True, kw_only=True, rename="camel"):
    process: Annotated[list[dict[str, Any]], msgspec.Meta(max_length=MAX_SEEN)] | None = None
    network: Annotated[list[dict[str, Any]], msgspec.Meta(max_length=MAX_SEEN)] | None = None
    file_access: Annotated[list[dict[str, Any]], msgspec.Meta(max_length=MAX_SEEN)] | None = None


class _Metadata(Struct, frozen=True, kw_only=True, rename="camel"):
    build_started_on: Word | None = ""
    build_finished_on: Word | None = ""


class _Trace(Struct, frozen=True, kw_only=True, rename="camel"):
    monitor: _Monitor
    monitor_log: _Log
    metadata: _Metadata | None = None


def read_behaviour(predicate_type: PredicateType, predicate: Mapping[str, Any], *, where: str) -> Behaviour:
    """Reads either form; a trace lists no deviations, since it does not say what was expected.

    Raises:
        InvalidInputError: it is neither, or over a bound.
    """
    if predicate_type == BEHAVIOUR:
        return from_builtins(predicate, Behaviour, what=where)
    told = from_builtins(predicate, _Trace, what=where)
    log, metadata = told.monitor_log, told.metadata or _Metadata()
    processes, network = log.process or [], log.network or []
    return Behaviour(
        monitor=told.monitor.type,
        started_on=metadata.build_started_on or "",
        finished_on=metadata.build_finished_on or "",
        processes=_named(_text(it, "processBinary") for it in processes),
        connections=_named(f"{_text(it, 'hostname') or _text(it, 'ip')}:{it.get('port', '')}"[:200] for it in network),
        events=len(processes) + len(network) + len(log.file_access or ()),
    )


def _text(item: Mapping[str, Any], name: str) -> str:
    found = item.get(name)
    return found[:1000] if isinstance(found, str) else ""


def _named(found: Any) -> tuple[str, ...]:
    return tuple(sorted({name for name in found if name}))
