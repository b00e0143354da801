# SPDX-License-Identifier: Apache-2.0
"""A file that the caller named, read to its end or not at all."""

from pathlib import Path

from tidegate.bounds import read_bounded
from tidegate.errors import NotFoundError, OutsideError


def read_named_file(path: Path, *, max_bytes: int) -> bytes:
    """Reads a file whose name came from the command line.

    Raises:
        NotFoundError: there is no such file.
        BoundExceededError: it holds more than `max_bytes`; no more than one byte past the limit is read.
        OutsideError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return read_bounded(file, max_bytes=max_bytes, what=str(path))
    except FileNotFoundError as error:
        raise NotFoundError("no such file", where=str(path), remedy="check the path") from error
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror or error}", where=str(path)) from error
