# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the image tests: images on disk, a real registry, a server that misbehaves as told."""

import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from free_port import free_port
from tidegate.artifact import Platform
from tidegate.oci.write import BuiltLayer, Compression, LayerBuilder, write_image
from tidegate.outbound import Outbound, OutboundOptions

Tool = Callable[..., str]
Answer = Callable[[BaseHTTPRequestHandler], None]


def _runner(name: str) -> Tool:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is missing; apt-get install {name}")

    def run(*arguments: object) -> str:
        done = subprocess.run([name, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def skopeo() -> Tool:
    return _runner("skopeo")


@pytest.fixture
def umoci() -> Tool:
    return _runner("umoci")


@pytest.fixture
def layers() -> list[BuiltLayer]:
    """Three layers, one of each compression."""
    return [
        LayerBuilder().file("etc/os-release", "ID=one\n").file("bin/tool", b"\x7fELF", mode=0o755).build(),
        LayerBuilder(compression=Compression.ZSTD).whiteout("bin/tool").file("opt/a", b"a" * 70_000).build(),
        LayerBuilder(compression=Compression.PLAIN).symlink("opt/b", "a").hardlink("opt/c", "opt/b").build(),
    ]


@pytest.fixture
def layout(tmp_path: Path, layers: list[BuiltLayer]) -> Path:
    """A layout with one image, `app:1` under the name `1`."""
    folder = tmp_path / "layout"
    write_image(folder, "1", layers, {"User": "1000"}, platform=Platform(os="linux", architecture="amd64"))
    return folder


@pytest.fixture
def outbound() -> Iterator[Outbound]:
    """Outward calls that never really wait."""
    with Outbound(OutboundOptions(read_timeout_s=60), sleep=lambda _: None) as made:
        yield made


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], str]]:
    """Starts a loopback HTTP server that answers every request by a function; gives its address."""
    servers: list[ThreadingHTTPServer] = []

    def start(answer: Answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                answer(self)

            do_HEAD = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - names the parent looks for

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name for it
                """Quiet."""

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: object, client_address: object) -> None:
                """A client that hangs up early is part of the tests."""

        server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def registry_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Docker's own registry on a free loopback port."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("docker-registry is missing; apt-get install docker-registry")
    folder = tmp_path_factory.mktemp("registry")
    host = f"127.0.0.1:{free_port()}"
    config = folder / "config.yml"
    config.write_text(
        f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {folder}/data}}, "
        f"delete: {{enabled: true}}}}\nhttp: {{addr: '{host}'}}\n"
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "serve", str(config)], stdout=log, stderr=log)
        try:
            transport = httpx.HTTPTransport(retries=10)  # connection refused until it listens
            with httpx.Client(transport=transport, trust_env=False) as client:
                assert client.get(f"http://{host}/v2/").status_code == 200
            yield host
        finally:
            process.terminate()
            process.wait(60)
