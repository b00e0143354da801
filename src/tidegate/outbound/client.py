# SPDX-License-Identifier: Apache-2.0
"""Outward HTTP requests: redirects, credentials, retries and bounds in one place. Safe to share between threads."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from tidegate.bounds import MIB
from tidegate.errors import BoundExceededError, OutsideError, UsageError
from tidegate.outbound.address import check_url, is_loopback, join, origin, shown
from tidegate.outbound.body import Body, Resumption
from tidegate.outbound.download import Downloaded, download
from tidegate.outbound.options import OutboundOptions
from tidegate.outbound.pace import Pace
from tidegate.outbound.reach import ForbiddenAddressError
from tidegate.outbound.reply import Reply, check_reply, describe
from tidegate.outbound.retry import TryAgain, retrying, wait_asked
from tidegate.outbound.trust import build_client

if TYPE_CHECKING:
    import httpx

DEFAULT_MAX_BODY_BYTES: Final = 4 * MIB
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_BUSY: Final = frozenset({429, 500, 502, 503, 504})
_IDEMPOTENT: Final = frozenset({"GET", "HEAD", "PUT", "DELETE"})
_UNAUTHORIZED: Final = 401
_BAD: Final = 400


class Authorizer(Protocol):
    """Gives the `Authorization` header for one server and renews it when the server asks."""

    def header(self) -> str:
        """The header's value; "" for none."""
        ...

    def renew(self, challenge: str) -> bool:
        """Answers a `WWW-Authenticate` challenge; True when it is worth asking again."""
        ...


