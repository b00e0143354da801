# SPDX-License-Identifier: Apache-2.0
"""The process around the registry: ports, signals, health, figures, who is let in."""

import asyncio
import gc
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from live_registry import LiveRegistry
from oci_material import image
from prometheus_client import CollectorRegistry
from registry_client import begin, code_of, push
from registry_process import registry_process
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from tidegate.artifact import Digest
from tidegate.errors import OutsideError
from tidegate.identity import Access
from tidegate.server.application import Services, create_application
from tidegate.server.health import health_routes
from tidegate.server.offload import Offload
from tidegate.server.run import ServeOptions, serve

TOKEN = "correct-horse-battery-staple"


def _ask(app: Starlette, path: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client:
            return await client.get(path)

    return asyncio.run(ask())


async def _never(_scope: object, _receive: object, _send: object) -> None:
    raise AssertionError


def test_a_port_that_is_taken(live: LiveRegistry) -> None:
    async def again() -> None:
        await serve(_never, ServeOptions(port=live.port), ready=lambda _port: None, stop=asyncio.Event())

    with pytest.raises(OutsideError, match=f"127.0.0.1:{live.port}: cannot listen"):
        asyncio.run(again())


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_an_address_of_somebody_else(host: str) -> None:
    async def there() -> None:
        await serve(_never, ServeOptions(host=host), ready=lambda _port: None, stop=asyncio.Event())

    with pytest.raises(OutsideError, match="cannot listen"):
        asyncio.run(there())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(tmp_path: Path, number: signal.Signals) -> None:
    with registry_process(tmp_path) as running, running.client() as http_client:
        assert http_client.get("/v2/").status_code == 200
        running.process.send_signal(number)
        assert running.process.stdout is not None
        assert running.process.stdout.read() == "stopped\n"
        assert running.process.wait(120) == 0


def test_a_request_in_flight_is_let_end(tmp_path: Path) -> None:
    data = os.urandom(2_000_000)
    half, told = threading.Event(), threading.Event()
    with registry_process(tmp_path) as running, running.client() as http_client:
        location = begin(http_client, "app")

        def body() -> object:
            yield data[:1_500_000]
            half.set()
            assert told.wait(120)
            yield data[1_500_000:]

        answers: list[httpx.Response] = []

        def send() -> None:
            with running.client() as own:
                answers.append(own.put(location, params={"digest": Digest.of(data)}, content=body()))  # type: ignore[arg-type]  # an iterator

        sender = threading.Thread(target=send)
        sender.start()
        assert half.wait(120)
        while "tidegate_http_requests_in_flight 2.0" not in http_client.get("/metrics").text:  # it, and who asks
            assert sender.is_alive()
        running.process.send_signal(signal.SIGTERM)
        told.set()
        sender.join()
        assert [answer.status_code for answer in answers] == [201]
        assert running.process.wait(120) == 0


def test_threads_of_the_server_end_with_it(start_registry: Callable[..., LiveRegistry]) -> None:
    def threads() -> set[int]:
        return {int(path.name) for path in Path("/proc/self/task").iterdir()}

    before = threads()
    gc.disable()  # it would let go of them in its own time
    try:
        with start_registry() as live, live.client() as client:
            assert client.get("/v2/").status_code == 200
            own = threads() - before - {thread.native_id for thread in threading.enumerate()}
            assert own
        ends = time.monotonic() + 20  # one that is only idle ends after 30 seconds
        while own & threads():
            assert time.monotonic() < ends
    finally:
        gc.enable()


def test_its_head_is_bounded(live: LiveRegistry) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=120)
    connection.request("GET", "/v2/", headers={"X-Long": "x" * 600_000})
    assert connection.getresponse().status == 431
    connection.close()


@pytest.mark.tools
def test_http2_without_tls(live: LiveRegistry, tmp_path: Path) -> None:
    """Clients that speak HTTP/2 from the first byte get the same blobs and refusals."""
    if shutil.which("curl") is None:
        pytest.skip("curl is missing: apt-get install curl")
    data, made = os.urandom(5_000_000), image()
    file = tmp_path / "data"
    file.write_bytes(data)

    def curl(*arguments: str) -> bytes:
        command = ["curl", "--silent", "--show-error", "--http2-prior-knowledge", "--noproxy", "*", *arguments]
        return subprocess.run(command, capture_output=True, check=True, timeout=120).stdout

    digest = Digest.of(data)
    target = f"{live.url}/v2/app/blobs/uploads/?digest={digest}"
    pushed = curl("-X", "POST", "--data-binary", f"@{file}", target, "-w", "%{http_code}")
    assert pushed == b"201"
    assert curl(f"{live.url}/v2/app/blobs/{digest}") == data
    assert curl("-r", "10-19", f"{live.url}/v2/app/blobs/{digest}") == data[10:20]
    with live.client() as client:
        push(client, "app", made, "v1")
    assert b"quarantined" in curl(f"{live.url}/v2/app/manifests/v1")


