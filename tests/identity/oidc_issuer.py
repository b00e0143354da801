# SPDX-License-Identifier: Apache-2.0
"""An OpenID issuer on loopback: discovery, keys that can be rotated, and ID tokens it signs for real."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

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

    def __enter__(self) -> Self:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
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

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

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
        return {"issuer": self.says_issuer or self.url, "jwks_uri": f"{self.url}/keys"}

    def _keys(self) -> Any:
        return KeySet(list(self.keys)).as_dict(private=False)
