# SPDX-License-Identifier: Apache-2.0
"""Passwords for registries, from a `config.json` as Docker and Podman write it. No credential helper is ever run."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tidegate.artifact import Reference
from tidegate.bounds import MIB, read_bounded
from tidegate.errors import InvalidInputError, OutsideError
from tidegate.wire import from_json

_MAX_CONFIG_BYTES: Final = MIB
_HUB: Final = frozenset({"index.docker.io", "registry-1.docker.io", "docker.io"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Who we are to one registry: a name with a password, or an identity token. Never shown, never logged."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)

    @property
    def basic(self) -> str:
        """The value of a Basic `Authorization` header (RFC 7617)."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode("ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Auth:
    auth: str = ""
    username: str = ""
    password: str = ""
    identitytoken: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    auths: Mapping[str, _Auth] | None = None


class Keyring:
    """Credentials by registry, or by registry and beginning of a repository's path; the longest match wins."""

    def __init__(self, entries: Mapping[str, Credentials] | None = None) -> None:
        self._entries = {_key(name): value for name, value in (entries or {}).items()}

    def find(self, reference: Reference) -> Credentials | None:
        """The credentials for a reference; None for none."""
        parts = [_key(reference.registry), *reference.repository.split("/")]
        for length in range(len(parts), 0, -1):
            if found := self._entries.get("/".join(parts[:length])):
                return found
        return None


def load_keyring(path: Path) -> Keyring:
    """Reads the `auths` of a Docker configuration file.

    Raises:
        BoundExceededError: it is over 1 MiB.
        InvalidInputError: it is no such file; what it holds is never told.
        OutsideError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            raw = read_bounded(file, max_bytes=_MAX_CONFIG_BYTES, what=str(path))
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror or error}", where=str(path)) from error
    document = from_json(raw, _Document, what=str(path), max_bytes=_MAX_CONFIG_BYTES)
    return Keyring({name: _credentials(name, auth, path) for name, auth in (document.auths or {}).items()})


def _credentials(name: str, auth: _Auth, path: Path) -> Credentials:
    username, password = auth.username, auth.password
    if auth.auth:
        try:
            username, colon, password = base64.b64decode(auth.auth, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            colon = ""
        if not colon:
            raise InvalidInputError(f"the auth of {name[:80]!r} is not base64 of name:password", where=str(path))
    return Credentials(username=username, password=password.rstrip("\0"), identity_token=auth.identitytoken)


def _key(name: str) -> str:
    bare = name.removeprefix("https://").removeprefix("http://").rstrip("/")
    host, _, rest = bare.partition("/")
    rest = "" if rest in {"v1", "v2"} else rest
    host = "docker.io" if host in _HUB else host
    return f"{host}/{rest}" if rest else host
