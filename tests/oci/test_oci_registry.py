# SPDX-License-Identifier: Apache-2.0
"""The registry client: against Docker's own registry, and against servers that lie."""

import base64
import hashlib
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tidegate.artifact import Descriptor, Digest, Index, Platform, Reference, Repository, Tag, media_type
from tidegate.errors import (
    BoundExceededError,
    DigestMismatchError,
    InvalidInputError,
    NotFoundError,
    OutsideError,
    TidegateError,
)
from tidegate.oci.credentials import Credentials, Keyring, load_keyring
from tidegate.oci.open import open_target
from tidegate.oci.push import Pusher
from tidegate.oci.registry import RegistryClient, fallback_tag
from tidegate.oci.registry_auth import parse_challenge
from tidegate.oci.target import parse_target
from tidegate.oci.write import BuiltLayer, LayerBuilder, write_image, write_index
from tidegate.outbound import Outbound
from tidegate.wire import to_json

Tool = Callable[..., str]
Answer = Callable[[BaseHTTPRequestHandler], None]
Serve = Callable[[Answer], str]

EMPTY = to_json({"schemaVersion": 2, "mediaType": media_type.OCI_INDEX, "manifests": []})


def reply(request: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    request.rfile.read(int(request.headers.get("Content-Length") or 0))
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(body)


@pytest.fixture
def client(outbound: Outbound) -> RegistryClient:
    return RegistryClient(outbound)


def at(url: str, name: str = "team/app:1") -> Reference:
    return Reference.parse(f"{urlsplit(url).netloc or url}/{name}")


@pytest.mark.tools
def test_what_is_pushed_comes_back(
    registry_host: str, client: RegistryClient, layout: Path, layers: list[BuiltLayer]
) -> None:
    reference = at(registry_host, "push/app:1")
    pushed = Pusher(client, reference).push_layout(layout)
    assert client.head(reference) == Descriptor(media_type=pushed.media_type, digest=pushed.digest, size=pushed.size)
    with open_target(parse_target(f"registry:{reference}"), registry=client) as image:
        assert image.name == f"registry:{reference}"
        read = []
        for layer in image.layers:  # type: ignore[union-attr]  # a registry gives images only
            with layer.open() as stream:
                read.append(b"".join(iter(lambda: stream.read(5000), b"")))
    assert read == [layer.read() for layer in layers]
    assert client.tags(reference) == ("1",)
    assert client.manifest(reference.at(pushed.digest)).digest == pushed.digest


@pytest.mark.tools
def test_skopeo_reads_what_we_push_and_we_read_what_it_pushes(
    registry_host: str, client: RegistryClient, tmp_path: Path, skopeo: Tool
) -> None:
    platforms = [Platform.parse(text) for text in ("linux/amd64", "linux/arm64", "linux/s390x")]
    children = [
        write_image(tmp_path, None, [LayerBuilder().file("a", str(one)).build()], platform=one) for one in platforms
    ]
    write_index(tmp_path, "multi", children)
    reference = at(registry_host, "skopeo/ours:multi")
    Pusher(client, reference).push_layout(tmp_path, tag="multi")
    skopeo("copy", "-q", "--all", "--src-tls-verify=false", f"docker://{reference}", f"dir:{tmp_path}/out")
    theirs = at(registry_host, "skopeo/theirs:1")
    skopeo("copy", "-q", "--all", "--dest-tls-verify=false", f"oci:{tmp_path}:multi", f"docker://{theirs}")
    for child in children:
        assert client.open(theirs, wanted=child.platform).digest == child.digest
    node = client.manifest(theirs)
    assert isinstance(node, Index)
    assert [entry.platform for entry in node.manifests] == platforms


@pytest.mark.tools
def test_a_missing_tag_tells_which_there_are(registry_host: str, client: RegistryClient, layout: Path) -> None:
    for tag in ("1", "2"):
        Pusher(client, at(registry_host, f"tags/app:{tag}")).push_layout(layout)
    missing = at(registry_host, "tags/app:3")
    with pytest.raises(NotFoundError, match=r"MANIFEST_UNKNOWN.*the tags there are: 2, 1"):
        client.open(missing)
    assert client.head(missing) is None
    with pytest.raises(NotFoundError):
        client.open(at(registry_host, "no/such:1"))


@pytest.mark.tools
def test_a_blob_is_mounted_from_another_repository(
    registry_host: str, client: RegistryClient, layout: Path, layers: list[BuiltLayer]
) -> None:
    Pusher(client, at(registry_host, "mount/from:1")).push_layout(layout)
    pusher = Pusher(client, at(registry_host, "mount/to:1"))
    digest = layers[0].descriptor.digest
    pusher.push_blob(b"never sent", digest, mount_from=Repository("mount/from"))
    assert pusher.has_blob(digest)
    with pytest.raises(OutsideError, match="DIGEST_INVALID"):
        pusher.push_blob(b"other bytes", Digest.of(b"bytes"))


@pytest.mark.tools
def test_referrers_are_kept_under_the_fallback_tag_of_an_old_registry(
    registry_host: str, client: RegistryClient, layout: Path
) -> None:
    reference = at(registry_host, "old/app:1")
    pusher = Pusher(client, reference)
    subject = pusher.push_layout(layout)
    pusher.push_blob(b"{}", Digest.of(b"{}"))
    for kind in ("application/a", "application/b", "application/a"):
        manifest = {
            "schemaVersion": 2,
            "mediaType": media_type.OCI_MANIFEST,
            "artifactType": kind,
            "config": {"mediaType": media_type.OCI_EMPTY, "digest": Digest.of(b"{}"), "size": 2},
            "layers": [],
            "subject": {"mediaType": subject.media_type, "digest": subject.digest, "size": subject.size},
        }
        pusher.push_manifest(to_json(manifest), media_type.OCI_MANIFEST)
    found = client.referrers(reference, subject.digest)
    assert [item.artifact_type for item in found] == ["application/a", "application/b"]
    (one,) = client.referrers(reference, subject.digest, artifact_type="application/b")
    assert one.artifact_type == "application/b"
    assert client.referrers(reference, Digest.of(b"other")) == ()
    assert fallback_tag(subject.digest) in client.tags(reference)


def test_the_referrers_api_is_followed_page_by_page(serve: Serve, client: RegistryClient) -> None:
    def page(name: str) -> bytes:
        entry = {"mediaType": "a/b", "digest": Digest.of(name.encode()), "size": 1, "artifactType": f"t/{name}"}
        return to_json({"schemaVersion": 2, "mediaType": media_type.OCI_INDEX, "manifests": [entry]})

    def answer(request: BaseHTTPRequestHandler) -> None:
        if "second" in request.path:
            reply(request, 200, page("two"))
        elif "/referrers/" in request.path:
            reply(request, 200, page("one"), Link='</v2/team/app/second?n=1>; rel="next"')
        else:
            reply(request, 200)

    found = client.referrers(at(serve(answer)), Digest.of(b""))
    assert [item.artifact_type for item in found] == ["t/one", "t/two"]


def test_pages_never_lead_to_another_server_nor_on_for_ever(serve: Serve, client: RegistryClient) -> None:
    links = {"away": "<http://localhost:1/v2/x>; rel=next", "round": "</v2/team/round/tags/list>; rel=next"}

    def answer(request: BaseHTTPRequestHandler) -> None:
        name = request.path.split("/")[3] if request.path.count("/") > 3 else ""
        reply(request, 200, b'{"tags":["a"]}', **({"Link": links[name]} if name in links else {}))

    url = serve(answer)
    with pytest.raises(OutsideError, match="another server"):
        client.tags(at(url, "team/away"))
    with pytest.raises(BoundExceededError, match="max_tags = 5"):
        client.tags(at(url, "team/round"), max_tags=5)


def lying(manifest: bytes, **headers: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        if "/manifests/" in request.path:
            reply(request, 200, manifest, **headers)
        else:
            reply(request, 200 if request.path == "/v2/" else 404)

    return answer


@pytest.mark.parametrize(
    ("answer", "name", "kind"),
    [
        (lying(EMPTY), f"a@{Digest.of(b'other')}", DigestMismatchError),
        (lying(EMPTY, Docker_Content_Digest=Digest.of(b"other")), "a:1", DigestMismatchError),
        (lying(EMPTY, Docker_Content_Digest="sha256:../../x"), "a:1", InvalidInputError),
        (lying(EMPTY, Content_Type="text/html"), "a:1", InvalidInputError),
        (lying(EMPTY, Content_Type=media_type.OCI_MANIFEST), "a:1", InvalidInputError),
        (lying(b"<html>"), "a:1", InvalidInputError),
        (lying(b" " * (5 << 20)), "a:1", BoundExceededError),
        (lying(EMPTY), "a:1", InvalidInputError),
    ],
)
def test_a_lying_registry_is_found_out(
    serve: Serve, client: RegistryClient, answer: Answer, name: str, kind: type[TidegateError]
) -> None:
    with pytest.raises(kind) as caught:
        client.open(at(serve(answer), name))
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)


def test_what_a_registry_says_is_shown_on_one_printable_line(serve: Serve, client: RegistryClient) -> None:
    body = to_json({"errors": [{"code": "DENIED", "message": "quarantined:\n\x1b[31mno SBOM"}]})
    url = serve(lambda request: reply(request, 200 if request.path == "/v2/" else 403, body))
    with pytest.raises(OutsideError) as caught:
        client.open(at(url))
    assert "DENIED quarantined: \\x1b[31mno SBOM; log in" in str(caught.value)


def image_with(layer: bytes, size: int) -> tuple[bytes, dict[str, bytes]]:
    config = to_json(
        {"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": [Digest.of(layer)]}}
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": media_type.OCI_MANIFEST,
        "config": {"mediaType": media_type.OCI_CONFIG, "digest": Digest.of(config), "size": len(config)},
        "layers": [{"mediaType": media_type.OCI_LAYER, "digest": Digest.of(layer), "size": size}],
    }
    return to_json(manifest), {Digest.of(config): config, Digest.of(layer): layer}


