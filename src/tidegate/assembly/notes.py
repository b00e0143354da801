# SPDX-License-Identifier: Apache-2.0
"""The key that signs the ledger's checkpoints, made on first use."""

import base64
from contextlib import suppress
from pathlib import Path
from typing import Final

from tidegate.bounds import read_bounded
from tidegate.errors import InvalidInputError, UsageError
from tidegate.key_file import create_secret_file
from tidegate.ledger.note import NoteSigner

LEDGER_NAME: Final = "tidegate/ledger"
_MAX_KEY_BYTES: Final = 200


def note_signer(path: Path) -> NoteSigner:
    """Reads the seed of the checkpoint key, base64 in a file for its owner alone; makes one when there is none.

    Raises:
        InvalidInputError: the file holds something else.
        OutsideError: the disk refused.
    """
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        seed = NoteSigner.generate(LEDGER_NAME).secret_seed()
        with suppress(UsageError):  # another process was first: its key is the one
            create_secret_file(path, base64.b64encode(seed) + b"\n", what="ledger key")
    with path.open("rb") as file:
        text = read_bounded(file, max_bytes=_MAX_KEY_BYTES, what=str(path))
    try:
        return NoteSigner.from_seed(LEDGER_NAME, base64.b64decode(text.strip(), validate=True))
    except ValueError:
        raise InvalidInputError("holds no ledger key", where=str(path), remedy="restore it from a backup") from None
