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
_BEFORE: Final = re.compile(r"\A[0-9T:.+Z-]{8,40}: [A-Z][a-z]{2,14} ")
_PATHS: Final = ("fd.name", "fs.path.name", "evt.arg.path", "evt.arg.name", "proc.exepath", "ka.uri")
"""Fields that say what it was done to, the nearest first: a file or connection, a program, an API server's resource."""


class Alert(Struct, frozen=True, kw_only=True):
    """An alert; what it has beside these is left alone.

    Attributes:
        output: the rule's text with moment and priority before it; Falco can be told to leave it out.
        message: of newer ones that are told to: the text alone.
        uuid: of newer ones; "" otherwise.
        time: RFC 3339, with nanoseconds.
        output_fields: by Falco's names of fields, such as `container.id`, `k8s.pod.name`, `proc.cmdline`.
    """

    rule: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
    priority: Annotated[str, msgspec.Meta(max_length=40)]
    time: Annotated[str, msgspec.Meta(max_length=40)]
    output: str = ""
    message: str = ""
    uuid: Annotated[str, msgspec.Meta(max_length=64)] = ""
    hostname: Annotated[str, msgspec.Meta(max_length=253)] = ""
    source: Annotated[str, msgspec.Meta(max_length=100)] = ""
    output_fields: Mapping[str, Any] | None = None


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
    said = alert.output_fields or {}
    number = _first(said, "container.full_id", "container.id")
    container = known.get(number[:12])
    if container is None and _ID.fullmatch(number):
        container = Container(
            id=number,
            name=_first(said, "k8s.container.name", "container.name"),
            image=":".join(
                filter(None, (_text(said, "container.image.repository"), _text(said, "container.image.tag")))
            ),
            namespace=_text(said, "k8s.ns.name"),
            pod=_text(said, "k8s.pod.name"),
        )
    return Observation(
        at=at,
        act=Act.REPORTED,
        path=clean(_first(said, *_PATHS), 4096),
        mode=Mode.ALERT if alert.priority.casefold() in _LOUD else Mode.OBSERVE,
        rule=clean(f"falco: {alert.rule}", MAX_WORD_CHARS),
        program=clean(_text(said, "proc.name"), MAX_WORD_CHARS),
        container=container,
        what=clean(f"{alert.priority}: {alert.message or _BEFORE.sub('', alert.output)}", 2000),
    )


def _image(fields: Mapping[str, Any]) -> str:
    name, tag = _text(fields, "container.image.repository"), _text(fields, "container.image.tag")
    return f"{name}:{tag}" if name and tag else name


def _first(fields: Mapping[str, Any], *names: str) -> str:
    return next((found for name in names if (found := _text(fields, name))), "")


def _text(fields: Mapping[str, Any], name: str) -> str:
    found = fields.get(name)
    return found[:MAX_WORD_CHARS] if isinstance(found, str) and found != "<NA>" else ""
