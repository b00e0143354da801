# SPDX-License-Identifier: Apache-2.0
"""Turns the rules' templates into samples: the repository itself holds nothing that looks like a secret."""

import base64
import hashlib
import json
import re

from tidegate.scan.secrets.rule import ALPHABETS

_HOLE = re.compile(r"<(\d+):(\w+)>")


def made(template: str, seed: str = "tidegate") -> bytes:
    """The sample a template stands for; equal seeds give equal samples."""
    login = base64.b64encode(f"deploy:{drawn('alnum', 24, seed)}".encode()).decode()
    text = template.replace("<login>", login).replace("<jwt>", signed(seed)).replace("<pem64>", armoured(seed))
    return _HOLE.sub(lambda hole: drawn(hole[2], int(hole[1]), f"{seed} {hole.start()}"), text).encode()


def drawn(alphabet: str, size: int, seed: str) -> str:
    letters = ALPHABETS[alphabet]
    stream = hashlib.shake_256(seed.encode()).digest(size * 2)
    return "".join(letters[(stream[2 * i] << 8 | stream[2 * i + 1]) % len(letters)] for i in range(size))


def signed(seed: str) -> str:
    """A JSON web token that nobody signed."""
    parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": drawn("alnum", 12, seed), "iat": 1_700_000_000})
    header, payload = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
    return f"{header}.{payload}.{drawn('url64', 43, seed)}"


def armoured(seed: str) -> str:
    """Base64 of what begins as a PEM key."""
    dashes = "-" * 5
    return base64.b64encode(f"{dashes}BEGIN RSA PRIVATE KEY{dashes}\n{drawn('base64', 160, seed)}".encode()).decode()
