# SPDX-License-Identifier: Apache-2.0
"""Asking a registry for keys: what it answers, and what it may answer wrongly."""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pytest
from encryption_keys import KeyPair

from tidegate.artifact import Digest, Reference
from tidegate.errors import InvalidInputError, NotFoundError, OutsideError, RefusedError, TidegateError
from tidegate.oci.encryption.released import read_released
from tidegate.oci.encryption.request import request_keys
from tidegate.oci.registry import RegistryClient
from tidegate.outbound import Outbound

Answer = Callable[[BaseHTTPRequestHandler], None]
DIGEST, LAYER = Digest.of(b"image"), Digest.of(b"layer")
KEYS = {"org.opencontainers.image.enc.keys.jwe": "e30="}


def answering(status: int, body: bytes, seen: list[tuple[str, bytes]]) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("content-length", 0))
        given = handler.rfile.read(length)
        asks_keys = handler.path.startswith("/api/")
        if asks_keys:
            seen.append((handler.path, given))
        handler.send_response(status if asks_keys else 200)
        said = body if asks_keys else b""
        handler.send_header("Content-Length", str(len(said)))
        handler.end_headers()
        handler.wfile.write(said)

    return answer


def test_what_is_released_comes_by_layer(
    serve: Callable[[Answer], str], outbound: Outbound, pairs: dict[str, KeyPair]
) -> None:
    seen: list[tuple[str, bytes]] = []
    body = json.dumps({"layers": [{"digest": LAYER, "annotations": KEYS}], "plain": DIGEST}).encode()
    host = serve(answering(200, body, seen)).removeprefix("http://")
    key = pairs["ec:P-256"].recipient
    found = request_keys(RegistryClient(outbound), Reference.parse(f"{host}/team/app:1"), DIGEST, key)
    assert found == {LAYER: KEYS}
    ((path, given),) = seen
    assert path == f"/api/v1/images/{DIGEST}/keys"
    assert json.loads(given) == {"public_key": pairs["ec:P-256"].public.read_text()}


@pytest.mark.parametrize(
    ("status", "body", "error", "told"),
    [
        (
            403,
            b'{"title":"recalled: CVE","detail":"see its passport"}',
            RefusedError,
            "not released: recalled: CVE; see",
        ),
        (401, b"who are you", RefusedError, "without a reason"),
        (404, b"<html>", NotFoundError, "no keys to release: without a reason"),
        (500, b'{"title":"\\u001b[31mred"}', OutsideError, r"answered 500: \\x1b\[31mred"),
        (200, b"<html>", InvalidInputError, "not the JSON expected"),
        (200, b'{"layers":[{"digest":"no","annotations":{}}]}', InvalidInputError, "not the JSON expected"),
    ],
)
def test_a_refusal_is_told_in_the_registrys_words(
    serve: Callable[[Answer], str],
    outbound: Outbound,
    pairs: dict[str, KeyPair],
    status: int,
    body: bytes,
    error: type[TidegateError],
    told: str,
) -> None:
    host = serve(answering(status, body, [])).removeprefix("http://")
    reference = Reference.parse(f"{host}/team/app:1")
    with pytest.raises(error, match=told):
        request_keys(RegistryClient(outbound), reference, DIGEST, pairs["ec:P-256"].recipient)


def test_annotations_that_do_not_speak_of_encryption_are_refused() -> None:
    hostile = {"layers": [{"digest": LAYER, "annotations": {"org.opencontainers.image.title": "x"}}]}
    with pytest.raises(InvalidInputError, match="other annotations"):
        read_released(json.dumps(hostile).encode(), where="keys")
