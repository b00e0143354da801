# SPDX-License-Identifier: Apache-2.0
"""Changes an object as it is now: read, decided over, merged into, and begun again when another was quicker."""

from collections.abc import Callable
from typing import Final

from tidegate.kubernetes.failures import ConflictError
from tidegate.kubernetes.objects import Object, Objects

_TRIES: Final = 8


def changed(objects: Objects, path: str, patch: Callable[[Object], Object], *, where: str) -> Object:
    """Changes an object.

    Args:
        objects: its API server.
        path: its path.
        patch: the merge patch for the object as it is, with its `resourceVersion`; {} leaves it.
        where: what it is called.

    Returns:
        The object after it.

    Raises:
        ConflictError: others kept changing it.
        TidegateError: as `tidegate.kubernetes.failures`, and as `patch`.
    """
    for attempt in range(_TRIES):
        found = objects.get(path, where=where)
        wanted = patch(found)
        if not wanted:
            return found
        try:
            return objects.merge(path, wanted, where=where)
        except ConflictError:
            if attempt == _TRIES - 1:
                raise
    raise AssertionError(where)
