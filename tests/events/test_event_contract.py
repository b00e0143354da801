# SPDX-License-Identifier: Apache-2.0
"""The contract of events: every kind has one, its document is whole, and its page says the same."""

import datetime as dt
import json
from typing import Any

import jsonschema  # type: ignore[import-untyped] # it ships no types
import pytest
from event_reference import BEGINS, PAGE, lines

from tidegate.curation.vending.subscriptions import TOLD
from tidegate.errors import InvalidInputError
from tidegate.events import Event, EventKind, kinds_named
from tidegate.events.contract import ROSTER
from tidegate.events.contract.asyncapi import asyncapi

_DOCUMENT = asyncapi(version="1.0", webhook_kinds=TOLD)
_MOVED = {"repository": "team/app", "tag": "1", "before": "", "after": "sha256:" + "a" * 64, "who": "anna", "why": ""}


def _validator(kind: EventKind) -> Any:
    payload = _DOCUMENT["components"]["messages"][kind.value]["payload"]
    schema = {**payload, "components": _DOCUMENT["components"]}
    return jsonschema.Draft7Validator(schema, format_checker=jsonschema.Draft7Validator.FORMAT_CHECKER)


def _cloud_event(kind: EventKind, data: dict[str, Any]) -> Any:
    moment = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
    event = Event(id="1", kind=kind, subject="team/app:1", time=moment, data=data)
    return json.loads(event.to_json(source="https://registry.example"))


def test_every_kind_is_described() -> None:
    assert set(ROSTER) == set(EventKind)
    assert all(told.summary and told.subject for told in ROSTER.values())


def test_every_reference_of_the_document_leads_somewhere() -> None:
    def references(value: object) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if "$ref" in value else []
            return own + [one for part in value.values() for one in references(part)]
        return [one for part in value for one in references(part)] if isinstance(value, list) else []

    found = references(_DOCUMENT)
    assert len(found) > len(EventKind)
    for reference in found:
        at: Any = _DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            at = at[step]


def test_all_but_trials_are_on_the_stream_and_webhooks_have_what_can_be_subscribed_to() -> None:
    channels = _DOCUMENT["channels"]
    assert set(channels["stream"]["messages"]) == set(EventKind) - {EventKind.SUBSCRIPTION_TESTED}
    assert set(channels["webhook"]["messages"]) == {*TOLD, EventKind.SUBSCRIPTION_TESTED}


def test_an_event_as_it_is_told_is_valid_by_the_document_and_another_is_not() -> None:
    validator = _validator(EventKind.TAG_MOVED)
    validator.validate(_cloud_event(EventKind.TAG_MOVED, _MOVED))
    validator.validate(_cloud_event(EventKind.TAG_MOVED, {**_MOVED, "added_later": 1}))
    for wrong in (
        _cloud_event(EventKind.TAG_MOVED, {**_MOVED, "after": "latest"}),
        _cloud_event(EventKind.TAG_MOVED, {name: text for name, text in _MOVED.items() if name != "who"}),
        _cloud_event(EventKind.TAG_REMOVED, _MOVED),
        {**_cloud_event(EventKind.TAG_MOVED, _MOVED), "specversion": "0.3"},
    ):
        with pytest.raises(jsonschema.ValidationError):
            validator.validate(wrong)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("curation.tag.moved", {EventKind.TAG_MOVED}),
        ("curation.keys", {EventKind.KEYS_RELEASED, EventKind.KEYS_REFUSED}),
        ("curation.keys.", {EventKind.KEYS_RELEASED, EventKind.KEYS_REFUSED}),
    ],
)
def test_kinds_are_named_by_how_they_begin(text: str, found: set[EventKind]) -> None:
    assert kinds_named(text) == found


@pytest.mark.parametrize("text", ["", ".", "curation.key", "curation.tag.moved.x", "*"])
def test_what_names_no_kind_is_told(text: str) -> None:
    with pytest.raises(InvalidInputError, match="no event is called so"):
        kinds_named(text)


def test_the_page_says_what_the_roster_says() -> None:
    written = PAGE.read_text().partition(BEGINS)[2]
    assert written == "\n".join(lines()).rstrip() + "\n", "run python tests/events/event_reference.py"
