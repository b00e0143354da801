# SPDX-License-Identifier: Apache-2.0
"""A login in the user's own browser: authorization code with PKCE, answered on loopback.

RFC 6749, RFC 7636 (S256), RFC 8252 (7.3), RFC 9207, OpenID Connect Core 1.0 (3.1).
"""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

from tidegate.bounds import printable
from tidegate.errors import OutsideError, RefusedError, UsageError
from tidegate.remote.issuer import Issuer

WAIT_SECONDS: Final = 300.0
_PATH: Final = "/callback"
_REQUEST_SECONDS: Final = 10
_PAGE: Final = b"<!doctype html><title>tidegate</title><p>%s You may close this page."


def log_in_by_browser(issuer: Issuer, *, show: Callable[[str], None], wait_seconds: float = WAIT_SECONDS) -> str:
    """An ID token for whoever logs in at the address that is shown.

    Args:
        issuer: where.
        show: is given the address to open.
        wait_seconds: how long to wait for them.

    Raises:
        OutsideError: nobody came in time, or the issuer failed.
        RefusedError: the issuer says no.
        UsageError: the issuer offers no such login.
    """
    where = issuer.login.issuer
    if not issuer.authorization_endpoint:
        raise UsageError("offers no login in a browser", where=where, remedy="try --device")
    asked = _Asked()
    with _Loopback(asked.state) as loopback:
        show(_address(issuer, asked, loopback.url))
        answer = loopback.wait(wait_seconds, where=where)
        if answer.get("iss", where) != where:  # RFC 9207: another issuer's answer is for somebody else
            raise OutsideError("the answer is of another issuer", where=where)
        if "code" not in answer:
            said = answer.get("error_description") or answer.get("error") or "it gave no code"
            raise RefusedError(f"no login: {printable(said[:300])}", where=where)
        form = {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "redirect_uri": loopback.url,
            "client_id": issuer.login.client_id,
            "code_verifier": asked.verifier,
        }
    return issuer.id_token(*issuer.form(issuer.token_endpoint, form), nonce=asked.nonce)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What binds an answer to this login alone."""

    state: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(64), repr=False)

    @property
    def challenge(self) -> str:
        digest = hashlib.sha256(self.verifier.encode("ascii")).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def _address(issuer: Issuer, asked: _Asked, answer_to: str) -> str:
    query = {
        "response_type": "code",
        "client_id": issuer.login.client_id,
        "redirect_uri": answer_to,
        "scope": " ".join(issuer.login.scopes),
        "state": asked.state,
        "nonce": asked.nonce,
        "code_challenge": asked.challenge,
        "code_challenge_method": "S256",
    }
    endpoint = issuer.authorization_endpoint
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"


class _Loopback:
    """Listens on a free port of this machine until the one answer comes that knows the state."""

    def __init__(self, state: str) -> None:
        self._answer: dict[str, str] = {}
        keep = self._answer.update

        class Handler(BaseHTTPRequestHandler):
            timeout = _REQUEST_SECONDS  # of a connection that says nothing

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                try:
                    query = {name: values[0] for name, values in parse_qs(parts.query, max_num_fields=20).items()}
                except ValueError:
                    query = {}
                ours = parts.path == _PATH and hmac.compare_digest(query.get("state", "").encode(), state.encode())
                if ours:
                    keep(query)
                done = b"You are logged in." if ours and "code" in query else b"No login came of this."
                body = _PAGE % done
                self.send_response(200 if ours else 400)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Says nothing: the request line has the code in it."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}{_PATH}"

    def __enter__(self) -> "_Loopback":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.server_close()

    def wait(self, seconds: float, *, where: str) -> dict[str, str]:
        """The parameters of the answer."""
        end = time.monotonic() + seconds
        while not self._answer:
            self._server.timeout = left = end - time.monotonic()
            if left <= 0:
                raise OutsideError(f"nobody logged in within {seconds:.0f} s", where=where, remedy="try again")
            self._server.handle_request()
        return self._answer
