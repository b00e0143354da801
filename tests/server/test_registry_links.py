# SPDX-License-Identifier: Apache-2.0
"""Blobs fetched from the object store itself, by a link of a short while."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from live_registry import LiveRegistry
from registry_client import push_blob

from backing import Backing
from object_server import SECRET, ObjectServer
from tidegate.artifact import Digest

pytestmark = pytest.mark.tools
DATA = os.urandom(6_000_000)


@pytest.fixture
def linking(objects: ObjectServer, tmp_path: Path) -> Iterator[LiveRegistry]:
    backing = Backing(objects=objects)
    with LiveRegistry(folder=tmp_path / "registry", backing=backing, link_seconds=60) as live:
        yield live


def test_a_client_is_sent_to_the_store(linking: LiveRegistry, objects: ObjectServer) -> None:
    with linking.client() as http:
        digest = push_blob(http, "app", DATA)
        answer = http.get(f"/v2/app/blobs/{digest}")
        assert answer.status_code == 307
        assert (answer.headers["docker-content-digest"], answer.headers["cache-control"]) == (digest, "no-store")
        link = urlsplit(answer.headers["location"])
        assert link.port == objects.port
        assert parse_qs(link.query)["X-Amz-Expires"] == ["60"]
        assert SECRET not in answer.headers["location"]
        fetched = http.get(f"/v2/app/blobs/{digest}", follow_redirects=True)
        assert fetched.content == DATA
        part = http.get(f"/v2/app/blobs/{digest}", headers={"Range": "bytes=10-19"}, follow_redirects=True)
        assert (part.status_code, part.content) == (206, DATA[10:20])
        # The link is for this blob: its signature opens no other.
        other = push_blob(http, "app", b"other")
        path = link.path.replace(digest.hex[:2] + "/" + digest.hex, other.hex[:2] + "/" + other.hex)
        assert httpx.get(link._replace(path=path).geturl(), trust_env=False).status_code == 403


def test_head_and_refusals_come_from_here(linking: LiveRegistry) -> None:
    with linking.client() as http:
        digest = push_blob(http, "app", DATA)
        head = http.head(f"/v2/app/blobs/{digest}")
        assert (head.status_code, head.headers["content-length"]) == (200, str(len(DATA)))
        for path in (f"/v2/other/blobs/{digest}", f"/v2/app/blobs/{Digest.of(b'none')}"):
            assert http.get(path).status_code == 404
