# SPDX-License-Identifier: Apache-2.0
"""Answers that come before the request was read: they arrive, and the connection is what they say it is."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from live_registry import LiveRegistry
from registry_client import begin, push_blob

from tidegate.bounds import KIB, MIB
from tidegate.server import early_answers

NAME = "team/app"
ENCODED = {"content-encoding": "gzip"}
"""Refused by its head alone."""


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRegistry]:
    with LiveRegistry(folder=tmp_path_factory.mktemp("registry")) as running:
        yield running


def _send(live: LiveRegistry, target: str, *lines: str, body: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", live.port), timeout=120)
    head = [f"PATCH {target} HTTP/1.1", "Host: x", "Content-Encoding: gzip", *lines]
    connection.sendall("\r\n".join([*head, "", ""]).encode() + body)
    return connection


def _to_the_end(connection: socket.socket) -> bytes:
    answer = b""
    while piece := connection.recv(65536):
        answer += piece
    return answer


@pytest.mark.parametrize("size", [5 * MIB, 40 * MIB], ids=["5 MiB", "40 MiB"])
def test_a_client_whose_large_upload_is_refused_goes_on_with_its_next_request(live: LiveRegistry, size: int) -> None:
    body, kept = os.urandom(size), os.urandom(1000)
    with live.client() as http:
        digest = push_blob(http, NAME, kept)
        location = begin(http, NAME)
        for _ in range(8):
            refused = http.patch(location, content=body, headers=ENCODED)
            assert (refused.status_code, refused.headers["connection"]) == (415, "close")
            assert http.get(f"/v2/{NAME}/blobs/{digest}").content == kept


def test_the_connection_of_a_short_body_that_was_not_asked_for_is_used_again(live: LiveRegistry) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{live.port}") as http, live.client() as knows:
        location = begin(knows, NAME)
        streams = set()
        for _ in range(5):
            with http.stream("PATCH", location, content=bytes(4000), headers=ENCODED) as refused:
                refused.read()
                assert refused.status_code == 415
                assert "connection" not in refused.headers
                streams.add(refused.extensions["network_stream"].get_extra_info("client_addr"))
        assert len(streams) == 1


def test_a_short_body_that_does_not_come_holds_its_answer_up_for_a_moment_only(live: LiveRegistry) -> None:
    with live.client() as http:
        location = begin(http, NAME)
    with closing(_send(live, location, "Content-Length: 4000", body=b"x")) as connection:
        answer = _to_the_end(connection)
    assert answer.startswith(b"HTTP/1.1 415 ")
    assert b"connection: close\r\n" in answer.lower()


def test_the_answer_reaches_a_client_that_reads_only_when_it_has_sent_all(live: LiveRegistry) -> None:
    """More than the buffers of both ends hold; a connection closed upon it would be reset."""
    size = 64 * MIB
    with live.client() as http:
        location = begin(http, NAME)
    for _ in range(3):
        with closing(_send(live, location, f"Content-Length: {size}", body=b"")) as connection:
            piece = bytes(256 * KIB)
            for _ in range(size // len(piece)):
                connection.sendall(piece)
            answer = _to_the_end(connection)
        assert answer.startswith(b"HTTP/1.1 415 ")


def test_a_client_that_waits_to_be_asked_for_its_body_is_not_asked_after_a_refusal(live: LiveRegistry) -> None:
    with live.client() as http:
        location = begin(http, NAME)
    lines = ("Content-Length: 4000", "Expect: 100-continue")
    with closing(_send(live, location, *lines, body=b"")) as connection:
        answer = _to_the_end(connection)
    assert answer.startswith(b"HTTP/1.1 415 ")
    assert b"100 Continue" not in answer


def test_a_client_that_never_ends_is_left(live: LiveRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(early_answers, "LINGER_SECONDS", 0.5)
    with live.client() as http:
        location = begin(http, NAME)
    with (
        closing(_send(live, location, f"Content-Length: {1 << 40}", body=b"")) as connection,
        pytest.raises(ConnectionError),
    ):
        _send_for_ever(connection)


def _send_for_ever(connection: socket.socket) -> None:
    piece = bytes(16 * KIB)
    while True:
        connection.sendall(piece)


@pytest.mark.tools
def test_a_refused_upload_over_http2_is_answered(live: LiveRegistry, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(os.urandom(5 * MIB))
    with live.client() as http:
        location = begin(http, NAME)
    curl = ["curl", "--silent", "--show-error", "--noproxy", "*", "--http2-prior-knowledge"]
    curl += ["--write-out", "%{http_version} %{http_code}", "--output", os.devnull, "--request", "PATCH"]
    curl += ["--header", "Content-Encoding: gzip", "--data-binary", f"@{large}", live.url + location]
    assert subprocess.run(curl, capture_output=True, timeout=120, check=True).stdout == b"2 415"
