# SPDX-License-Identifier: Apache-2.0
"""An OpenID issuer on loopback: discovery, keys that can be rotated, ID tokens it signs for real, and logins.

Logins are those of RFC 6749 with PKCE (RFC 7636), checked as the standards have it, and of RFC 8628.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

AUDIENCE = "tidegate"


class OidcIssuer:
    """Serves until the block ends; `down` makes every request fail."""

    def __init__(self) -> None:
        self.keys: list[RSAKey | ECKey] = [RSAKey.generate_key(2048)]
        self.down = False
        self.says_issuer = ""
        self.asked: list[str] = []
        self.person: dict[str, Any] = {"sub": "anna", "groups": ["devs"]}
        self.refuses = False
        self.pending = 1
        self._codes: dict[str, dict[str, str]] = {}

    def __enter__(self) -> Self:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                if urlsplit(self.path).path == "/authorize":
                    self.send_response(302)
                    self.send_header("Location", issuer._authorized(_fields(urlsplit(self.path).query)))
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                answers = {"/.well-known/openid-configuration": issuer._discovery, "/keys": issuer._keys}
                found = answers.get(self.path)
                if issuer.down or found is None:
                    self.send_error(503 if issuer.down else 404)
                    return
                body = json.dumps(found()).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                form = _fields(self.rfile.read(int(self.headers["Content-Length"])).decode())
                told = issuer._device(form) if self.path == "/device" else issuer._sold(form)
                body = json.dumps(told).encode()
                self.send_response(400 if "error" in told else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(120)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def rotate(self) -> None:
        """Another key instead of the old ones."""
        self.keys = [ECKey.generate_key("P-256")]

    def token(self, *, key: Any = None, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """An ID token; claims of None are left out."""
        key = key or self.keys[0]
        now = int(time.time())
        whole = {"iss": self.url, "aud": AUDIENCE, "sub": "1234", "iat": now, "exp": now + 300, **claims}
        algorithm = "RS256" if isinstance(key, RSAKey) else "ES256"
        head = {"alg": algorithm, "kid": key.thumbprint(), **(header or {})}
        head = {name: value for name, value in head.items() if value is not None}
        return jwt.encode(head, {k: v for k, v in whole.items() if v is not None}, key, algorithms=[algorithm])

    def _discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.says_issuer or self.url,
            "jwks_uri": f"{self.url}/keys",
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "device_authorization_endpoint": f"{self.url}/device",
        }

    def _authorized(self, asked: dict[str, str]) -> str:
        """Where the browser of somebody is sent who said yes, or no."""
        assert (asked["response_type"], asked["client_id"]) == ("code", AUDIENCE)
        assert asked["code_challenge_method"] == "S256"
        back, state = asked["redirect_uri"], asked["state"]
        assert urlsplit(back).hostname == "127.0.0.1"
        if self.refuses:
            return f"{back}?{urlencode({'error': 'access_denied', 'state': state})}"
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        return f"{back}?{urlencode({'code': code, 'state': state, 'iss': self.url})}"

    def _sold(self, form: dict[str, str]) -> dict[str, Any]:
        if form["grant_type"].endswith(":device_code"):
            return self._sold_to_a_device(form)
        asked = self._codes.pop(form["code"], None)
        if asked is None or form["redirect_uri"] != asked["redirect_uri"] or form["client_id"] != AUDIENCE:
            return {"error": "invalid_grant"}
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != asked["code_challenge"]:
            return {"error": "invalid_grant"}
        claims = {"nonce": asked["nonce"], **self.person}
        return {"id_token": self.token(**claims), "token_type": "Bearer", "access_token": "unused"}

    def _sold_to_a_device(self, form: dict[str, str]) -> dict[str, Any]:
        if form["device_code"] not in self._codes:
            return {"error": "invalid_grant"}
        self.pending -= 1
        if self.pending >= 0:
            return {"error": "authorization_pending"}
        if self.refuses:
            return {"error": "access_denied"}
        return {"id_token": self.token(**self.person), "token_type": "Bearer"}

    def _device(self, form: dict[str, str]) -> dict[str, Any]:
        assert form["client_id"] == AUDIENCE
        code = secrets.token_urlsafe(16)
        self._codes[code] = form
        address = f"{self.url}/enter"
        return {"device_code": code, "user_code": "WDJB-MJHT", "verification_uri": address, "interval": 1}

    def _keys(self) -> Any:
        return KeySet(list(self.keys)).as_dict(private=False)


def _fields(text: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(text).items()}
