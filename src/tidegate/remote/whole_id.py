# SPDX-License-Identifier: Apache-2.0
"""Ids as people write them, by how they begin, made whole from what a server lists."""

from collections.abc import Iterable
from typing import Final

from tidegate.bounds import printable
from tidegate.errors import NotFoundError

_WHOLE_CHARS: Final = 32


def whole_id(start: str, listed: Iterable[str], *, what: str) -> str:
    """The one listed id that begins so; one that is whole already as it is, listed or not.

    Args:
        start: as it was written.
        listed: ids that may be meant; not looked at for a whole one.
        what: is named by them, for errors.

    Raises:
        NotFoundError: none begins so, or several do.
    """
    if len(start) == _WHOLE_CHARS:
        return start
    found = [one for one in listed if start and one.startswith(start)]
    if len(found) != 1:
        raise NotFoundError(
            f"several {what}s begin so" if found else f"no such {what}",
            where=printable(start[:64]),
            remedy="write more of its id" if found else "",
        )
    return found[0]
