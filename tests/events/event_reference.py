# SPDX-License-Identifier: Apache-2.0
"""Writes the table of docs/reference/events.md from the roster: `python tests/events/event_reference.py`."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

from tidegate.events.contract import ROSTER
from tidegate.events.contract.asyncapi import asyncapi

PAGE: Final = Path(__file__).parents[2] / "docs/reference/events.md"
BEGINS: Final = "<!-- the rest is written by tests/events/event_reference.py -->\n"


def lines() -> Iterator[str]:
    """The part of the page that is made of the roster."""
    schemas = asyncapi(version="", webhook_kinds=frozenset())["components"]["schemas"]
    for topic, kinds in groupby(ROSTER.items(), key=lambda item: item[0].rpartition(".")[0]):
        yield f"\n### {topic}\n"
        yield "| kind | what happened | subject | data |"
        yield "|---|---|---|---|"
        for kind, told in kinds:
            data = told.data.__name__
            yield f"| `{kind}` | {told.summary} | {told.subject} | [{data}](#{data.lower()}) |"
    yield "\n## Data\n"
    for name, schema in schemas.items():
        if name in {"CloudEvent", "WebhookHeaders"}:
            continue
        yield f"### {name}\n\n{schema['description']}\n"
        required = schema.get("required", ())
        for field, one in schema["properties"].items():
            sort = one.get("type") or one.get("$ref", "").rpartition("/")[2] or "object or null"
            about = f": {one['description']}" if "description" in one else ""
            yield f"* `{field}` ({sort}{'' if field in required else ', may be missing'}){about}"
        yield ""


def main() -> None:
    """Writes it anew."""
    head = PAGE.read_text().partition(BEGINS)[0]
    PAGE.write_text(head + BEGINS + "\n".join(lines()).rstrip() + "\n")


if __name__ == "__main__":
    main()
