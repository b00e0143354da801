# SPDX-License-Identifier: Apache-2.0
"""Audit events of a Kubernetes API server, as its webhook backend sends them (`audit.k8s.io/v1`, an `EventList`).

Of what an API server tells, some is worth an incident; the rest is passed over: its own log keeps it.
"""

from collections.abc import Sequence
from typing import Annotated, Final

from tidegate.errors import InvalidInputError
from tidegate.execution.drift_rules import Mode
from tidegate.execution.observation import MAX_WORD_CHARS, Act, Observation, clean
from tidegate.values import Struct, msgspec
from tidegate.wire import from_json

MAX_LIST_BYTES: Final = 16 << 20
MAX_EVENTS: Final = 2000
_API: Final = "audit.k8s.io/v1"
_IN_PODS: Final = {
    "exec": "ran a command in a pod",
    "attach": "attached to a pod",
    "portforward": "forwarded a port of a pod",
    "ephemeralcontainers": "put a container into a running pod",
}
_ROLES: Final = frozenset({"roles", "clusterroles", "rolebindings", "clusterrolebindings"})
_WRITES: Final = frozenset({"create", "update", "patch", "delete", "deletecollection"})
_READS: Final = frozenset({"get", "list", "watch"})
_REFUSED: Final = frozenset({401, 403})
_Name = Annotated[str, msgspec.Meta(max_length=1000)]


class _User(Struct, frozen=True, kw_only=True):
    username: _Name = ""


class _Object(Struct, frozen=True, kw_only=True):
    resource: _Name = ""
    namespace: _Name = ""
    name: _Name = ""
    subresource: _Name = ""


class _Status(Struct, frozen=True, kw_only=True):
    code: int = 0


class AuditEvent(Struct, frozen=True, kw_only=True, rename="camel"):
    """One event, of what it says what is judged.

    Attributes:
        audit_id: of the request; each of its stages has the same.
    """

    audit_id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] = msgspec.field(name="auditID")
    stage: _Name = ""
    verb: _Name = ""
    user: _User = _User()
    object_ref: _Object | None = None
    response_status: _Status | None = None
    stage_timestamp: _Name = ""


class _List(Struct, frozen=True, kw_only=True, rename="camel"):
    kind: str
    api_version: str
    items: Annotated[tuple[AuditEvent, ...], msgspec.Meta(max_length=MAX_EVENTS)] = ()


def read_audit(data: bytes) -> Sequence[AuditEvent]:
    """Reads a list of events.

    Raises:
        InvalidInputError: it is none, of another version, or over 16 MiB or 2,000 events.
    """
    found = from_json(data, _List, what="audit events", max_bytes=MAX_LIST_BYTES)
    if (found.api_version, found.kind) != (_API, "EventList"):
        raise InvalidInputError(f"not a list of {_API}", where="audit events", remedy="send EventList of that version")
    return found.items


def audit_seen(event: AuditEvent, *, at: str) -> Observation | None:
    """An event as an observation; None for what is passed over, and for stages before the last."""
    what = _worth(event) if event.stage in {"ResponseComplete", "Panic"} else ""
    if not what:
        return None
    thing = event.object_ref or _Object()
    path = "/".join(part for part in (thing.namespace, thing.resource, thing.name, thing.subresource) if part)
    refused = event.response_status is not None and event.response_status.code in _REFUSED
    return Observation(
        at=at,
        act=Act.REPORTED,
        path=clean(path),
        refused=refused,
        mode=Mode.ALERT,
        rule=clean(f"kubernetes: {event.verb} {thing.resource}/{thing.subresource}".rstrip("/"), MAX_WORD_CHARS),
        program=clean(event.user.username, MAX_WORD_CHARS),
        what=clean(f"{event.user.username} {what}{' and was refused' if refused else ''}", 2000),
    )


def _worth(event: AuditEvent) -> str:
    thing = event.object_ref
    if thing is None:
        return ""
    if thing.resource == "pods" and thing.subresource in _IN_PODS:
        return _IN_PODS[thing.subresource]
    is_system = event.user.username.startswith("system:")
    if thing.resource == "secrets" and event.verb in _READS and not is_system:
        return "read secrets"
    if thing.resource in _ROLES and event.verb in _WRITES and not is_system:
        return f"changed who may do what ({event.verb} {thing.resource})"
    if event.user.username == "system:anonymous" and (event.response_status or _Status()).code not in _REFUSED:
        return f"was let in though nobody knows who it is ({event.verb} {thing.resource})"
    return ""
