# SPDX-License-Identifier: Apache-2.0
"""Outward calls against a server that misbehaves as told: limits, redirects, credentials, retries, resumption."""

import fcntl
import hashlib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tidegate.errors import (
    BoundExceededError,
    DigestMismatchError,
    InvalidInputError,
    NotFoundError,
    OutsideError,
    UsageError,
)
from tidegate.outbound import Outbound, OutboundOptions
from tidegate.outbound.address import check_url, shown

Answer = Callable[[BaseHTTPRequestHandler], None]
Serve = Callable[[Answer], str]

_DATA = bytes(range(256)) * 2000


def reply(request: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    if "Content_Length" not in headers:
        request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


def breaking(times: int, *, etag: str = '"v1"', at: int = 100_000, ranges: bool = True) -> tuple[Answer, list[str]]:
    """Serves the data; the first `times` answers break off after `at` bytes. Also the ranges asked for."""
    asked: list[str] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range", "")
        asked.append(wanted)
        fits = request.headers.get("If-Range", etag) == etag
        start = int(wanted[6:-1]) if wanted and ranges and fits else 0
        body = _DATA[start:]
        extra = {"Content_Range": f"bytes {start}-{len(_DATA) - 1}/{len(_DATA)}"} if start else {}
        if etag:
            extra["ETag"] = etag
        broken = len(asked) <= times
        reply(request, 206 if start else 200, body[:at] if broken else body, Content_Length=str(len(body)), **extra)
        if broken:
            request.close_connection = True

    return answer, asked


def test_a_document_comes_whole_or_not_at_all(serve: Serve, outbound: Outbound) -> None:
    url = serve(lambda request: reply(request, 200, b"12345"))
    assert outbound.get_bytes(url, max_bytes=5) == b"12345"
    with pytest.raises(BoundExceededError, match="max_bytes = 4"):
        outbound.get_bytes(url, max_bytes=4)


def test_an_endless_answer_is_cut_off(serve: Serve, outbound: Outbound) -> None:
    def endless(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        try:
            while True:
                request.wfile.write(b"4000\r\n" + bytes(0x4000) + b"\r\n")
        except OSError:
            request.close_connection = True

    url = serve(endless)
    with pytest.raises(BoundExceededError):
        outbound.get_bytes(url, max_bytes=1_000_000)
    with outbound.stream(url, max_bytes=1_000_000) as body, pytest.raises(BoundExceededError):
        body.read()


@pytest.mark.parametrize(
    ("status", "kind"), [(404, NotFoundError), (410, NotFoundError), (403, OutsideError), (418, OutsideError)]
)
def test_a_refusal_is_named(serve: Serve, outbound: Outbound, status: int, kind: type[Exception]) -> None:
    url = serve(lambda request: reply(request, status, b"x" * 5000))
    with pytest.raises(kind, match=str(status)):
        outbound.get_bytes(url, max_bytes=10)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_tries_again_while_the_server_is_busy(serve: Serve, status: int) -> None:
    calls: list[str] = []
    waits: list[float] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        calls.append(request.path)
        reply(request, status if len(calls) < 3 else 200, b"done", Retry_After="7")

    with Outbound(sleep=waits.append) as out:
        assert out.get_bytes(serve(answer), max_bytes=10) == b"done"
    assert waits == [7.0, 7.0]


def test_gives_up_after_max_attempts(serve: Serve) -> None:
    calls: list[str] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        calls.append(request.path)
        reply(request, 503)

    with (
        Outbound(OutboundOptions(max_attempts=3), sleep=lambda _: None) as out,
        pytest.raises(OutsideError, match="503"),
    ):
        out.get_bytes(serve(answer), max_bytes=10)
    assert len(calls) == 3


def test_does_not_wait_longer_than_it_was_told_to(serve: Serve) -> None:
    waits: list[float] = []
    url = serve(lambda request: reply(request, 503, Retry_After="86400"))
    with Outbound(sleep=waits.append) as out, pytest.raises(OutsideError, match="503"):
        out.get_bytes(url, max_bytes=10)
    assert waits == []


def test_does_not_repeat_what_may_have_happened(serve: Serve, outbound: Outbound) -> None:
    calls: list[str] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        calls.append(request.command)
        reply(request, 500)

    assert outbound.request("POST", serve(answer), body=b"pay").status == 500
    assert calls == ["POST"]


def test_says_when_nobody_listens(outbound: Outbound) -> None:
    with pytest.raises(OutsideError, match="cannot be reached"):
        outbound.get_bytes("http://127.0.0.1:1/", max_bytes=10)


def test_credentials_stay_with_their_server(serve: Serve, outbound: Outbound) -> None:
    seen: list[str | None] = []

    def storage(request: BaseHTTPRequestHandler) -> None:
        seen.append(request.headers.get("Authorization"))
        reply(request, 200, b"blob")

    there = serve(storage)

    def registry(request: BaseHTTPRequestHandler) -> None:
        seen.append(request.headers.get("Authorization"))
        reply(request, 307, Location=f"{there}/signed?sig=1")

    class Key:
        def header(self) -> str:
            return "Bearer secret"

        def renew(self, challenge: str) -> bool:
            raise AssertionError(challenge)

    here = serve(registry)
    assert outbound.request("GET", here, authorizer=Key()).body == b"blob"
    assert outbound.request("GET", here, headers={"authorization": "Basic secret"}).body == b"blob"
    assert seen == ["Bearer secret", None, "Basic secret", None]


def test_cookies_are_not_kept(serve: Serve, outbound: Outbound) -> None:
    seen: list[str | None] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        seen.append(request.headers.get("Cookie"))
        reply(request, 200, Set_Cookie="session=1")

    url = serve(answer)
    outbound.get_bytes(url, max_bytes=1)
    outbound.get_bytes(url, max_bytes=1)
    assert seen == [None, None]


@pytest.mark.parametrize(
    "to", ["http://example.org/x", "file:///etc/passwd", "ftp://127.0.0.1/", "http://a:b@127.0.0.1/"]
)
def test_redirects_lead_nowhere_forbidden(serve: Serve, outbound: Outbound, to: str) -> None:
    url = serve(lambda request: reply(request, 302, Location=to))
    with pytest.raises(OutsideError, match="redirects to what may not be called"):
        outbound.get_bytes(url, max_bytes=10)


def test_a_redirect_to_nonsense_is_named(serve: Serve, outbound: Outbound) -> None:
    url = serve(lambda request: reply(request, 302, Location="http://[nonsense"))
    with pytest.raises(OutsideError, match="names no address"):
        outbound.get_bytes(url, max_bytes=10)


def test_a_missing_file_cannot_be_sent(serve: Serve, outbound: Outbound, tmp_path: Path) -> None:
    url = serve(lambda request: reply(request, 201))
    with pytest.raises(OutsideError, match="cannot be read"):
        outbound.request("PUT", url, body=tmp_path / "missing")


def test_two_downloads_of_one_file_do_not_mix(serve: Serve, outbound: Outbound, tmp_path: Path) -> None:
    url = serve(breaking(0)[0])
    with (tmp_path / "file.part").open("wb") as other:
        other.write(b"theirs")
        other.flush()
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(OutsideError, match="another download of it is under way"):
            outbound.download(url, to=tmp_path / "file", max_bytes=len(_DATA))
        assert (tmp_path / "file.part").read_bytes() == b"theirs"
    assert outbound.download(url, to=tmp_path / "file", max_bytes=len(_DATA)).size == len(_DATA)


def test_redirects_end(serve: Serve, outbound: Outbound) -> None:
    url = serve(lambda request: reply(request, 302, Location="/again"))
    with pytest.raises(OutsideError, match="more than 5 redirects"):
        outbound.get_bytes(url, max_bytes=10)


@pytest.mark.parametrize(
    "url",
    ["http://example.org/", "https://user:pass@example.org/", "gopher://x/", "https:///x", "https://x\n.org/", "x"],
)
def test_some_addresses_are_never_called(url: str) -> None:
    with pytest.raises(UsageError):
        check_url(url)


def test_plain_http_must_be_asked_for() -> None:
    assert check_url("http://example.org/", insecure=True)
    assert check_url("http://127.0.0.1:5000/")
    assert check_url("http://[::1]/")
    assert check_url("http://localhost/")
    with pytest.raises(UsageError, match="plain http"):
        check_url("http://127.0.0.1.example.org/")


def test_messages_do_not_carry_signatures() -> None:
    assert shown("https://u:p@host/path?X-Signature=abc#f") == "https://host/path"


def test_an_unasked_encoding_is_refused(serve: Serve, outbound: Outbound) -> None:
    url = serve(lambda request: reply(request, 200, b"\x1f\x8b", Content_Encoding="gzip"))
    with pytest.raises(OutsideError, match="encoding"):
        outbound.get_bytes(url, max_bytes=10)


def test_a_ca_file_must_be_one(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nonsense")
    for name in ("ca.pem", "missing.pem"):
        options = OutboundOptions(ca_file=tmp_path / name)
        with Outbound(options) as out, pytest.raises(UsageError, match="CA file"):
            out.get_bytes("https://127.0.0.1:1/", max_bytes=1)


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_stream_goes_on_where_it_broke(serve: Serve, outbound: Outbound, ranges: bool) -> None:
    answer, asked = breaking(2, ranges=ranges, at=100_000)
    with outbound.stream(serve(answer), max_bytes=len(_DATA), total_bytes=len(_DATA)) as body:
        assert body.read() == _DATA
    assert len(asked) == 3
    assert asked[1] == "bytes=100000-"


def test_a_stream_that_never_holds_is_given_up(serve: Serve) -> None:
    answer, asked = breaking(99, at=1000)
    with (
        Outbound(OutboundOptions(max_attempts=2), sleep=lambda _: None) as out,
        pytest.raises(OutsideError, match="broke"),
        out.stream(serve(answer), max_bytes=len(_DATA)) as body,
    ):
        body.read()
    assert len(asked) == 3


def test_two_versions_are_never_mixed(serve: Serve, outbound: Outbound) -> None:
    calls: list[str] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        calls.append(request.path)
        first = len(calls) == 1
        body = b"old" * 1000 if first else b"new" * 1000
        reply(request, 200, body[:1000] if first else body, Content_Length="3000", ETag=f'"{len(calls)}"')
        request.close_connection = first

    with outbound.stream(serve(answer), max_bytes=3000) as body, pytest.raises(OutsideError, match="changed"):
        body.read()


@pytest.mark.parametrize("total", [len(_DATA) - 1, len(_DATA) + 1])
def test_a_stream_of_another_size_is_refused(serve: Serve, outbound: Outbound, total: int) -> None:
    url = serve(breaking(0)[0])
    with pytest.raises(InvalidInputError), outbound.stream(url, max_bytes=1 << 30, total_bytes=total) as body:
        body.read()


def test_a_download_goes_on_in_the_next_call(serve: Serve, tmp_path: Path) -> None:
    answer, asked = breaking(1)
    url, to = serve(answer), tmp_path / "all.zip"
    with Outbound(OutboundOptions(max_attempts=0), sleep=lambda _: None) as out:
        with pytest.raises(OutsideError):
            out.download(url, to=to, max_bytes=len(_DATA))
        assert not to.exists()
        done = out.download(url, to=to, max_bytes=len(_DATA))
    assert (done.size, done.resumed_at) == (len(_DATA), 100_000)
    assert done.sha256 == hashlib.sha256(_DATA).hexdigest()
    assert to.read_bytes() == _DATA
    assert asked == ["", "bytes=100000-"]
    assert [path.name for path in tmp_path.iterdir()] == ["all.zip"]


def test_a_download_begins_anew_when_the_file_changed(serve: Serve, tmp_path: Path, outbound: Outbound) -> None:
    to = tmp_path / "file"
    (tmp_path / "file.part").write_bytes(b"stale" * 10)
    (tmp_path / "file.part.validator").write_text('"v0"')
    done = outbound.download(serve(breaking(0)[0]), to=to, max_bytes=len(_DATA))
    assert (to.read_bytes(), done.resumed_at) == (_DATA, 0)


def test_without_a_validator_a_download_is_not_resumed(serve: Serve, tmp_path: Path, outbound: Outbound) -> None:
    (tmp_path / "file.part").write_bytes(b"stale" * 10)
    (tmp_path / "file.part.validator").write_text("")
    answer, asked = breaking(0, etag="")
    outbound.download(serve(answer), to=tmp_path / "file", max_bytes=len(_DATA))
    assert asked == [""]
    assert (tmp_path / "file").read_bytes() == _DATA


def test_a_wrong_digest_leaves_nothing_but_the_old_file(serve: Serve, tmp_path: Path, outbound: Outbound) -> None:
    to = tmp_path / "file"
    to.write_bytes(b"old")
    with pytest.raises(DigestMismatchError):
        outbound.download(serve(breaking(0)[0]), to=to, max_bytes=len(_DATA), sha256="0" * 64)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert to.read_bytes() == b"old"


def test_a_download_over_its_limit_leaves_nothing(serve: Serve, tmp_path: Path, outbound: Outbound) -> None:
    with pytest.raises(BoundExceededError):
        outbound.download(serve(breaking(0)[0]), to=tmp_path / "file", max_bytes=1000)
    assert list(tmp_path.iterdir()) == []


def test_a_download_needs_its_folder(serve: Serve, tmp_path: Path, outbound: Outbound) -> None:
    with pytest.raises(OutsideError, match="cannot be written"):
        outbound.download(serve(breaking(0)[0]), to=tmp_path / "no" / "file", max_bytes=len(_DATA))
