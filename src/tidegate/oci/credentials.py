# SPDX-License-Identifier: Apache-2.0
"""Passwords for registries, from a `config.json` as Docker and Podman write it, or from the helpers it names."""

import base64
import binascii
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tidegate.artifact import Reference
from tidegate.bounds import MIB, read_bounded
from tidegate.errors import InvalidInputError, OutsideError
from tidegate.oci.credential_helper import CredentialHelper
from tidegate.wire import from_json

_LOG: Final = logging.getLogger(__name__)
_MAX_CONFIG_BYTES: Final = MIB
TOKEN_NAME: Final = "<token>"  # noqa: S105 - what helpers are told in place of a name
_HUB_ADDRESS: Final = "https://index.docker.io/v1/"
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
    credHelpers: Mapping[str, str] | None = None  # noqa: N815 - the document's own spelling
    credsStore: str = ""  # noqa: N815


class Keyring:
    """Credentials by registry, or by registry and beginning of a repository's path; the longest match wins.

    Args:
        entries: what is known at once.
        helpers: by registry, the helper that keeps its credentials; it goes before entries, and is run when it is
            asked for, once a registry.
        helper: for registries that have none of their own; "" for none.
    """

    def __init__(
        self,
        entries: Mapping[str, Credentials] | None = None,
        *,
        helpers: Mapping[str, str] | None = None,
        helper: str = "",
    ) -> None:
        self._entries = {_key(name): value for name, value in (entries or {}).items()}
        self._helpers = {_key(name): value for name, value in (helpers or {}).items()}
        self._helper = helper
        self._kept: dict[str, Credentials | None] = {}

    def find(self, reference: Reference) -> Credentials | None:
        """The credentials for a reference; None for none.

        Raises:
            InvalidInputError: the helper's name or answer is none.
            OutsideError: the helper is not installed, or failed.
        """
        return self.find_for(reference.registry, *reference.repository.split("/"))

    def find_for(self, host: str, *path: str) -> Credentials | None:
        """As `find`: for a host (with its port), and a path there."""
        parts = [_key(host), *path]
        if name := self.helper_for(host):
            if parts[0] not in self._kept:
                self._kept[parts[0]] = self._from_helper(CredentialHelper(name), parts[0])
            if found := self._kept[parts[0]]:
                return found
        for length in range(len(parts), 0, -1):
            if found := self._entries.get("/".join(parts[:length])):
                return found
        return None

    def _from_helper(self, helper: CredentialHelper, host: str) -> Credentials | None:
        if host not in self._helpers and not helper.is_installed:
            # Of a desktop that is gone: what is open to all can still be had, and auths may have the rest.
            _LOG.warning("%s keeps all credentials, as the configuration says, and is not installed", helper.program)
            return None
        return _from_helper(helper, host)

    def helper_for(self, host: str) -> str:
        """The helper that keeps a host's credentials; "" for none."""
        return self._helpers.get(_key(host), self._helper)


def server_name(host: str) -> str:
    """What helpers and files call a registry: Docker Hub goes by its oldest address."""
    return _HUB_ADDRESS if _key(host) == "docker.io" else _key(host)


def load_keyring(path: Path) -> Keyring:
    """Reads the credentials of a Docker configuration file: `auths`, `credHelpers`, `credsStore`.

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
    return Keyring(
        {name: found for name, auth in (document.auths or {}).items() if (found := _credentials(name, auth, path))},
        helpers=document.credHelpers,
        helper=document.credsStore,
    )


def _from_helper(helper: CredentialHelper, host: str) -> Credentials | None:
    kept = helper.find(server_name(host))
    if kept is None:
        return None
    if kept.username == TOKEN_NAME:
        return Credentials(identity_token=kept.secret)
    return Credentials(username=kept.username, password=kept.secret)


def _credentials(name: str, auth: _Auth, path: Path) -> Credentials | None:
    if auth == _Auth():  # docker leaves an empty one behind for what a helper keeps
        return None
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
