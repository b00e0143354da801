# SPDX-License-Identifier: Apache-2.0
"""Who others vouch for, at a whole server: people and CI jobs by an OpenID issuer, machines by their certificate."""

import base64
import ssl
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from access_material import TOKEN, bearer
from api_server import ApiServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

sys.path.append(str(Path(__file__).parents[1] / "identity"))
from oidc_issuer import OidcIssuer

_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
_SECRET = "the proxy's own secret".replace(" ", "-")
REFUSED = {401, 429}  # who fails again and again has to wait
_ISSUERS = """apiVersion: tidegate.dev/v1
kind: TrustedIssuers
spec:
  issuers:
    - name: corp
      issuer: {people}
      audience: tidegate
      people: {{name: sub, groups: groups}}
    - name: ci
      issuer: {jobs}
      audience: tidegate
      workloads:
        - principal: team-a
          when: token.claims["repository"] == "acme/team-a"
"""


class Authority:
    """A certificate authority."""

    def __init__(self, name: str) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self._made(self.name, self.key, x509.BasicConstraints(ca=True, path_length=None))

    def issue(self, folder: Path, name: x509.GeneralName, *, days: int = 1) -> tuple[x509.Certificate, Path]:
        """A certificate, and a file with it and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "node")])
        made = self._made(
            subject,
            key,
            x509.BasicConstraints(ca=False, path_length=None),
            x509.SubjectAlternativeName([name]),
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]),
            days=days,
        )
        file = folder / f"{made.serial_number}.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(made.public_bytes(Encoding.PEM) + private)
        return made, file

    def _made(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *extensions: x509.ExtensionType, days: int = 1
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=3))
            .not_valid_after(now + timedelta(days=days))
        )
        ours = self.key.public_key()
        identifiers: list[x509.ExtensionType] = [
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ours),
        ]
        for extension in (*identifiers, *extensions):
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        if any(isinstance(item, x509.BasicConstraints) and item.ca for item in extensions):
            usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)  # noqa: FBT003
            builder = builder.add_extension(usage, critical=True)
        return builder.sign(self.key, hashes.SHA256())


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("our CA")


@pytest.fixture(scope="module")
def people() -> Iterator[OidcIssuer]:
    with OidcIssuer() as running:
        yield running


@pytest.fixture(scope="module")
def jobs() -> Iterator[OidcIssuer]:
    with OidcIssuer() as running:
        yield running


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, people: OidcIssuer, jobs: OidcIssuer, authority: Authority
) -> Iterator[ApiServer]:
    home = tmp_path_factory.mktemp("others")
    (home / "issuers.yaml").write_text(_ISSUERS.format(people=people.url, jobs=jobs.url))
    (home / "proxy-secret").write_text(_SECRET)
    (home / "ca.pem").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    environment = {
        "TIDEGATE_IDENTITY_ISSUERS_FILE": str(home / "issuers.yaml"),
        "TIDEGATE_IDENTITY_TRUSTED_PROXIES": "127.0.0.1",
        "TIDEGATE_IDENTITY_CERTIFICATE_HEADER": "Client-Cert",
        "TIDEGATE_IDENTITY_PROXY_SECRET_FILE": str(home / "proxy-secret"),
        "TIDEGATE_IDENTITY_CLIENT_CA_FILE": str(home / "ca.pem"),
    }
    with ApiServer(home, token=TOKEN, environment=environment) as running:
        root = running.client(("root", TOKEN))
        for holder, pattern, verb in (
            ("group:corp:devs", "team-a/**", "pull"),
            ("ci:team-a", "team-a/**", "push"),
            ("ci:team-a", "team-a/**", "pull"),
            ("cert:spiffe://corp/node-1", "team-a/**", "pull"),
        ):
            answer = root.post("/grants", json={"holder": holder, "pattern": pattern, "verbs": [verb]})
            assert answer.status_code == 201, answer.text
        yield running


def exchanged(server: ApiServer, token: str, **more: str) -> httpx.Response:
    form = {"grant_type": _EXCHANGE, "subject_token": token, "subject_token_type": _ID_TOKEN, **more}
    return server.client(None, base="").post("/token", data=form)


def test_a_person_logs_in_with_an_id_token(server: ApiServer, people: OidcIssuer) -> None:
    token = people.token(sub="anna", groups=["devs"])
    for auth in (("anna", token), ("token", token)):
        assert server.client(auth).get("/me").json()["name"] == "corp:anna"
    assert server.client(("bob", token)).get("/me").status_code == 401
    assert server.client(None).get("/me", headers=bearer(token)).json()["groups"] == ["corp:devs"]
    plain = server.client(("anna", token), base="")
    assert plain.get("/v2/team-a/app/tags/list").status_code == 404
    assert plain.get("/v2/team-b/app/tags/list").status_code == 403
    scopes = {"scope": "repository:team-a/app:pull,push", "offline_token": "true"}
    told = plain.get("/token", params=scopes).json()
    assert told["scope"] == "repository:team-a/app:pull"
    assert "refresh_token" not in told  # only the issuer says how long somebody is known
    used = httpx.get(f"{server.address}/v2/team-a/app/tags/list", headers=bearer(told["token"]))
    assert used.status_code == 404


def test_a_job_exchanges_its_identity_for_a_short_token(server: ApiServer, jobs: OidcIssuer) -> None:
    answer = exchanged(server, jobs.token(repository="acme/team-a"))
    told = answer.json()
    assert (answer.status_code, told["token_type"], told["expires_in"]) == (200, "Bearer", 1800)
    assert told["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
    assert server.client(None).get("/me", headers=bearer(told["access_token"])).status_code == 200
    push = server.client(("oauth2accesstoken", told["access_token"]), base="")
    assert push.post("/v2/team-a/app/blobs/uploads/").status_code == 202
    assert push.post("/v2/team-b/app/blobs/uploads/").status_code == 403
    scoped = exchanged(server, jobs.token(repository="acme/team-a"), scope="repository:team-a/app:pull").json()
    assert scoped["scope"] == "repository:team-a/app:pull"
    narrow = server.client(None, base="")
    assert narrow.post("/v2/team-a/app/blobs/uploads/", headers=bearer(scoped["access_token"])).status_code == 401


def test_what_is_not_exchanged(server: ApiServer, jobs: OidcIssuer, people: OidcIssuer) -> None:
    good = jobs.token(repository="acme/team-a")
    assert exchanged(server, jobs.token(repository="evil/team-a")).status_code in REFUSED
    assert exchanged(server, jobs.token(repository="acme/team-a", aud="other")).status_code in REFUSED
    assert exchanged(server, jobs.token(repository="acme/team-a", key=people.keys[0])).status_code in REFUSED
    assert exchanged(server, people.token(repository="acme/team-a", iss=jobs.url)).status_code in REFUSED
    assert exchanged(server, "").status_code in REFUSED
    assert exchanged(server, good, subject_token_type="password").status_code == 400
    assert exchanged(server, good, audience="elsewhere").status_code == 400
    # A job's own token opens nothing before it is exchanged.
    assert server.client(("ci", good)).get("/me").status_code in REFUSED
    told = exchanged(server, good).json()["access_token"]
    assert exchanged(server, told).status_code in REFUSED  # ours is no issuer's


def header(certificate: x509.Certificate) -> str:
    return f":{base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()}:"


def test_a_certificate_through_a_proxy_that_asks_for_one(
    server: ApiServer, authority: Authority, tmp_path: Path
) -> None:
    _, node_file = authority.issue(tmp_path, x509.UniformResourceIdentifier("spiffe://corp/node-1"))
    _, proxy_file = authority.issue(tmp_path, x509.DNSName("localhost"))
    ca = tmp_path / "ca"
    ca.write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    with MutualTlsProxy(server.address, proxy_file, ca) as url:
        context = ssl.create_default_context(cafile=str(ca))
        context.load_cert_chain(node_file)
        with httpx.Client(base_url=url, verify=context, trust_env=False) as http:
            assert http.get("/api/v1/me").json()["name"] == "cert:spiffe://corp/node-1"
            assert http.get("/v2/team-a/app/tags/list").status_code == 404
            assert http.get("/v2/team-b/app/tags/list").status_code == 403
            # What the client itself writes there, the proxy replaces.
            forged = {"Client-Cert": "x", "Tidegate-Proxy-Secret": "y"}
            assert http.get("/api/v1/me", headers=forged).json()["name"] == "cert:spiffe://corp/node-1"


def test_a_certificate_counts_only_from_the_proxy(server: ApiServer, authority: Authority, tmp_path: Path) -> None:
    node, _ = authority.issue(tmp_path, x509.UniformResourceIdentifier("spiffe://corp/node-1"))
    late, _ = authority.issue(tmp_path, x509.UniformResourceIdentifier("spiffe://corp/node-1"), days=-1)
    strange, _ = Authority("our CA").issue(tmp_path, x509.UniformResourceIdentifier("spiffe://corp/node-1"))
    secret = {"Tidegate-Proxy-Secret": _SECRET}
    http = server.client(None)
    escaped = quote(node.public_bytes(Encoding.PEM))
    for value in (header(node), escaped):
        assert http.get("/me", headers={"Client-Cert": value, **secret}).json()["kind"] == "certificate"
    refused: list[dict[str, Any]] = [
        {"Client-Cert": header(node)},
        {"Client-Cert": header(node), "Tidegate-Proxy-Secret": "the-wrong-secret-of-it"},
        {"Client-Cert": header(late), **secret},
        {"Client-Cert": header(strange), **secret},
        {"Client-Cert": "::", **secret},
        {"Client-Cert": ":" + "A" * 20_000 + ":", **secret},
        secret,
    ]
    for headers in refused:
        assert http.get("/me", headers=headers).status_code in REFUSED, headers


class MutualTlsProxy:
    """What stands in front of a server: asks for a client certificate, and hands it on as RFC 9440 has it."""

    def __init__(self, target: str, certificate: Path, ca: Path) -> None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(ca))
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(certificate)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                assert isinstance(self.connection, ssl.SSLSocket)
                der = self.connection.getpeercert(binary_form=True)
                assert der is not None
                headers = {
                    "Client-Cert": f":{base64.b64encode(der).decode()}:",
                    "Tidegate-Proxy-Secret": _SECRET,
                    "X-Forwarded-For": self.client_address[0],
                }
                answer = httpx.get(target + self.path, headers=headers)
                self.send_response(answer.status_code)
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def __enter__(self) -> str:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return f"https://localhost:{self._server.server_address[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(120)
