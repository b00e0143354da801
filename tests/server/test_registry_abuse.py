# SPDX-License-Identifier: Apache-2.0
"""Requests made to hurt: each is answered with a code of the specification, and others are served meanwhile."""

import gzip
import json
import os
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import httpx
import pytest
from live_registry import LiveRegistry
from oci_material import image
from registry_client import begin, code_of, push_blob
from registry_process import registry_process

from tidegate.artifact import Digest
from tidegate.artifact import media_type as mt
from tidegate.server.registry import bodies
from tidegate.server.registry.open_uploads import MAX_FOR_ONE, OpenUploads, TooManyUploadsError
from tidegate.storage.blobs import BlobBounds

NAME = "team/app"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRegistry]:
    """One for all: what hurts one request must not hurt the next."""
    with LiveRegistry(folder=tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture(scope="module")
def http(live: LiveRegistry) -> Iterator[httpx.Client]:
    with live.client() as client:
        yield client


def _connect(live: LiveRegistry) -> socket.socket:
    return socket.create_connection(("127.0.0.1", live.port), timeout=120)


def _raw(live: LiveRegistry, request: bytes) -> tuple[int, bytes]:
    """Sends bytes as they are; the status of the answer (0 when the connection was closed) and its body."""
    with closing(_connect(live)) as connection:
        answer = b""
        with suppress(ConnectionError):  # refused before all of it was sent
            connection.sendall(request)
        while piece := _received(connection):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]) if head else 0, body


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except ConnectionError:
        return b""


def _head(method: str, target: str, **headers: str) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: x", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def test_slow_uploads_hold_nobody_else_up(live: LiveRegistry) -> None:
    with ExitStack() as stack, live.client() as http:
        location = begin(http, NAME)
        for _ in range(300):
            slow = stack.enter_context(closing(_connect(live)))
            slow.sendall(_head("PATCH", location, Content_Length="1000000") + b"x")
        for number in range(20):
            push_blob(http, NAME, b"%d" % number)