def test_pages_of_other_sites_are_kept_out(live: LiveRegistry) -> None:
    with live.client() as client:
        foreign = {"Origin": "https://evil.example"}
        assert client.post("/v2/app/blobs/uploads/", headers=foreign).status_code == 403
        assert client.get("/v2/_catalog", headers=foreign).status_code == 403
        assert client.get("/v2/_catalog", headers={"Origin": live.url}).status_code == 200


def test_an_upload_that_breaks_off_keeps_what_came(live: LiveRegistry) -> None:
    data = os.urandom(3 << 20)
    with live.client() as client:
        location = begin(client, "app")
        with socket.create_connection(("127.0.0.1", live.port)) as raw:
            head = f"PATCH {location} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data) * 2}\r\n\r\n"
            raw.sendall(head.encode() + data)
            # The server takes whole pieces: wait until it has at least one of them.
            while client.get(location).headers["range"] == "0-0":
                continue
        answer = client.get(location)
        while answer.status_code != 202:
            # The broken request may still be writing the rest of what it got.
            assert answer.status_code in {204, 416}, answer.text
            offset = int(answer.headers["range"].partition("-")[2]) + 1
            if offset == len(data):
                break
            stated = {"Content-Range": f"{offset}-{len(data) - 1}"}
            answer = client.patch(location, content=data[offset:], headers=stated)
        assert client.put(location, params={"digest": Digest.of(data)}).status_code == 201


def test_health_and_figures(live: LiveRegistry) -> None:
    with live.client() as client:
        made = image()
        push(client, "a/very/private-name", made, "v1")
        client.get("/v2/a/very/private-name/manifests/v1")
        client.get("/v2/no/such/route")
        assert client.get("/livez").text == "ok\n"
        assert client.get("/readyz").json() == {"ready": True, "checks": {}}
        answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    text = answer.text
    assert 'tidegate_http_requests_total{method="PUT",route="put_manifest",status="201"} 1.0' in text
    assert 'tidegate_http_requests_total{method="GET",route="get_manifest",status="403"} 1.0' in text
    assert 'tidegate_registry_pushes_total{kind="image",state="quarantined"} 1.0' in text
    assert 'tidegate_registry_pulls_total{state="quarantined"} 1.0' in text
    received = sum(map(len, made.blobs))
    assert re.search(rf"tidegate_registry_upload_bytes_total {received}\.0", text)
    assert 'tidegate_http_request_duration_seconds_bucket{le="0.005",method="GET",route="livez"}' in text
    assert "private" not in text
    assert made.digest not in text


def test_not_ready_says_what_is_missing() -> None:
    def broken() -> None:
        raise OutsideError("the disk is gone", where="store")

    routes = health_routes({"disk": broken, "rest": lambda: None}, CollectorRegistry(), Offload())
    answer = _ask(Starlette(routes=routes), "/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "checks": {"disk": "store: the disk is gone", "rest": "ok"}}


def test_the_token_is_asked_for_everywhere_in_the_registry(start_registry: Callable[..., LiveRegistry]) -> None:
    with start_registry(token=TOKEN) as live, live.client() as client:
        for method, path in (
            ("GET", "/v2/"),
            ("GET", "/v2/_catalog"),
            ("GET", "/v2/a/tags/list"),
            ("POST", "/v2/a/blobs/uploads/"),
            ("DELETE", "/v2/a/manifests/v1"),
            ("GET", "/v2/nonsense"),
        ):
            answer = client.request(method, path)
            assert (answer.status_code, code_of(answer)) == (401, "UNAUTHORIZED")
            assert answer.headers["www-authenticate"].startswith(f'Bearer realm="{live.url}/token"')
        assert client.get("/v2/", auth=("ann", "wrong-wrong-wrong-wrong")).status_code == 401
        assert client.get("/v2/", auth=("ann", TOKEN)).status_code == 200
        assert client.get("/v2/", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
        assert client.get("/livez").status_code == 200


def test_other_routes_come_first(live: LiveRegistry) -> None:
    async def hello(_request: Request) -> Response:
        return PlainTextResponse("hello")

    services = Services(shelf=live.shelf, blobs=live.blobs, access=Access(), figures=CollectorRegistry())
    app = create_application(services, extra_routes=[Mount("/api", routes=[Route("/hello", hello)])])
    assert _ask(app, "/api/hello").text == "hello"


def test_a_defect_of_ours_tells_the_client_little(live: LiveRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("inner secret")

    monkeypatch.setattr(live.shelf, "list_repositories", broken)
    with live.client() as client:
        answer = client.get("/v2/_catalog")
    assert (answer.status_code, code_of(answer)) == (500, "UNKNOWN")
    assert "secret" not in answer.text


def test_a_disk_that_fails_is_503(live: LiveRegistry) -> None:
    (live.folder / "content" / "uploads").rename(live.folder / "gone")
    with live.client() as client:
        answer = client.post("/v2/app/blobs/uploads/")
    assert (answer.status_code, code_of(answer)) == (503, "UNAVAILABLE")
    assert answer.headers["retry-after"]
