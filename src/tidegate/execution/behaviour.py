# SPDX-License-Identifier: Apache-2.0
"""What an image was seen to do, as far as it decides how its container is set up."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from tidegate.artifact import Digest
from tidegate.evidence.predicates.behaviour import Behaviour

SCRATCH: Final = ("/tmp", "/var/tmp", "/run", "/var/run", "/var/cache", "/var/log", "/var/lock")  # noqa: S108 - paths in containers
"""Folders that hold nothing of an image's own, so that an empty volume there hides nothing."""
_API_SERVER: Final = ("kubernetes.default", "kubernetes.default.svc")
MAX_FOLDERS: Final = 8
"""Volumes that one container is given; with more, the folders above them are taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What is expected of a container.

    Attributes:
        writes: absolute paths of files it writes.
        asks_api: it was seen to ask the cluster's API server, so it needs its token.
    """

    writes: tuple[str, ...] = ()
    asks_api: bool = False


ExpectedOf = Callable[[Digest], Expected | None]
"""What an image's behaviour profile tells; None where there is none."""


def expected_in(profiles: Iterable[Behaviour]) -> Expected:
    """What profiles of one image tell together."""
    seen = tuple(profiles)
    return Expected(
        writes=tuple(sorted({path for one in seen for path in one.writes})),
        asks_api=any(_is_api(place) for one in seen for place in one.connections),
    )


def folders_written(writes: Iterable[str], allowed: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which folders must be writable for files to be written.

    Args:
        writes: absolute paths of files.
        allowed: folders in which an empty volume hides nothing.

    Returns:
        The folders, none within another; and the files that lie elsewhere, which no empty volume serves.
    """
    roots = tuple(allowed)
    folders: dict[str, str] = {}
    elsewhere: list[str] = []
    for path in writes:
        root = next((one for one in roots if path.startswith(one + "/")), None)
        if root is None or "/../" in path:
            elsewhere.append(path)
        else:
            folders[path.rpartition("/")[0]] = root
    found = _outermost(folders)
    if len(found) > MAX_FOLDERS:
        found = _outermost(set(folders.values()))
    return found, tuple(elsewhere)


def _outermost(folders: Iterable[str]) -> tuple[str, ...]:
    found: list[str] = []
    for folder in sorted(folders):
        if not any(folder == one or folder.startswith(one + "/") for one in found):
            found.append(folder)
    return tuple(found)


def _is_api(place: str) -> bool:
    host = place.rpartition(":")[0]
    return host in _API_SERVER or host.startswith("kubernetes.default.svc.")
