# SPDX-License-Identifier: Apache-2.0
"""Digests of files: sha256 of every one, and where a distribution's package could own it what its database states.

dpkg states md5, apk sha1, rpm any of the three; `tidegate.scan.wanted_sums` tells which are worth computing.
"""

import hashlib
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final

SUMS: Final = ("sha1", "md5")
"""Digests that are computed beside sha256 where a package could own a file, in the order they are kept in."""
SUM_CHOICES: Final[tuple[tuple[str, ...], ...]] = ((), ("md5",), ("sha1",), SUMS)
"""Which of them may be chosen, least first."""

_sha256: Final = hashlib.sha256
_MORE: Final = {
    "sha1": partial(hashlib.sha1, usedforsecurity=False),
    "md5": partial(hashlib.md5, usedforsecurity=False),
}

NOBODYS_TOPS: Final = frozenset(
    (
        *(b"home", b"srv", b"tmp", b"app", b"apps", b"workspace", b"workspaces", b"code", b"src", b"data", b"venv"),
        *(b"project", b"projects", b"build", b"builds", b"cache", b"dev", b"proc", b"sys", b"run", b"mnt", b"media"),
        *(b"conda", b"nix"),
    )
)
"""First parts of a path below which no distribution's package lays files."""

NOBODYS_FOLDERS: Final = (
    *(b"usr/local/", b"usr/src/app/", b"opt/venv/", b"opt/conda/", b"opt/app/", b"lib/apk/"),
    *(b"var/cache/", b"var/log/", b"var/tmp/", b"var/www/", b"var/lib/apt/", b"var/lib/dpkg/", b"var/lib/rpm/"),
)
"""Folders deeper down of which the same is true; so it is of `root/` but for what lies directly in it (rpm)."""

LANGUAGE_TREES: Final = (b"/site-packages/", b"/node_modules/")
"""Trees of language packages; a distribution lays such below `usr/` only."""


def may_be_owned(name: bytes) -> bool:
    """True when a distribution's package could have brought a file of this path."""
    if name.startswith(b"usr/"):
        return not name.startswith(NOBODYS_FOLDERS)
    top, _, rest = name.partition(b"/")
    if top in NOBODYS_TOPS or name.startswith(NOBODYS_FOLDERS) or (top == b"root" and b"/" in rest):
        return False
    return not any(tree in name for tree in LANGUAGE_TREES)


class FileDigests:
    """Computes digests of files, as `TreeWriter.add` takes them: sha256, with `sums` where a file may be owned.

    Args:
        sums: which of `SUMS`.
    """

    def __init__(self, sums: Iterable[str] = SUMS) -> None:
        self._more = tuple(_MORE[name] for name in SUMS if name in set(sums))

    def of(self, name: bytes, content: bytes | memoryview) -> bytes:
        """Of a whole file."""
        digests = _sha256(content).digest()
        if may_be_owned(name):
            for new in self._more:
                digests += new(content).digest()
        return digests

    def begin(self, name: bytes) -> "Digesting":
        """Of a file that comes piece by piece."""
        return Digesting([_sha256(), *(new() for new in self._more)] if may_be_owned(name) else [_sha256()])


class Digesting:
    """Digests of a file that comes piece by piece."""

    def __init__(self, hashes: "list[hashlib._Hash]") -> None:
        self._hashes = hashes

    @property
    def digests(self) -> bytes:
        """Of the pieces so far, as `FileDigests.of` has them."""
        return b"".join([one.digest() for one in self._hashes])

    def passing(self, pieces: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
        """Hashes each piece before handing it on."""
        for piece in pieces:
            for one in self._hashes:
                one.update(piece)
            yield piece
