# SPDX-License-Identifier: Apache-2.0
"""An API server that says over TLS on loopback what a test has it say, where no real one can run (recorded answers)."""

import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import yaml

from tidegate.clock import system_clock
from tidegate.identity.own_certificate import own_certificate


@dataclass(frozen=True, kw_only=True)
class Said:
    """An answer: pieces are sent one by one; without `whole` the connection is dropped after the last."""

    pieces: Sequence[bytes]
    status: int = 200
    whole: bool = True
    headers: dict[str, str] = field(default_factory=dict)


Script = Callable[[str, str], Said]
"""What is said to a method and a path with its query."""


@contextmanager
def scripted_api_server(folder: Path, script: Script) -> Iterator[Path]:
    """Runs one until the block ends; gives a kubeconfig that leads to it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            said = script(self.command, self.path)
            self.send_response(said.status)
            for name, value in ({"Content-Type": "application/json"} | said.headers).items():
                self.send_header(name, value)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            try:
                for piece in said.pieces:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                if said.whole:
                    self.wfile.write(b"0\r\n\r\n")
            except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
                pass  # it heard enough
            self.close_connection = not said.whole

        do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815 - names that the library asks for

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            pass  # a client that does not trust the certificate

    made = own_certificate(folder / "tls", ("localhost", "127.0.0.1"), system_clock)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield write_kubeconfig(
            folder / "kubeconfig",
            f"https://127.0.0.1:{server.server_port}",
            {"certificate-authority": str(made.authority)},
        )
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def write_kubeconfig(path: Path, server: str, cluster: dict[str, object], user: object = None) -> Path:
    """Writes a kubeconfig of one context, `tests`."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "tests", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "tests", "user": user or {"token": "secret-token"}}],
        "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "tests"}}],
        "current-context": "tests",
    }
    path.write_text(yaml.safe_dump(document))
    return path
