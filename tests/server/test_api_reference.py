# SPDX-License-Identifier: Apache-2.0
"""The reference page of the API names every request there is, and no other."""

import re
from pathlib import Path
from typing import cast

from tidegate.assembly.server import Server
from tidegate.events import EventKind
from tidegate.server.api.application import create_api

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "api.md").read_text()


def test_the_page_names_every_request() -> None:
    paths = create_api(cast("Server", object())).openapi()["paths"]
    offered = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    told = {(method, path.partition("?")[0]) for method, path in re.findall(r"`(GET|POST|DELETE|PUT) (/[^`]+)`", PAGE)}
    assert told == offered


def test_the_page_names_the_parameters() -> None:
    paths = create_api(cast("Server", object())).openapi()["paths"]
    for method, path, query in re.findall(r"`(GET|POST|PUT|DELETE) (/[^?`]+)\?([^`]+)`", PAGE):
        operation = paths[path][method.lower()]
        offered = {item["name"] for item in operation.get("parameters", []) if item["in"] == "query"}
        assert offered == {name.rstrip("=") for name in query.split("&")}, path


def test_the_page_names_every_kind_of_event_that_is_told() -> None:
    for kind in EventKind:
        head, _, verb = kind.value.rpartition(".")
        assert head in PAGE, kind
        assert re.search(rf"\b{verb}\b", PAGE), kind