class Outbound:
    """Makes HTTP calls.

    Args:
        options: limits and trust.
        sleep: waits between tries; handed in for tests.
        pace: how fast requests may follow each other; None for as fast as they come.
    """

    def __init__(
        self,
        options: OutboundOptions | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        pace: Pace | None = None,
    ) -> None:
        self.options = options or OutboundOptions()
        self._sleep = sleep
        self._pace = pace
        self._lock = threading.Lock()
        self._built: httpx.Client | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes every connection."""
        with self._lock:
            if self._built is not None:
                self._built.close()
                self._built = None

    def get_bytes(self, url: str, *, max_bytes: int, headers: Mapping[str, str] | None = None) -> bytes:
        """Fetches a small document.

        Raises:
            BoundExceededError: it is longer than `max_bytes`.
            NotFoundError: the server has no such thing (404, 410).
            OutsideError: the server could not be reached or refused.
            UsageError: the address may not be called.
        """
        return check_reply(self.request("GET", url, headers=headers, max_bytes=max_bytes)).body

    def download(
        self,
        url: str,
        *,
        to: Path,
        max_bytes: int,
        resume: bool = True,
        sha256: str = "",
        total_bytes: int | None = None,
    ) -> Downloaded:
        """Fetches a file: into `NAME.part` beside it first, then renamed, so `to` is whole or as it was.

        Args:
            url: its address.
            to: where it shall lie; its folder exists.
            max_bytes: the longest file accepted.
            resume: go on where an earlier, broken call stopped, when the server says it is still the same file.
            sha256: the hexadecimal digest it must have; "" when unknown.
            total_bytes: the size it must have; None when unknown.

        Raises:
            BoundExceededError: it is longer than `max_bytes`.
            DigestMismatchError: it is not the file `sha256` says; nothing is left behind.
            InvalidInputError: it has another size than `total_bytes`; nothing is left behind.
            NotFoundError: the server has no such thing.
            OutsideError: the server or the disk failed; what was fetched stays for the next call.
            UsageError: the address may not be called.
        """
        return download(
            self._opener(url, None, None),
            where=shown(url),
            to=to,
            max_bytes=max_bytes,
            resume=resume,
            sha256=sha256,
            total_bytes=total_bytes,
            limits=self._resumption(),
        )

    def stream(
        self,
        url: str,
        *,
        max_bytes: int,
        headers: Mapping[str, str] | None = None,
        authorizer: Authorizer | None = None,
        total_bytes: int | None = None,
        start: int = 0,
    ) -> AbstractContextManager[Body]:
        """Opens a body for reading; a broken connection is taken up again where it broke.

        Args:
            url: its address.
            max_bytes: reading past it raises.
            headers: sent along.
            authorizer: credentials for the address's own server only.
            total_bytes: the size it must have; None when unknown.
            start: bytes the caller has already; `Body.position` is 0 when the server begins anew all the same.

        Raises:
            BoundExceededError, NotFoundError, OutsideError, UsageError: as for `get_bytes`; also while reading.
            InvalidInputError: it ends before `total_bytes` or goes on after.
        """
        opener = self._opener(url, headers, authorizer)
        return Body(
            opener,
            where=shown(url),
            max_bytes=max_bytes,
            total_bytes=total_bytes,
            limits=self._resumption(),
            start=start,
        )

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Path | None = None,
        max_bytes: int = DEFAULT_MAX_BODY_BYTES,
        authorizer: Authorizer | None = None,
        retry: bool = True,
        follow: bool = True,
    ) -> Reply:
        """Makes one call and reads the whole answer, whatever its status.

        A refusal (400 and above) longer than `max_bytes` is cut off there.

        Args:
            method: in capitals.
            url: the address.
            headers: sent along; `Authorization` is dropped when a redirect leaves the server.
            body: sent along; a file is streamed.
            max_bytes: the longest answer accepted.
            authorizer: credentials for the address's own server only.
            retry: try again what another try may mend.
            follow: go where redirects lead; not for a body that only this server may see.

        Raises:
            BoundExceededError: the answer is longer than `max_bytes`.
            OutsideError: no answer, too many redirects, or still 429 or 5xx after all tries.
            UsageError: the address may not be called.
        """

        def once() -> Reply:
            response, final = self._send(method, url, headers or {}, body, authorizer, follow=follow)
            try:
                return Reply(
                    status=response.status_code,
                    url=final,
                    headers=_headers(response),
                    body=self._read(response, max_bytes, shown(url)),
                )
            finally:
                response.close()

        return retrying(once, options=self.options, sleep=self._sleep) if retry else once()

    def _opener(
        self, url: str, headers: Mapping[str, str] | None, authorizer: Authorizer | None
    ) -> "Callable[[Mapping[str, str]], httpx.Response]":
        def open_(extra: Mapping[str, str]) -> "httpx.Response":
            def once() -> "httpx.Response":
                return self._send("GET", url, {**(headers or {}), **extra}, None, authorizer)[0]

            return retrying(once, options=self.options, sleep=self._sleep)

        return open_

    def _resumption(self) -> Resumption:
        return Resumption(max_resumes=self.options.max_attempts, total_timeout_s=self.options.total_timeout_s)

    def _read(self, response: "httpx.Response", max_bytes: int, where: str) -> bytes:
        import httpx

        if response.headers.get("content-encoding", "identity") != "identity":
            raise OutsideError("answered in a content encoding that was not asked for", where=where)
        deadline = time.monotonic() + self.options.total_timeout_s
        chunks: list[bytes] = []
        left = max_bytes
        try:
            for chunk in response.iter_raw():
                left -= len(chunk)
                if left < 0 and response.status_code >= _BAD:
                    break
                if left < 0:
                    raise BoundExceededError("max_bytes", max_bytes, where=where)
                if time.monotonic() > deadline:
                    raise OutsideError("the answer takes longer than total_timeout_s", where=where)
                chunks.append(chunk)
        except httpx.TransportError as error:
            raise TryAgain(f"the connection broke: {describe(error)}", where=where) from error
        return b"".join(chunks)

    def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | Path | None,
        authorizer: Authorizer | None,
        *,
        follow: bool = True,
    ) -> "tuple[httpx.Response, str]":
        """Sends, follows redirects, answers one challenge; raises TryAgain for what another try may mend."""
        check_url(url, insecure=self.options.insecure)
        home, current, renewed = origin(url), url, False
        left = self.options.max_redirects
        while True:
            at_home = origin(current) == home
            response = self._send_once(method, current, _allowed(headers, authorizer, at_home=at_home), body)
            status = response.status_code
            if status == _UNAUTHORIZED and authorizer is not None and at_home and not renewed:
                renewed = True
                challenge = ", ".join(response.headers.get_list("www-authenticate"))
                if authorizer.renew(challenge):
                    response.close()
                    current = url
                    continue
            if follow and status in _REDIRECTS and "location" in response.headers:
                response.close()
                left -= 1
                if left < 0:
                    raise OutsideError(f"more than {self.options.max_redirects} redirects", where=shown(url))
                current = self._redirected(current, response.headers["location"])
                if status == 303 and method != "HEAD":  # noqa: PLR2004 - See Other
                    method, body = "GET", None
                continue
            if status in _BUSY and (method in _IDEMPOTENT or status in {429, 503}):
                response.close()
                raise TryAgain(f"the server answered {status}", where=shown(current), wait_s=wait_asked(response))
            return response, current

    def _redirected(self, current: str, location: str) -> str:
        target = join(current, location)
        try:
            check_url(target, insecure=self.options.insecure)
        except UsageError as error:
            raise OutsideError(f"redirects to what may not be called: {error}", where=shown(current)) from error
        if target.startswith("http:") and current.startswith("https:") and not self.options.insecure:
            raise OutsideError(f"redirects from https to plain http: {shown(target)}", where=shown(current))
        return target

    def _send_once(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | Path | None
    ) -> "httpx.Response":
        import httpx

        where = shown(url)
        self._check_reach(url)
        if self._pace is not None:
            self._pace.take(where=where)
        try:
            if isinstance(body, Path):
                sized = {**headers, "Content-Length": str(body.stat().st_size)}
                request = self._client.build_request(method, url, headers=sized, content=_chunks(body))
            else:
                request = self._client.build_request(method, url, headers=headers, content=body)
            response = self._client.send(request, stream=True)
        except OSError as error:
            raise OutsideError(f"cannot be read: {error.strerror or error}", where=str(body)) from error
        except httpx.TransportError as error:
            text = describe(error)
            if "CERTIFICATE_VERIFY_FAILED" in text:
                raise OutsideError(
                    f"its certificate is not trusted: {text}", where=where, remedy="name the authority's CA file"
                ) from error
            unsent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            if unsent or method in _IDEMPOTENT:
                raise TryAgain(f"cannot be reached: {text}", where=where) from error
            raise OutsideError(f"the connection broke: {text}", where=where) from error
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError) as error:
            raise UsageError(f"cannot be called: {describe(error)}", where=where) from error
        if self._pace is not None:
            self._pace.learn(response.status_code, response.headers, retry_after_s=wait_asked(response))
        return response

    def _check_reach(self, url: str) -> None:
        """Behind a proxy the connection itself cannot be checked; what is written as a number can."""
        reach = self.options.reach
        _, host, port = origin(url)
        if reach is None or not self.options.proxy:
            return
        if is_loopback(host) or host.replace(".", "").isdecimal() or ":" in host:
            address = "127.0.0.1" if host.endswith("localhost") else host
            if not reach.permits(address, port):
                raise ForbiddenAddressError(host, [address])

    @property
    def _client(self) -> "httpx.Client":
        with self._lock:
            if self._built is None:
                self._built = build_client(self.options)
            return self._built


def _allowed(headers: Mapping[str, str], authorizer: Authorizer | None, *, at_home: bool) -> dict[str, str]:
    if not at_home:
        return {name: value for name, value in headers.items() if name.lower() not in {"authorization", "cookie"}}
    own = authorizer.header() if authorizer is not None else ""
    return {**headers, "Authorization": own} if own else dict(headers)


def _headers(response: "httpx.Response") -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _chunks(path: Path) -> Iterator[Any]:
    with path.open("rb") as file:
        while chunk := file.read(MIB):
            yield chunk
