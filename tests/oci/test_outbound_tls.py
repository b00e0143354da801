# SPDX-License-Identifier: Apache-2.0
"""Certificates: an unknown authority is refused, a named one trusted, and doing without must be asked for."""

import datetime as dt
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tidegate.artifact import Reference
from tidegate.errors import OutsideError
from tidegate.oci.registry import RegistryClient
from tidegate.outbound import Outbound, OutboundOptions


class _Greeter(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(301 if self.path == "/down" else 200)
        if self.path == "/down":
            self.send_header("Location", "http://127.0.0.1:1/")
        self.send_header("Content-Length", "2")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(b"hi")

    do_HEAD = do_GET  # noqa: N815 - the name the parent looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name for it
        """Quiet."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that do not trust us hang up."""


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def address(certificate: Path) -> Iterator[str]:
    server = _Server(("127.0.0.1", 0), _Greeter)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_an_unknown_authority_is_refused(address: str, outbound: Outbound) -> None:
    with pytest.raises(OutsideError, match=r"certificate is not trusted: .*name the authority's CA file"):
        outbound.get_bytes(f"https://{address}/", max_bytes=10)


def test_a_named_authority_is_trusted(address: str, certificate: Path) -> None:
    with Outbound(OutboundOptions(ca_file=certificate)) as out:
        assert out.get_bytes(f"https://{address}/", max_bytes=10) == b"hi"
        with pytest.raises(OutsideError, match="redirects from https to plain http"):
            out.get_bytes(f"https://{address}/down", max_bytes=10)


def test_doing_without_must_be_asked_for(address: str) -> None:
    with Outbound(OutboundOptions(insecure=True)) as out:
        assert out.get_bytes(f"https://{address}/", max_bytes=10) == b"hi"


def test_a_loopback_registry_may_speak_tls(address: str, certificate: Path) -> None:
    options = OutboundOptions(ca_file=certificate, max_attempts=1)
    with Outbound(options) as out:
        found = RegistryClient(out).head(Reference.parse(f"{address}/app@sha256:{'0' * 64}"))
        assert found is not None
        assert found.size == 2