@pytest.mark.parametrize("change", [-1, 1])
def test_a_blob_of_another_size_is_found_out(serve: Serve, client: RegistryClient, change: int) -> None:
    manifest, blobs = image_with(b"l" * 1000, 1000 + change)

    def answer(request: BaseHTTPRequestHandler) -> None:
        name = request.path.rpartition("/")[2]
        reply(request, 200, manifest if "/manifests/" in request.path else blobs.get(name, b""))

    (layer,) = client.open(at(serve(answer))).layers
    with pytest.raises(InvalidInputError), layer.open() as stream:
        b"".join(iter(lambda: stream.read(100), b""))


def test_a_missing_blob_is_found_out(serve: Serve, client: RegistryClient) -> None:
    manifest, _ = image_with(b"l", 1)

    def answer(request: BaseHTTPRequestHandler) -> None:
        reply(request, 200 if "/blobs/" not in request.path else 404, manifest)

    with pytest.raises(InvalidInputError, match="is missing"):
        client.open(at(serve(answer)))


class TokenRegistry:
    """A registry that wants Docker tokens; the first token it gives is worth one call only."""

    def __init__(self) -> None:
        self.manifest, self.blobs = image_with(b"layer" * 1000, 5000)
        self.logins: list[str | None] = []
        self.scopes: list[str] = []
        self.tokens = 0
        self.lock = threading.Lock()

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(request.path)
        if parts.path == "/token":
            with self.lock:
                self.tokens += 1
            self.logins.append(request.headers.get("Authorization"))
            self.scopes += parse_qs(parts.query)["scope"]
            reply(request, 200, to_json({"token": f"t{self.tokens}"}))
        elif parts.path == "/v2/":
            reply(request, 401, WWW_Authenticate='Bearer realm="/token"')
        elif request.headers.get("Authorization") != f"Bearer t{min(self.tokens, 2)}" or (
            self.tokens == 1 and "/blobs/" in request.path
        ):
            challenge = 'Basic realm="x", Bearer realm="/token",service="reg",scope="repository:team/app:pull"'
            reply(request, 401, WWW_Authenticate=challenge)
        else:
            name = parts.path.rpartition("/")[2]
            reply(request, 200, self.manifest if "/manifests/" in parts.path else self.blobs[name])


