# SPDX-License-Identifier: Apache-2.0
"""Alerts of Falco, as it sends them by its HTTP output (falco.org, outputs: `json_output`, `http_output`)."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

from tidegate.execution.drift_rules import Mode
from tidegate.execution.observation import MAX_WORD_CHARS, Act, Container, Observation, clean
from tidegate.values import Struct, msgspec
from tidegate.wire import from_json

MAX_ALERT_BYTES: Final = 256 * 1024
_LOUD: Final = frozenset({"emergency", "alert", "critical", "error", "warning"})
_ID: Final = re.compile(r"[0-9a-f]{64}")


class Alert(Struct, frozen=True, kw_only=True):
    """An alert; what it has beside these is left alone.

    Attributes:
        uuid: of newer ones; "" otherwise.
        time: RFC 3339, with nanoseconds.
        output_fields: by Falco's names of fields, such as `container.id`, `k8s.pod.name`, `proc.cmdline`.
    """

    rule: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
    priority: Annotated[str, msgspec.Meta(max_length=40)]
    time: Annotated[str, msgspec.Meta(max_length=40)]
    output: str = ""
    uuid: Annotated[str, msgspec.Meta(max_length=64)] = ""
    hostname: Annotated[str, msgspec.Meta(max_length=253)] = ""
    source: Annotated[str, msgspec.Meta(max_length=100)] = ""
    output_fields: Mapping[str, Any] = {}


def read_alert(data: bytes) -> Alert:
    """Reads one alert.

    Raises:
        InvalidInputError: it is none, or over 256 KiB.
    """
    return from_json(data, Alert, what="Falco alert", max_bytes=MAX_ALERT_BYTES)


def alert_seen(alert: Alert, known: Mapping[str, Container], *, at: str) -> Observation:
    """An alert as an observation: it alerts from `warning` on, and is only observed below.

    Args:
        alert: as it was read.
        known: containers that run on its node, by the first 12 digits of their ids, of which Falco tells no more; one
            that is not among them stands in no container, but in the words of the alert.
        at: when it came.
    """
    said = alert.output_fields
    number = _text(said, "container.id")
    container = known.get(number[:12])
    if container is None and _ID.fullmatch(number):
        container = Container(
            id=number,
            name=_text(said, "k8s.container.name") or _text(said, "container.name"),
            image=_text(said, "container.image.repository"),
            namespace=_text(said, "k8s.ns.name"),
            pod=_text(said, "k8s.pod.name"),
        )
    return Observation(
        at=at,
        act=Act.REPORTED,
        path=clean(_text(said, "fd.name") or _text(said, "proc.exepath"), 4096),
        mode=Mode.ALERT if alert.priority.casefold() in _LOUD else Mode.OBSERVE,
        rule=clean(f"falco: {alert.rule}", MAX_WORD_CHARS),
        program=clean(_text(said, "proc.name"), MAX_WORD_CHARS),
        container=container,
        what=clean(f"{alert.priority}: {alert.output}", 2000),
    )


def _text(fields: Mapping[str, Any], name: str) -> str:
    found = fields.get(name)
    return found[:MAX_WORD_CHARS] if isinstance(found, str) and found != "<NA>" else ""
