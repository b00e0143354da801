# SPDX-License-Identifier: Apache-2.0
"""Logins kept as Docker and Podman keep them: by the credential helper that `config.json` names, else in that file.

The file is written anew beside itself and renamed, for its owner alone; what else it says stays.
"""

import base64
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from tidegate.bounds import MIB, read_bounded
from tidegate.errors import InvalidInputError, OutsideError
from tidegate.oci.credential_helper import CredentialHelper, Kept
from tidegate.oci.credentials import TOKEN_NAME, Credentials, Keyring, load_keyring, server_name
from tidegate.wire import from_json, to_json

_MAX_BYTES: Final = MIB
_AUTHS: Final = "auths"


class LoginFile:
    """One file; it may not be there yet."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep(self, host: str, login: Credentials) -> str:
        """Keeps a login in place of the one before; tells where.

        Raises:
            InvalidInputError: the file is none of Docker's.
            OutsideError: the disk, or the credential helper, refused.
        """
        if helper := self._helper(host):
            name = TOKEN_NAME if login.identity_token else login.username
            helper.keep(server_name(host), Kept(username=name, secret=login.identity_token or login.password))
            return helper.program
        document = self._read()
        auths = self._without(document, host)
        pair = base64.b64encode(f"{login.username}:{login.password}".encode()).decode("ascii")
        auths[server_name(host)] = {
            "auth": pair,
            **({"identitytoken": login.identity_token} if login.identity_token else {}),
        }
        self._write({**document, _AUTHS: auths})
        return str(self._path)

    def forget(self, host: str) -> bool:
        """Forgets a login; False when none was kept. Raises as `keep`."""
        if not self._path.exists():
            return False
        known = self._keyring().find_for(host) is not None
        if helper := self._helper(host):
            helper.forget(server_name(host))
        document = self._read()
        auths = self._without(document, host)
        if auths != document.get(_AUTHS, {}):
            self._write({**document, _AUTHS: auths})
        return known

    def _keyring(self) -> Keyring:
        return load_keyring(self._path) if self._path.exists() else Keyring()

    def _helper(self, host: str) -> CredentialHelper | None:
        name = self._keyring().helper_for(host)
        return CredentialHelper(name) if name else None

    def _without(self, document: dict[str, Any], host: str) -> dict[str, Any]:
        auths = document.get(_AUTHS) or {}
        if not isinstance(auths, dict):
            raise InvalidInputError("its auths are no object", where=str(self._path))
        return {name: value for name, value in auths.items() if server_name(name) != server_name(host)}

    def _read(self) -> dict[str, Any]:
        try:
            with self._path.open("rb") as file:
                raw = read_bounded(file, max_bytes=_MAX_BYTES, what=str(self._path))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise OutsideError(f"cannot be read: {error.strerror}", where=str(self._path)) from error
        return from_json(raw, dict[str, Any], what=str(self._path), max_bytes=_MAX_BYTES)

    def _write(self, document: dict[str, Any]) -> None:
        target = self._path.resolve()  # a symbolic link stays one
        name = ""
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)  # 0600 from the start
            with os.fdopen(descriptor, "wb") as file:
                file.write(to_json(document))
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(target)
        except OSError as error:
            if name:
                with suppress(OSError):
                    Path(name).unlink()
            raise OutsideError(f"cannot be written: {error.strerror}", where=str(self._path)) from error
