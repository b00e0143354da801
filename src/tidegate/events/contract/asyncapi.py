# SPDX-License-Identifier: Apache-2.0
"""The roster of events as a document for programs: AsyncAPI 3.0.0, its messages CloudEvents 1.0 in structured JSON."""

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tidegate.events.contract.roster import ROSTER, Told
from tidegate.events.event import SPEC_VERSION, TYPE_PREFIX, EventKind
from tidegate.values import msgspec

ASYNCAPI_VERSION: Final = "3.0.0"
CONTENT_TYPE: Final = "application/cloudevents+json"
_SCHEMAS: Final = "#/components/schemas/"
_SAID: Final = re.compile(r"^(\w+): (.+?)$", re.MULTILINE)
_WEBHOOK_HEADERS: Final = {
    "type": "object",
    "required": ["webhook-id", "webhook-timestamp", "webhook-signature"],
    "properties": {
        "webhook-id": {"type": "string", "description": "The id of the event: the same again when it is sent again."},
        "webhook-timestamp": {"type": "string", "description": "Seconds since 1970 of this attempt."},
        "webhook-signature": {"type": "string", "description": "`v1,` and an HMAC-SHA-256 (Standard Webhooks)."},
    },
}
_INFO: Final = (
    "Every change of state, at least once, in order for each subject, from any offset on. A reader is told what it may "
    "see when it is told. Fields may be added to the data of a kind; none is taken away within a version of the API."
)


def asyncapi(*, version: str, webhook_kinds: frozenset[EventKind]) -> dict[str, Any]:
    """The document.

    Args:
        version: of tidegate.
        webhook_kinds: what webhooks can be subscribed to; the stream has every kind but those that are never on record.
    """
    shapes = list(dict.fromkeys(told.data for told in ROSTER.values()))
    _, schemas = msgspec.json.schema_components(shapes, ref_template=_SCHEMAS + "{name}")
    recorded = [kind for kind in ROSTER if kind is not EventKind.SUBSCRIPTION_TESTED]
    headers = {"$ref": _SCHEMAS + "WebhookHeaders"}
    tested = sorted({*webhook_kinds, EventKind.SUBSCRIPTION_TESTED})
    return {
        "asyncapi": ASYNCAPI_VERSION,
        "info": {
            "title": "tidegate events",
            "version": version,
            "description": _INFO,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {
            "stream": {
                "address": "/api/v1/events/stream",
                "title": "Server-Sent Events",
                "description": "`id` is the offset, `event` the kind. `/api/v1/events` has the same page by page.",
                "messages": _references(recorded),
            },
            "webhook": {
                "address": None,
                "title": "Signed webhooks",
                "description": "POST to the address that a subscription names.",
                "messages": {kind: {**_message(kind, ROSTER[kind]), "headers": headers} for kind in tested},
            },
        },
        "operations": {
            "follow": {"action": "send", "channel": {"$ref": "#/channels/stream"}},
            "tell": {"action": "send", "channel": {"$ref": "#/channels/webhook"}},
        },
        "components": {
            "messages": {kind.value: _message(kind, told) for kind, told in ROSTER.items()},
            "schemas": {
                "CloudEvent": _envelope(),
                "WebhookHeaders": _WEBHOOK_HEADERS,
                **{name: _described(schema) for name, schema in sorted(schemas.items())},
            },
        },
    }


def _references(kinds: Sequence[EventKind]) -> dict[str, Any]:
    return {kind.value: {"$ref": f"#/components/messages/{kind.value}"} for kind in kinds}


def _message(kind: EventKind, told: Told) -> dict[str, Any]:
    data = {"$ref": _SCHEMAS + told.data.__name__}
    return {
        "name": kind.value,
        "title": told.summary,
        "summary": f"Subject: {told.subject}.",
        "contentType": CONTENT_TYPE,
        "payload": {
            "allOf": [
                {"$ref": _SCHEMAS + "CloudEvent"},
                {"type": "object", "properties": {"type": {"const": TYPE_PREFIX + kind}, "data": data}},
            ]
        },
    }


def _envelope() -> dict[str, Any]:
    text = {"type": "string", "minLength": 1}
    return {
        "type": "object",
        "description": "CloudEvents 1.0, structured JSON.",
        "required": ["specversion", "id", "source", "type", "subject", "time", "data"],
        "properties": {
            "specversion": {"const": SPEC_VERSION},
            "id": {**text, "description": "The same for the same change, so a repeated delivery can be told."},
            "source": {**text, "format": "uri-reference", "description": "The server that tells it."},
            "type": text,
            "subject": text,
            "time": {"type": "string", "format": "date-time"},
            "datacontenttype": {"const": "application/json"},
            "tideid": {**text, "description": "The tide it is part of: the same from its cause to the last it led to."},
            "data": {"type": "object"},
        },
    }


def _described(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes' words out of the docstring to where programs look for them; readers take more than is listed."""
    summary, _, said = inspect.cleandoc(schema.get("description", "")).partition("\n\nAttributes:\n")
    words = {
        name.rstrip("_"): about for name, about in _SAID.findall(re.sub(r"\n {8,}", " ", said).replace("    ", ""))
    }
    properties = {
        name: {**_bare(one), **({"description": words[name]} if name in words else {})}
        for name, one in schema.get("properties", {}).items()
    }
    kept = {name: value for name, value in schema.items() if name not in {"title", "additionalProperties"}}
    return {**kept, "description": summary, "properties": properties}


def _bare(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Without the defaults of the writer: what is left out is not there."""
    return {name: value for name, value in schema.items() if name != "default"}