def test_tokens_are_fetched_and_renewed(serve: Serve, outbound: Outbound) -> None:
    registry = TokenRegistry()
    url = serve(registry)
    keyring = Keyring({urlsplit(url).netloc: Credentials(username="me", password="secret")})
    (layer,) = RegistryClient(outbound, keyring=keyring).open(at(url)).layers
    with layer.open() as stream:
        assert b"".join(iter(lambda: stream.read(100), b"")) == b"layer" * 1000
    assert registry.logins == ["Basic " + base64.b64encode(b"me:secret").decode()] * 2
    assert set(registry.scopes) == {"repository:team/app:pull"}


@pytest.mark.parametrize(
    "realm", ["http://example.org/token", "file:///etc/passwd", "http://[x", "http://a:b@localhost/"]
)
def test_a_password_goes_to_no_token_server_that_may_not_be_called(
    serve: Serve, outbound: Outbound, realm: str
) -> None:
    url = serve(lambda request: reply(request, 401, WWW_Authenticate=f'Bearer realm="{realm}"'))
    keyring = Keyring({urlsplit(url).netloc: Credentials(username="me", password="secret")})
    with pytest.raises(OutsideError, match=r"token server may not be called|names no address"):
        RegistryClient(outbound, keyring=keyring).manifest(at(url))