def test_a_body_that_trickles_is_ended_and_its_bytes_are_kept(
    live: LiveRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    with live.client() as http:
        location = begin(http, NAME)
        with monkeypatch.context() as hasty:
            hasty.setattr(bodies, "WINDOW_SECONDS", 0.3)
            status, body = _raw(live, _head("PATCH", location, Content_Length="1000000") + b"12345")
            assert (status, json.loads(body)["errors"][0]["code"]) == (408, "BLOB_UPLOAD_INVALID")
            status, body = _raw(live, _head("PUT", f"/v2/{NAME}/manifests/v1", Content_Length="1000") + b"{")
            assert status == 408
        assert http.get(location).headers["range"] == "0-4"
        data = os.urandom(400_000)
        done = http.put(location, params={"digest": Digest.of(b"12345" + data)}, content=data)
        assert done.status_code == 201


def test_many_idle_connections_hold_nobody_up(tmp_path: Path) -> None:
    """More than wait to be accepted, of a client that says nothing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = 1500
    if hard < 2 * count:
        pytest.skip(f"needs {2 * count} open files: ulimit -Hn")
    resource.setrlimit(resource.RLIMIT_NOFILE, (2 * count, hard))
    try:
        with registry_process(tmp_path) as running, ExitStack() as stack, running.client() as http:
            for _ in range(count):
                stack.enter_context(closing(socket.create_connection(("127.0.0.1", running.port), timeout=120)))
            assert http.get("/v2/").status_code == 200
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(
    "headers",
    [b"X-A: " + b"a" * 600_000 + b"\r\n", b"".join(b"X-%d: %s\r\n" % (at, b"b" * 5000) for at in range(200))],
    ids=["one", "many"],
)
def test_huge_headers(live: LiveRegistry, headers: bytes) -> None:
    status, _ = _raw(live, b"GET /v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + b"\r\n")
    assert status in {0, 431}
    with live.client() as http:
        assert http.get("/v2/").status_code == 200


def test_too_many_uploads_in_all(start_registry: Callable[..., LiveRegistry]) -> None:
    with start_registry(bounds=BlobBounds(max_uploads=5)) as live, live.client() as http:
        opened = [begin(http, NAME) for _ in range(5)]
        refused = http.post(f"/v2/{NAME}/blobs/uploads/")
        assert (refused.status_code, code_of(refused)) == (429, "TOOMANYREQUESTS")
        assert http.delete(opened[0]).status_code == 204
        assert http.post(f"/v2/{NAME}/blobs/uploads/").status_code == 202
        # Those that were refused in one request leave nothing open.
        assert http.delete(opened[1]).status_code == 204
        for _ in range(3):
            wrong = http.post(f"/v2/{NAME}/blobs/uploads/", params={"digest": Digest.of(b"a")}, content=b"b")
            assert (wrong.status_code, code_of(wrong)) == (400, "DIGEST_INVALID")


def test_one_principal_has_so_many_uploads_and_no_more(start_registry: Callable[..., LiveRegistry]) -> None:
    with start_registry() as live, live.client() as http:
        first = begin(http, NAME)
        for _ in range(MAX_FOR_ONE - 1):
            begin(http, NAME)
        refused = http.post(f"/v2/{NAME}/blobs/uploads/")
        assert (refused.status_code, code_of(refused)) == (429, "TOOMANYREQUESTS")
        assert http.patch(first, content=b"goes on").status_code == 202
        assert http.delete(first).status_code == 204
        begin(http, NAME)


def test_idle_uploads_make_room_oldest_first() -> None:
    uploads = OpenUploads(max_for_one=2, idle_seconds=0.0)
    for name in ("a", "b"):
        assert uploads.make_room("ann") is None
        uploads.begun(name, NAME, "ann")  # type: ignore[arg-type]  # a name is enough
    uploads.begun("c", NAME, "bob")  # type: ignore[arg-type]
    uploads.touched("a")
    assert uploads.make_room("ann") == (NAME, "b")
    assert uploads.make_room("ann") is None
    assert uploads.make_room("bob") is None
    busy = OpenUploads(max_for_one=1, idle_seconds=3600)
    busy.begun("a", NAME, "ann")  # type: ignore[arg-type]
    with pytest.raises(TooManyUploadsError):
        busy.make_room("ann")
    busy.ended("a")
    busy.ended("a")
    assert busy.make_room("ann") is None


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("/v2/../../etc/passwd/manifests/v1", "NAME_INVALID"),
        ("/v2/%2e%2e/%2e%2e/etc/manifests/v1", "NAME_INVALID"),
        ("/v2/team%2f..%2fapp/manifests/v1", "NAME_INVALID"),
        ("/v2/team//app/manifests/v1", "NAME_INVALID"),
        ("/v2/team%00app/manifests/v1", "NAME_INVALID"),
        ("/v2/t%C3%A9am/manifests/v1", "NAME_INVALID"),
        ("/v2/%E2%80%AEteam/manifests/v1", "NAME_INVALID"),
        ("/v2/%ff%fe/manifests/v1", "NAME_INVALID"),
        ("/v2/TEAM/manifests/v1", "NAME_INVALID"),
        (f"/v2/{'a' * 256}/manifests/v1", "NAME_INVALID"),
        (f"/v2/{'a/' * 3000}a/manifests/v1", "NAME_INVALID"),
        ("/v2/team/app/manifests/..", "MANIFEST_UNKNOWN"),
        ("/v2/team/app/manifests/%2e%2e%2f%2e%2e", "MANIFEST_UNKNOWN"),
        ("/v2/team/app/manifests/sha256:../../x", "DIGEST_INVALID"),
        ("/v2/team/app/manifests/md5:d41d8cd98f00b204e9800998ecf8427e", "DIGEST_INVALID"),
        ("/v2/team/app/blobs/sha256:%2e%2e%2f%2e%2e%2fstate.db", "DIGEST_INVALID"),
        ("/v2/team/app/blobs/uploads/%2e%2e%2f%2e%2e%2fstate.db", "BLOB_UPLOAD_UNKNOWN"),
        ("/v2/team/app/referrers/sha256:%00", "DIGEST_INVALID"),
    ],
)
def test_tricks_in_paths(live: LiveRegistry, target: str, code: str) -> None:
    status, body = _raw(live, _head("GET", target))
    assert status in {400, 404}
    (error,) = json.loads(body)["errors"]
    # What is decoded to a slash makes it another path, of which there is none.
    assert error["code"] in ({code, "NAME_UNKNOWN", "NAME_INVALID"} if ".." in target or "%2f" in target else {code})
    assert error["message"].isprintable()


def test_a_body_shorter_than_it_says(live: LiveRegistry) -> None:
    data = b"x" * 100
    with live.client() as http:
        location = begin(http, NAME)
        with closing(_connect(live)) as connection:
            connection.sendall(_head("PUT", f"{location}?digest={Digest.of(data)}", Content_Length="100") + data[:40])
            connection.shutdown(socket.SHUT_WR)
            assert b" 201 " not in _received(connection)
        assert http.get(f"/v2/{NAME}/blobs/{Digest.of(data)}").status_code == 404


@pytest.mark.parametrize("length", ["-1", "1, 2", "0x10", "9" * 40, "1e3"])
def test_a_length_that_is_none(live: LiveRegistry, length: str) -> None:
    status, _ = _raw(live, _head("POST", f"/v2/{NAME}/blobs/uploads/", Content_Length=length) + b"x")
    assert status in {0, 400}


def test_two_lengths_at_once(live: LiveRegistry) -> None:
    head = _head("POST", f"/v2/{NAME}/blobs/uploads/", Content_Length="5")
    both = head.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n")
    status, _ = _raw(live, both + b"0\r\n\r\nGET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n")
    assert status in {0, 202, 400}  # one answer: what follows is no second request
    with live.client() as http:
        assert http.get("/v2/").status_code == 200


@pytest.mark.parametrize("stated", ["5-2", "0-18446744073709551616", "a-b", "bytes", "-5", "0-", "٣-٤", "0-4,6-8"])
def test_tricks_in_ranges_of_chunks(http: httpx.Client, stated: str) -> None:
    location = begin(http, NAME)
    answer = http.patch(location, content=b"12345", headers={b"Content-Range": stated.encode()})
    assert answer.status_code in {400, 416}
    assert code_of(answer) in {"BLOB_UPLOAD_INVALID", "SIZE_INVALID"}
    assert http.get(location).headers["range"] == "0-0"


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", f"/v2/{NAME}/blobs/uploads/?digest={Digest.of(b'a')}&digest={Digest.of(b'b')}"),
        ("POST", f"/v2/{NAME}/blobs/uploads/?mount={Digest.of(b'a')}&from=a&from=b"),
        ("GET", f"/v2/{NAME}/tags/list?n=1&n=2"),
        ("GET", f"/v2/{NAME}/referrers/{Digest.of(b'a')}?artifactType=a&artifactType=b"),
    ],
)
def test_what_is_said_twice(http: httpx.Client, method: str, target: str) -> None:
    answer = http.request(method, target)
    assert (answer.status_code, code_of(answer)) == (400, "UNSUPPORTED")


def test_encoded_bodies(http: httpx.Client) -> None:
    encoded = {"Content-Encoding": "gzip"}
    data = gzip.compress(b"data" * 1000)
    whole = http.post(f"/v2/{NAME}/blobs/uploads/", params={"digest": Digest.of(data)}, content=data, headers=encoded)
    assert (whole.status_code, code_of(whole)) == (415, "UNSUPPORTED")
    manifest = gzip.compress(image().raw)
    kind = {"Content-Type": mt.OCI_MANIFEST, **encoded}
    assert http.put(f"/v2/{NAME}/manifests/v1", content=manifest, headers=kind).status_code == 415
    plain = {"Content-Encoding": "identity"}
    done = http.post(f"/v2/{NAME}/blobs/uploads/", params={"digest": Digest.of(data)}, content=data, headers=plain)
    assert done.status_code == 201


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 200_000 + b"]" * 200_000,
        b'{"schemaVersion":2,"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"schemaVersion":2,"mediaType":"\\ud800"}',
        b'{"schemaVersion":2,"schemaVersion":2,"config":1}',
    ],
    ids=["lists", "inside", "objects", "surrogate", "twice"],
)
def test_manifests_that_are_deep_or_odd(http: httpx.Client, raw: bytes) -> None:
    answer = http.put(f"/v2/{NAME}/manifests/v1", content=raw, headers={"Content-Type": mt.OCI_MANIFEST})
    assert answer.status_code in {400, 413}
    assert code_of(answer) in {"MANIFEST_INVALID", "SIZE_INVALID"}
    assert http.get("/v2/").status_code == 200


def test_a_chunk_beyond_the_bound_leaves_the_upload_as_it_was(start_registry: Callable[..., LiveRegistry]) -> None:
    with start_registry(bounds=BlobBounds(max_blob_bytes=1000)) as live, live.client() as http:
        location = begin(http, NAME)
        assert http.patch(location, content=b"x" * 600).status_code == 202
        over = http.patch(location, content=b"y" * 600)
        assert (over.status_code, code_of(over)) == (413, "SIZE_INVALID")
        assert http.get(location).headers["range"] == "0-599"
        done = http.put(location, params={"digest": Digest.of(b"x" * 600)})
        assert done.status_code == 201


def test_expect_continue_is_answered_before_the_body(live: LiveRegistry) -> None:
    data = b"patient"
    with closing(_connect(live)) as connection:
        target = f"/v2/{NAME}/blobs/uploads/?digest={Digest.of(data)}"
        connection.sendall(_head("POST", target, Content_Length=str(len(data)), Expect="100-continue"))
        first = _received(connection)
        assert first.startswith(b"HTTP/1.1 100 ")
        connection.sendall(data)
        answer = first.partition(b"\r\n\r\n")[2]
        while b"\r\n\r\n" not in answer:
            answer += _received(connection)
        assert answer.startswith(b"HTTP/1.1 201 ")
