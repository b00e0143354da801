# SPDX-License-Identifier: Apache-2.0
"""Programs that keep passwords for Docker and Podman: `docker-credential-NAME`, asked over standard input and output.

https://docs.docker.com/reference/cli/docker/login/#credential-helper-protocol
"""

import re
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import Final

from tidegate.bounds import KIB, printable
from tidegate.errors import InvalidInputError, OutsideError
from tidegate.wire import from_json, to_json

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MAX_ANSWER_BYTES: Final = 64 * KIB
_SECONDS: Final = 120.0
"""A helper may ask its user to unlock what it keeps."""
_NOT_KEPT: Final = "credentials not found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a helper keeps of one server. Never shown."""

    username: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    Username: str = ""
    Secret: str = ""


class CredentialHelper:
    """One helper.

    Args:
        name: as the configuration file has it: `pass`, `secretservice`, …

    Raises:
        InvalidInputError: no helper can be called so.
    """

    def __init__(self, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise InvalidInputError(f"no credential helper's name: {printable(name[:64])!r}")
        self.program = f"docker-credential-{name}"

    @property
    def is_installed(self) -> bool:
        """Whether its program is there."""
        return shutil.which(self.program) is not None

    def find(self, server: str) -> Kept | None:
        """What it keeps of a server; None for nothing.

        Raises:
            InvalidInputError: its answer is none.
            OutsideError: it is not installed, or failed.
        """
        done = self._run("get", server.encode())
        if done.returncode:
            if _NOT_KEPT in done.stdout.decode(errors="replace"):
                return None
            raise self._failed(done)
        answer = from_json(done.stdout, _Answer, what=self.program, max_bytes=_MAX_ANSWER_BYTES)
        return Kept(username=answer.Username, secret=answer.Secret) if answer.Secret else None

    def keep(self, server: str, kept: Kept) -> None:
        """Keeps it, in place of what was kept before.

        Raises:
            OutsideError: it is not installed, or failed.
        """
        told = {"ServerURL": server, "Username": kept.username, "Secret": kept.secret}
        done = self._run("store", to_json(told))
        if done.returncode:
            raise self._failed(done)

    def forget(self, server: str) -> None:
        """Keeps nothing of a server any more; fine when it never did.

        Raises:
            OutsideError: it is not installed, or failed.
        """
        done = self._run("erase", server.encode())
        if done.returncode and _NOT_KEPT not in done.stdout.decode(errors="replace"):
            raise self._failed(done)

    def _run(self, act: str, told: bytes) -> "subprocess.CompletedProcess[bytes]":
        program = shutil.which(self.program)
        if program is None:
            raise OutsideError(
                "the credential helper that the configuration names is not installed",
                where=self.program,
                remedy="install it, or take it out of credHelpers and credsStore",
            )
        try:
            return subprocess.run([program, act], input=told, capture_output=True, timeout=_SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise OutsideError(
                f"the credential helper did not answer within {_SECONDS:.0f} s", where=self.program
            ) from error
        except OSError as error:
            raise OutsideError(f"the credential helper cannot be run: {error.strerror}", where=self.program) from error

    def _failed(self, done: "subprocess.CompletedProcess[bytes]") -> OutsideError:
        # Only what it says of an error: a line that went wrong in between may hold a secret.
        said = done.stdout.decode(errors="replace") if len(done.stdout) <= KIB else ""
        words = printable(" ".join(said.split())[:200]) if "{" not in said else ""
        return OutsideError(f"the credential helper failed ({done.returncode}) {words}".rstrip(), where=self.program)
