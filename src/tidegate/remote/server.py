# SPDX-License-Identifier: Apache-2.0
"""A server's management API, asked over HTTP with the login that is kept for it."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Final, TypeVar
from urllib.parse import quote, urlencode

from tidegate.artifact import Digest, Reference
from tidegate.bounds import MIB, printable
from tidegate.clock import Clock, rfc3339, system_clock
from tidegate.errors import (
    DigestMismatchError,
    InvalidInputError,
    NotFoundError,
    OutsideError,
    RefusedError,
    TidegateError,
    UsageError,
)
from tidegate.oci.credentials import Credentials
from tidegate.outbound import Outbound, Reply
from tidegate.outbound.address import check_url, is_loopback, split_url
from tidegate.remote.problem import read_problem
from tidegate.remote.token import ends_at, exchange
from tidegate.wire import from_json, to_json

T = TypeVar("T")
_API: Final = "/api/v1"
_JSON: Final = "application/json"
_BODIES: Final[Mapping[type, str]] = {bytes: "application/yaml", Path: "application/octet-stream"}
_MAX_ANSWER_BYTES: Final = 64 * MIB
_BAD: Final = 400
_UNKNOWN: Final = 401
_KINDS: Final[Mapping[int, type[TidegateError]]] = {
    400: UsageError,
    403: RefusedError,
    404: NotFoundError,
    409: RefusedError,
    412: RefusedError,
    413: InvalidInputError,
    422: InvalidInputError,
}


class RemoteServer:
    """One server. Safe for threads.

    Args:
        outbound: makes the calls.
        address: scheme, host and port, as `parse_server` returns it.
        credentials: of its user; None shows nothing.
        clock: tells a login that has ended before anybody is asked.
    """

    def __init__(
        self, outbound: Outbound, address: str, credentials: Credentials | None, *, clock: Clock = system_clock
    ) -> None:
        self.address = address
        self._outbound = outbound
        self._credentials = credentials
        self._clock = clock
        self._header = ""
        self._lock = Lock()

    @property
    def host(self) -> str:
        """Host and port, as names of images begin with them."""
        return split_url(self.address).netloc

    def ask(
        self,
        method: str,
        path: str,
        type_: type[T],
        *,
        query: Mapping[str, object] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> T:
        """Asks the API, and reads the answer as a value.

        Args:
            method: in capitals.
            path: under `/api/v1`, its parts already quoted (`quoted`).
            type_: what the answer must be.
            query: parameters; those that are empty or None are left out, a list stands as often as it is long.
            body: sent as JSON; bytes as they are, as YAML; a file streamed.
            headers: sent along.

        Raises:
            RefusedError: it says no, or does not know who asks; with its reason.
            NotFoundError, InvalidInputError, UsageError: what was asked makes no sense there.
            OutsideError: it cannot be reached, or failed.
        """
        given = {name: value for name, value in (query or {}).items() if value is not None and value != ""}
        url = f"{self.address}{_API}{path}" + (f"?{urlencode(given, doseq=True)}" if given else "")
        raw = body if isinstance(body, bytes | Path) else None if body is None else to_json(body)
        sent = {"Accept": "application/json", **(headers or {})}
        if raw is not None:
            kinds: dict[type, str] = {bytes: "application/yaml"}
            sent["Content-Type"] = (
                "application/octet-stream" if isinstance(body, Path) else kinds.get(type(body), _JSON)
            )
        if authorization := self._authorization():
            sent["Authorization"] = authorization
        reply = self._outbound.request(method, url, headers=sent, body=raw, max_bytes=_MAX_ANSWER_BYTES, follow=False)
        if reply.status >= _BAD:
            raise self._problem(reply)
        return from_json(reply.body or b"null", type_, what=self.host, max_bytes=_MAX_ANSWER_BYTES)

    def fetch(self, path: str, to: Path, digest: Digest, *, max_bytes: int) -> int:
        """Fetches a file, which appears whole and proved or not at all.

        Args:
            path: under `/api/v1`, its parts already quoted.
            to: where it shall lie; its folder exists.
            digest: what it must hash to.
            max_bytes: the longest accepted.

        Returns:
            Its size in bytes.

        Raises:
            DigestMismatchError: it is another file.
            OutsideError, RefusedError, NotFoundError: as `ask`; or the disk failed.
        """
        authorization = self._authorization()
        headers = {"Authorization": authorization} if authorization else {}
        part = to.with_name(f"{to.name}.part")
        hashed = sha256()
        try:
            url = f"{self.address}{_API}{path}"
            with self._outbound.stream(url, max_bytes=max_bytes, headers=headers) as body, part.open("wb") as file:
                part.chmod(0o600)
                while piece := body.read(MIB):
                    hashed.update(piece)
                    file.write(piece)
                size = file.tell()
            if hashed.hexdigest() != digest.hex:
                raise DigestMismatchError(digest, Digest(f"sha256:{hashed.hexdigest()}"), where=self.host)
            part.replace(to)
        except OSError as error:
            raise OutsideError(f"cannot be written: {error.strerror or error}", where=str(to)) from error
        finally:
            part.unlink(missing_ok=True)
        return size

    def digest_of(self, name: str) -> Digest:
        """The digest of an image there: itself, or what a name (`repository:tag`) points to, served or withheld.

        Raises:
            InvalidInputError: it is no name.
            NotFoundError: there is no such image, as far as its user may see.
            OutsideError, RefusedError: as `ask`.
        """
        if name.startswith(("sha256:", "sha512:")):
            return Digest(name)
        reference = Reference.parse(f"localhost/{name}")
        locator = reference.digest or reference.tag or "latest"
        authorization = self._authorization()
        reply = self._outbound.request(
            "HEAD",
            f"{self.address}/v2/{reference.repository}/manifests/{locator}",
            headers={"Accept": "*/*", **({"Authorization": authorization} if authorization else {})},
            follow=False,
        )
        if stated := reply.headers.get("docker-content-digest"):
            return Digest(stated)
        if reply.status in {401, 403}:
            raise RefusedError("you may not see it", where=name, remedy=self._log_in())
        raise NotFoundError("no such image", where=f"{self.address} {name}")

    def _authorization(self) -> str:
        own = self._credentials
        if own is None:
            return ""
        with self._lock:
            if not self._header:
                self._check_lasting(own)
                if own.identity_token:
                    self._header = f"Bearer {exchange(self._outbound, self.address, own.identity_token)}"
                else:
                    self._header = own.basic
            return self._header

    def _check_lasting(self, own: Credentials) -> None:
        end = ends_at(own)
        if end is not None and end <= self._clock():
            raise RefusedError(f"the login ended at {rfc3339(end)}", where=self.address, remedy=self._log_in())

    def _problem(self, reply: Reply) -> TidegateError:
        what, where, remedy = read_problem(reply)
        if reply.status == _UNKNOWN:
            return RefusedError(f"not let in: {what}", where=self.address, remedy=self._log_in())
        kind = _KINDS.get(reply.status, OutsideError)
        return kind(what or f"answered {reply.status}", where=where or self.address, remedy=remedy)

    def _log_in(self) -> str:
        return f"tidegate login {self.address}"


def parse_server(text: str) -> str:
    """The address of a server as people write it: `registry.example` is `https://registry.example`.

    Raises:
        UsageError: it is no address of a server, or plain HTTP to another machine.
    """
    host = text.partition("/")[0].rpartition(":")[0] or text
    bare = text if "://" in text else f"{'http' if is_loopback(host.strip('[]')) else 'https'}://{text}"
    parts = split_url(check_url(bare))
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise UsageError("more than a server", where=printable(text[:200]), remedy="write https://HOST[:PORT]")
    return f"{parts.scheme}://{parts.netloc}"


def quoted(text: str) -> str:
    """A part of a path."""
    return quote(text, safe="")