def test_an_identity_token_is_exchanged(serve: Serve, outbound: Outbound) -> None:
    forms: list[dict[str, list[str]]] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        if request.path == "/token":
            form = request.rfile.read(int(request.headers["Content-Length"])).decode()
            del request.headers["Content-Length"]
            forms.append(parse_qs(form))
            reply(request, 200, b'{"access_token":"t"}')
        elif request.headers.get("Authorization") != "Bearer t":
            reply(request, 401, WWW_Authenticate='Bearer realm="/token",service="s"')
        else:
            reply(request, 200, EMPTY)

    url = serve(answer)
    keyring = Keyring({urlsplit(url).netloc: Credentials(identity_token="refresh")})
    assert RegistryClient(outbound, keyring=keyring).manifest(at(url)).raw == EMPTY
    assert [(form["grant_type"], form["refresh_token"], form["scope"]) for form in forms] == [
        (["refresh_token"], ["refresh"], ["repository:team/app:pull"])
    ]


def test_anonymous_tokens_need_no_password(serve: Serve, outbound: Outbound) -> None:
    registry = TokenRegistry()
    RegistryClient(outbound).open(at(serve(registry)))
    assert set(registry.logins) == {None}


def test_basic_credentials_are_only_sent_when_asked_for(serve: Serve, outbound: Outbound) -> None:
    seen: list[str | None] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        seen.append(own := request.headers.get("Authorization"))
        if own is None:
            reply(request, 401, WWW_Authenticate='Basic realm="r"')
        else:
            reply(request, 403)

    url = serve(answer)
    keyring = Keyring({urlsplit(url).netloc: Credentials(username="me", password="secret")})
    with pytest.raises(OutsideError) as caught:
        RegistryClient(outbound, keyring=keyring).manifest(at(url))
    assert seen[-2:] == [None, "Basic " + base64.b64encode(b"me:secret").decode()]
    assert "secret" not in str(caught.value)


