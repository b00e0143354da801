# SPDX-License-Identifier: Apache-2.0
"""Files of rules, of any kind, as text."""

from pathlib import Path
from typing import Final

from tidegate.bounds import MIB, read_bounded
from tidegate.errors import InvalidInputError, NotFoundError, OutsideError

MAX_RULE_BYTES: Final = MIB


def rule_text(path: Path) -> str:
    """The text of one.

    Raises:
        NotFoundError: it is not there.
        InvalidInputError: it is not UTF-8.
        BoundExceededError: it is longer than 1 MiB.
        OutsideError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return read_bounded(file, max_bytes=MAX_RULE_BYTES, what=str(path)).decode("utf-8")
    except FileNotFoundError as error:
        raise NotFoundError("no such file of rules", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise InvalidInputError("is not UTF-8", where=str(path)) from error
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror}", where=str(path)) from error
