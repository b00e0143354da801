# SPDX-License-Identifier: Apache-2.0
"""Outward calls stay within their reach and their pace, whatever a server says."""

import socket
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import httpcore
import pytest

from tidegate.artifact import Reference
from tidegate.errors import InvalidInputError, OutsideError
from tidegate.oci.credentials import Credentials, Keyring
from tidegate.oci.registry import RegistryClient
from tidegate.outbound import Opening, Outbound, OutboundOptions, Pace, Reach
from tidegate.outbound.guarded import GuardedBackend
from tidegate.outbound.pace import UsedUpError
from tidegate.outbound.reach import ForbiddenAddressError

Answer = Callable[[BaseHTTPRequestHandler], None]
Serve = Callable[[Answer], str]


def reply(request: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


def opened(*texts: str) -> Reach:
    return Reach(openings=tuple(Opening.parse(text) for text in texts))


def within(reach: Reach) -> OutboundOptions:
    return OutboundOptions(reach=reach, max_attempts=1)


PRIVATE = [
    "127.0.0.1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104 - an address to be refused
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fd00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "fe80::1%lo",
    "localhost",
    "2130706433",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_public_is_out_of_reach(address: str) -> None:
    assert not Reach().permits(address, 443)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"])
def test_what_is_public_is_in_reach(address: str) -> None:
    assert Reach().permits(address, 443)


def test_an_opening_is_for_its_network_and_port_only() -> None:
    reach = opened("10.1.0.0/16", "127.0.0.1:5000", "[::1]:5000", "fd00::/8")
    assert reach.permits("10.1.2.3", 1)
    assert reach.permits("127.0.0.1", 5000)
    assert reach.permits("::1", 5000)
    assert reach.permits("fd00::9", 80)
    assert reach.permits("::ffff:10.1.2.3", 80)
    assert not reach.permits("10.2.0.1", 1)
    assert not reach.permits("127.0.0.1", 6379)
    assert not reach.permits("::1", 22)


@pytest.mark.parametrize("text", ["", "x", "10.0.0.1/8", "127.0.0.1:0", "127.0.0.1:70000", "[::1", "host:80"])
def test_an_opening_that_says_nothing_clear_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        Opening.parse(text)


def test_a_redirect_to_an_address_that_was_not_opened_is_not_followed(serve: Serve) -> None:
    called: list[str] = []

    def inside(request: BaseHTTPRequestHandler) -> None:
        called.append(request.path)
        reply(request, 200, b"secret")

    secret = serve(inside)
    here = serve(lambda request: reply(request, 307, Location=f"{secret}/latest/meta-data"))
    own_port = here.rpartition(":")[2]
    with Outbound(within(opened(f"127.0.0.1:{own_port}"))) as outbound:
        with pytest.raises(ForbiddenAddressError, match="not public"):
            outbound.get_bytes(here, max_bytes=100)
        with pytest.raises(ForbiddenAddressError), outbound.stream(here, max_bytes=100):
            pass
    assert called == []
    with Outbound(within(opened("127.0.0.1"))) as outbound:
        assert outbound.get_bytes(here, max_bytes=100) == b"secret"


def test_names_are_checked_by_what_they_lead_to(serve: Serve) -> None:
    url = serve(lambda request: reply(request, 200, b"here")).replace("127.0.0.1", "localhost")
    with Outbound(within(Reach())) as outbound, pytest.raises(ForbiddenAddressError, match=r"127\.0\.0\.1"):
        outbound.get_bytes(url, max_bytes=100)
    with Outbound(within(opened("127.0.0.1"))) as outbound:
        assert outbound.get_bytes(url, max_bytes=100) == b"here"


def test_an_answer_that_changes_between_check_and_use_changes_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as honest, socket.create_server(("127.0.0.2", 0)) as inside:
        port = honest.getsockname()[1]
        inside.settimeout(0)
        answers = [["127.0.0.1"], ["127.0.0.2"], ["127.0.0.2", "127.0.0.1"]]
        asked: list[str] = []

        def look_up(host: str, _port: int) -> list[str]:
            asked.append(host)
            return answers.pop(0)

        backend = GuardedBackend(opened("127.0.0.1"), look_up)
        stream = backend.connect_tcp("registry.example", port, timeout=60)
        assert stream.get_extra_info("server_addr")[0] == "127.0.0.1"
        assert asked == ["registry.example"], "the address that was checked is the one that is used"
        with pytest.raises(ForbiddenAddressError, match=r"127\.0\.0\.2"):
            backend.connect_tcp("registry.example", port, timeout=60)
        last = backend.connect_tcp("registry.example", port, timeout=60)
        assert last.get_extra_info("server_addr")[0] == "127.0.0.1"
        stream.close()
        last.close()
        with pytest.raises(BlockingIOError):
            inside.accept()


def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        backend = GuardedBackend(opened("127.0.0.1", "::1"), lambda _host, _port: ["::1", "127.0.0.1"])
        stream = backend.connect_tcp("two.example", port, timeout=60)
        assert stream.get_extra_info("server_addr")[0] == "127.0.0.1"
        stream.close()
        silent = GuardedBackend(opened("::1"), lambda _host, _port: ["::1"])
        with pytest.raises(httpcore.ConnectError):
            silent.connect_tcp("one.example", port, timeout=60)


def test_behind_a_proxy_numeric_addresses_are_checked_all_the_same(serve: Serve) -> None:
    proxied: list[str] = []

    def passing_on(request: BaseHTTPRequestHandler) -> None:
        proxied.append(request.path)
        reply(request, 200, b"x")

    proxy = serve(passing_on)
    options = OutboundOptions(reach=Reach(), proxy=proxy, insecure=True, max_attempts=1)
    with Outbound(options) as outbound:
        for host in ("169.254.169.254", "127.0.0.1", "localhost", "2130706433"):
            with pytest.raises(ForbiddenAddressError):
                outbound.get_bytes(f"http://{host}/", max_bytes=10)
        assert outbound.get_bytes("http://1.1.1.1/", max_bytes=10) == b"x"
    assert proxied == ["http://1.1.1.1/"]


def token_server(serve: Serve, seen: list[str | None]) -> str:
    def answer(request: BaseHTTPRequestHandler) -> None:
        seen.append(request.headers.get("Authorization"))
        reply(request, 200, b'{"token":"abc"}')

    return serve(answer)


def challenging(serve: Serve, realm: str) -> str:
    def answer(request: BaseHTTPRequestHandler) -> None:
        if request.headers.get("Authorization") == "Bearer abc":
            reply(request, 404, b"{}")
        else:
            reply(request, 401, WWW_Authenticate=f'Bearer realm="{realm}/token",service="s"')

    return serve(answer)


def test_a_token_server_elsewhere_does_not_get_the_credentials(serve: Serve, outbound: Outbound) -> None:
    seen: list[str | None] = []
    realm = token_server(serve, seen)
    url = challenging(serve, realm)
    reference = Reference.parse(f"{url.removeprefix('http://')}/team/app:1")
    keyring = Keyring({reference.registry: Credentials(username="u", password="secret-password")})
    strict = RegistryClient(outbound, keyring=keyring, token_servers=frozenset(), bases={reference.registry: url})
    with pytest.raises(OutsideError, match="may not see our credentials"):
        strict.head(reference)
    assert seen == []
    anonymous = RegistryClient(outbound, token_servers=frozenset(), bases={reference.registry: url})
    assert anonymous.head(reference) is None
    assert seen == [None]
    named = frozenset({realm.removeprefix("http://")})
    trusting = RegistryClient(outbound, keyring=keyring, token_servers=named, bases={reference.registry: url})
    assert trusting.head(reference) is None
    assert str(seen[-1]).startswith("Basic ")


class Time:
    """A clock that sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def pace(time: Time, **options: float) -> Pace:
    rate, burst = options.get("rate", 2.0), int(options.get("burst", 4))
    return Pace(rate_per_s=rate, burst=burst, max_wait_s=30, now=lambda: time.now, sleep=time.sleep)


def test_a_burst_passes_and_then_the_rate_holds() -> None:
    time = Time()
    own = pace(time)
    for _ in range(4):
        own.take(where="x")
    assert time.now == 100.0
    for _ in range(10):
        own.take(where="x")
    assert time.now == pytest.approx(105.0)
    time.now += 3600
    before = time.now
    for _ in range(4):
        own.take(where="x")
    assert time.now == before, "a rest fills the bucket, and no more than that"
    own.take(where="x")
    assert time.now == pytest.approx(before + 0.5)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"ratelimit-remaining": "0", "ratelimit-reset": "7"}, 7),
        ({"ratelimit": '"default";r=0;t=9'}, 9),
        ({"ratelimit-remaining": "3", "ratelimit-reset": "7"}, 0),
        ({"ratelimit-remaining": "76;w=21600"}, 0),
        ({"ratelimit-remaining": "nonsense"}, 0),
        ({"ratelimit": "x" * 10_000}, 0),
    ],
)
def test_what_the_server_says_of_its_limits_is_kept(headers: dict[str, str], wait: float) -> None:
    time = Time()
    own = pace(time)
    own.learn(200, headers, retry_after_s=None)
    own.take(where="x")
    assert time.now == 100.0 + wait


def test_a_limit_used_up_for_long_is_told_and_not_waited_for() -> None:
    time = Time()
    own = pace(time)
    own.learn(200, {"ratelimit-remaining": "0;w=21600"}, retry_after_s=None)
    with pytest.raises(UsedUpError, match="try again in 60 s"):
        own.take(where="x")
    own.learn(429, {}, retry_after_s=600)
    with pytest.raises(UsedUpError, match="try again in 600 s") as caught:
        own.take(where="x")
    assert caught.value.wait_s == 600
    assert time.now == 100.0
    time.now += 600
    own.take(where="x")


def test_one_answer_of_429_holds_every_request(serve: Serve) -> None:
    time, calls = Time(), list[str]()

    def answer(request: BaseHTTPRequestHandler) -> None:
        calls.append(request.path)
        reply(request, 429 if len(calls) == 1 else 200, b"", Retry_After="5")

    url, own = serve(answer), pace(time, rate=1000, burst=1000)
    with Outbound(sleep=lambda _: None, pace=own) as outbound:
        outbound.get_bytes(url, max_bytes=10)
        assert time.now == pytest.approx(105.0)
        outbound.get_bytes(url, max_bytes=10)
    assert len(calls) == 3
    assert time.now == pytest.approx(105.0)


def test_an_identity_token_is_not_carried_along_a_redirect(serve: Serve, outbound: Outbound) -> None:
    seen: list[str] = []

    def thief(request: BaseHTTPRequestHandler) -> None:
        seen.append(request.path)
        reply(request, 200, b'{"token":"abc"}')

    there = serve(thief)
    realm = serve(lambda request: reply(request, 307, Location=f"{there}/token"))
    url = challenging(serve, realm)
    reference = Reference.parse(f"{url.removeprefix('http://')}/team/app:1")
    keyring = Keyring({reference.registry: Credentials(identity_token="secret-token")})
    with pytest.raises((OutsideError, InvalidInputError)):
        RegistryClient(outbound, keyring=keyring, bases={reference.registry: url}).head(reference)
    assert seen == []