def test_a_wrong_password_is_refused_once_not_for_ever(serve: Serve, outbound: Outbound) -> None:
    calls: list[str] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        calls.append(request.path)
        reply(request, 401, WWW_Authenticate='Basic realm="r"')

    url = serve(answer)
    keyring = Keyring({urlsplit(url).netloc: Credentials(username="me", password="wrong")})
    with pytest.raises(OutsideError, match=r"401.*log in"):
        RegistryClient(outbound, keyring=keyring).manifest(at(url))
    assert len(calls) == 3  # the probe, the call, the call with the password


def test_credentials_are_read_from_a_docker_config(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    auth = base64.b64encode(b"user:pa:ss").decode()
    path.write_text(
        json.dumps(
            {
                "auths": {
                    "https://index.docker.io/v1/": {"auth": auth},
                    "registry.example.org": {"username": "u", "password": "p"},
                    "registry.example.org/team": {"identitytoken": "token"},
                },
                "credsStore": "never-run",
            }
        )
    )
    keyring = load_keyring(path)
    assert keyring.find(Reference.parse("alpine")) == Credentials(username="user", password="pa:ss")
    assert keyring.find(Reference.parse("registry.example.org/x")) == Credentials(username="u", password="p")
    assert keyring.find(Reference.parse("registry.example.org/team/x")) == Credentials(identity_token="token")
    assert keyring.find(Reference.parse("elsewhere.org/x")) is None
    assert "pa:ss" not in repr(keyring.find(Reference.parse("alpine")))


@pytest.mark.parametrize(
    "text", ["", "[]", '{"auths": {"x": {"auth": "!!"}}}', '{"auths": {"x": {"auth": "bm9uZQ=="}}}']
)
def test_a_broken_docker_config_is_named_but_not_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(InvalidInputError, match=r"config\.json"):
        load_keyring(tmp_path / "config.json")


def test_a_docker_config_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(" " * (2 << 20))
    with pytest.raises(BoundExceededError):
        load_keyring(tmp_path / "config.json")
    with pytest.raises(OutsideError):
        load_keyring(tmp_path / "missing.json")


def test_challenges_are_told_apart() -> None:
    text = 'Bearer realm="https://a/t?x=1,2",service="s", Basic realm=plain'
    assert parse_challenge(text) == {
        "bearer": {"realm": "https://a/t?x=1,2", "service": "s"},
        "basic": {"realm": "plain"},
    }
    assert parse_challenge("") == {}
    assert parse_challenge("Negotiate") == {}


def test_a_fallback_tag_is_a_tag() -> None:
    digest = Digest("sha512:" + hashlib.sha512(b"").hexdigest())
    assert fallback_tag(digest) == Tag(f"sha512-{digest.hex[:64]}")


def test_credentials_do_not_follow_an_upload_to_another_server(serve: Serve, outbound: Outbound) -> None:
    seen: list[str | None] = []

    def storage(request: BaseHTTPRequestHandler) -> None:
        seen.append(request.headers.get("Authorization"))
        reply(request, 201)

    there = serve(storage)

    def answer(request: BaseHTTPRequestHandler) -> None:
        if request.headers.get("Authorization") is None:
            reply(request, 401, WWW_Authenticate='Basic realm="r"')
        elif request.command == "POST":
            reply(request, 202, Location=f"{there}/upload")
        else:
            reply(request, 404)

    url = serve(answer)
    keyring = Keyring({urlsplit(url).netloc: Credentials(username="me", password="secret")})
    client = RegistryClient(outbound, keyring=keyring)
    client.head(at(url))
    Pusher(client, at(url)).push_blob(b"blob", Digest.of(b"blob"))
    assert seen == [None]
