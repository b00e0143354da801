# SPDX-License-Identifier: Apache-2.0
"""Files that hold keys: read within a bound, written for their owner alone, and what lies in them taken apart.

PEM (RFC 7468) or DER of SubjectPublicKeyInfo, PKCS#8 (RFC 5958, also under a password), PKCS#1 and SEC 1.
"""

import os
import secrets
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)

from tidegate.bounds import KIB, read_bounded
from tidegate.errors import InvalidInputError, NotFoundError, OutsideError, UsageError

MAX_KEY_BYTES: Final = 32 * KIB
"""Longest key file read."""
HOW_TO_UNLOCK: Final = "write FILE:PASSWORD_FILE"
"""The way out where a password is missing."""
_READABLE_BY_OTHERS: Final = 0o077


def read_key_file(path: Path, *, secret: bool = False) -> bytes:
    """Reads a whole file of a key.

    Args:
        path: the file.
        secret: refuse it when somebody else than its owner may read it.

    Raises:
        NotFoundError: there is no such file.
        UsageError: it is secret, and others may read it.
        BoundExceededError: it is over 32 KiB.
        OutsideError: the disk failed.
    """
    try:
        with path.open("rb") as file:
            if secret and os.fstat(file.fileno()).st_mode & _READABLE_BY_OTHERS:
                raise UsageError("others may read this file of a key", where=str(path), remedy="chmod 600 it")
            return read_bounded(file, max_bytes=MAX_KEY_BYTES, what=str(path))
    except FileNotFoundError as error:
        raise NotFoundError("no such key file", where=str(path)) from error
    except OSError as error:
        raise OutsideError(f"cannot read the key: {error.strerror}", where=str(path)) from error


def read_private_key_file(text: str) -> tuple[bytes, bytes | None, str]:
    """Reads the file of a private key that `FILE` or `FILE:PASSWORD_FILE` names.

    Returns:
        Its bytes; the password, without the end of its line, None where no file of it is named; the file's name.

    Raises:
        NotFoundError, BoundExceededError, OutsideError: as `read_key_file`.
        UsageError: somebody else may read one of them, or the password itself stands there.
    """
    path, password = Path(text), None
    if not path.exists() and ":" in text:
        head, _, tail = text.rpartition(":")
        if tail.startswith("pass="):
            what = "a password on the command line can be read by others"
            raise UsageError(what, where=head, remedy=HOW_TO_UNLOCK)
        path, password = Path(head), read_key_file(Path(tail), secret=True).rstrip(b"\r\n")
    return read_key_file(path, secret=True), password, str(path)


def parse_public_key(data: bytes, *, where: str = "public key") -> PublicKeyTypes:
    """Takes a public key out of PEM or DER.

    Raises:
        InvalidInputError: there is none in it, or of a kind that nobody knows.
    """
    try:
        return load_pem_public_key(data) if b"-----BEGIN" in data else load_der_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidInputError("no public key in PEM or DER", where=where) from error


def parse_private_key(data: bytes, *, password: bytes | None = None, where: str = "private key") -> PrivateKeyTypes:
    """Takes a private key out of PEM or DER.

    Raises:
        InvalidInputError: there is none in it, of a kind that nobody knows, or the password is wrong.
        UsageError: it is under a password and none was given.
    """
    # None of these is chained: what the parser says may quote what it read.
    try:
        load = load_pem_private_key if b"-----BEGIN" in data else load_der_private_key
        return load(data, password or None)
    except TypeError:
        if password:
            raise InvalidInputError("is under no password", where=where, remedy="leave the password out") from None
        raise UsageError("is under a password", where=where, remedy=HOW_TO_UNLOCK) from None
    except (ValueError, UnsupportedAlgorithm):
        what = "the password is wrong, or it holds no private key" if password else "no private key in PEM or DER"
        raise InvalidInputError(what, where=where) from None


def create_secret_file(path: Path, content: bytes, *, what: str) -> None:
    """Creates a file only its owner can read: durable before it has its name, never over another.

    Raises:
        UsageError: the file is already there.
        OutsideError: the disk refused.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)  # unlike a rename, fails when the name is taken
        finally:
            draft.unlink()
        _sync_folder(path.parent)
    except FileExistsError as error:
        raise UsageError(f"the {what} is already there", where=str(path), remedy="name another file") from error
    except OSError as error:
        raise OutsideError(f"cannot write the {what}: {error.strerror}", where=str(path)) from error


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
