# SPDX-License-Identifier: Apache-2.0
"""Fetching a file: whole and durable under its name, or not there at all; a broken fetch goes on where it stopped."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from tidegate.bounds import MIB
from tidegate.errors import DigestMismatchError, InvalidInputError, OutsideError
from tidegate.outbound.body import Body, Opener, Resumption

if TYPE_CHECKING:
    from hashlib import _Hash

_MAX_VALIDATOR_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloaded:
    """A fetched file.

    Attributes:
        size: in bytes.
        sha256: hexadecimal, of the whole file.
        resumed_at: bytes that an earlier call had fetched already.
    """

    path: Path
    size: int
    sha256: str
    resumed_at: int = 0


def download(
    opener: Opener,
    *,
    where: str,
    to: Path,
    max_bytes: int,
    resume: bool,
    sha256: str,
    total_bytes: int | None,
    limits: Resumption,
) -> Downloaded:
    """Fetches into `NAME.part`, checks, then renames. Documented where it is called: `Outbound.download`."""
    part, note = to.with_name(f"{to.name}.part"), to.with_name(f"{to.name}.part.validator")
    try:
        start, validator = _begun(part, note, known=bool(sha256)) if resume else (0, "")
        opened = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        with os.fdopen(opened, "r+b") as file, _alone(file, part):
            body = Body(
                opener,
                where=where,
                max_bytes=max_bytes,
                total_bytes=total_bytes,
                limits=replace(limits, unvalidated=bool(sha256)),
                start=start,
                validator=validator,
            )
            done = _fill(file, body, part, note)
    except InvalidInputError:
        _drop(part, note)
        raise
    except OSError as error:
        raise OutsideError(f"cannot be written: {error.strerror or error}", where=str(part)) from error
    if sha256 not in {"", done.sha256}:
        _drop(part, note)
        raise DigestMismatchError(f"sha256:{sha256}", f"sha256:{done.sha256}", where=where)
    _settle(part, to, note)
    return replace(done, path=to)


def _begun(part: Path, note: Path, *, known: bool) -> tuple[int, str]:
    """How much an earlier call left, and what it can be recognised by; nothing usable is (0, "")."""
    try:
        size = part.stat().st_size
        with note.open("rb") as file:
            validator = file.read(_MAX_VALIDATOR_BYTES).decode("latin-1")
    except FileNotFoundError:
        return 0, ""
    return (size, validator) if validator or known else (0, "")


@contextmanager
def _alone(file: BinaryIO, part: Path) -> Iterator[None]:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OutsideError("another download of it is under way", where=str(part), remedy="wait for it") from error
    yield


def _fill(file: BinaryIO, body: Body, part: Path, note: Path) -> Downloaded:
    digest = hashlib.sha256()
    with body:
        note.write_bytes(body.validator.encode("latin-1", "replace"))
        start = body.position
        _take_in(file, digest, start)
        file.truncate(start)
        while chunk := body.read(MIB):
            digest.update(chunk)
            file.write(chunk)
    file.flush()
    os.fsync(file.fileno())
    return Downloaded(path=part, size=body.position, sha256=digest.hexdigest(), resumed_at=start)


def _take_in(file: BinaryIO, digest: "_Hash", size: int) -> None:
    file.seek(0)
    while size and (chunk := file.read(min(size, MIB))):
        digest.update(chunk)
        size -= len(chunk)


def _settle(part: Path, to: Path, note: Path) -> None:
    try:
        part.replace(to)
        note.unlink(missing_ok=True)
        folder = os.open(to.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise OutsideError(f"cannot be written: {error.strerror or error}", where=str(to)) from error


def _drop(part: Path, note: Path) -> None:
    part.unlink(missing_ok=True)
    note.unlink(missing_ok=True)
