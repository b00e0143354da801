# SPDX-License-Identifier: Apache-2.0
"""Passwords of people, kept as Argon2id (RFC 9106); one that does not exist costs as long as one that does.

Cost as OWASP's password storage cheat sheet has it: 19 MiB, two passes, one lane. Only a few are computed at once, so
that a flood of logins takes neither the memory nor the processors of those who pull.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from threading import BoundedSemaphore
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from tidegate.errors import InvalidInputError, OutsideError

MIN_CHARS: Final = 12
MAX_CHARS: Final = 1024
_MEMORY_KIB: Final = 19 * 1024
_PASSES: Final = 2
_AT_ONCE: Final = 2
_PATIENCE_SECONDS: Final = 10.0


class Passwords:
    """Hashes and verifies passwords. Safe for threads."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=_PASSES, memory_cost=_MEMORY_KIB, parallelism=1)
        self._places = BoundedSemaphore(_AT_ONCE)

    def hash(self, password: str) -> str:
        """What is kept of a password.

        Raises:
            InvalidInputError: it is shorter than 12 or longer than 1024 characters.
        """
        if not MIN_CHARS <= len(password) <= MAX_CHARS:
            raise InvalidInputError(
                "a password too short or too long", remedy=f"use {MIN_CHARS} to {MAX_CHARS} characters"
            )
        with self._place():
            return self._hasher.hash(password)

    def verify(self, kept: str, password: str) -> bool:
        """True for the password; with "" kept (nobody's) False after the same time.

        Raises:
            OutsideError: too many others are being verified.
        """
        with self._place():
            try:
                self._hasher.verify(kept or self._nobodys, password[:MAX_CHARS])
            except (Argon2Error, InvalidHashError):
                return False
        return bool(kept) and len(password) <= MAX_CHARS

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash("nobody's password")

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(timeout=_PATIENCE_SECONDS):
            raise OutsideError("too many logins at once", remedy="try again shortly")
        try:
            yield
        finally:
            self._places.release()
