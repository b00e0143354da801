# SPDX-License-Identifier: Apache-2.0
"""The keys that sign checkpoints: of our ledger, and of us as a witness. Each is made on first use."""

import base64
from contextlib import suppress
from pathlib import Path
from typing import Final

from tidegate.bounds import read_bounded
from tidegate.errors import InvalidInputError, OutsideError, UsageError
from tidegate.key_file import create_secret_file
from tidegate.ledger.note import NoteSigner
from tidegate.settings import Settings

_MAX_KEY_BYTES: Final = 200


def note_signer(settings: Settings) -> NoteSigner:
    """The key of the ledger's checkpoints.

    Raises:
        InvalidInputError: the file holds something else.
        OutsideError: the disk refused.
    """
    return NoteSigner.from_seed(settings.ledger.origin, key_seed(settings.signing.ledger_key_file))


def key_seed(path: Path) -> bytes:
    """Reads a 32-byte secret, base64 in a file for its owner alone; makes one when there is none.

    Raises:
        InvalidInputError: the file holds something else.
        OutsideError: the disk refused.
    """
    try:
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            seed = NoteSigner.generate("new").secret_seed()
            with suppress(UsageError):  # another process was first: its key is the one
                create_secret_file(path, base64.b64encode(seed) + b"\n", what="ledger key")
        with path.open("rb") as file:
            text = read_bounded(file, max_bytes=_MAX_KEY_BYTES, what=str(path))
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror}", where=str(path)) from error
    try:
        seed = base64.b64decode(text.strip(), validate=True)
        return NoteSigner.from_seed("new", seed).secret_seed()
    except ValueError:
        raise InvalidInputError("holds no ledger key", where=str(path), remedy="restore it from a backup") from None
