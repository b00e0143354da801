# SPDX-License-Identifier: Apache-2.0
"""Digests of files: sha256 of every one, and where a distribution's package could own it what its database states.

dpkg states md5, apk sha1, rpm any of the three; which of them holds cannot be told from one layer alone.
"""

import hashlib
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final

_sha256: Final = hashlib.sha256
_sha1: Final = partial(hashlib.sha1, usedforsecurity=False)
_md5: Final = partial(hashlib.md5, usedforsecurity=False)

_OF_NOTHING: Final = _sha256().digest() + _sha1().digest() + _md5().digest()

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


def digests_of(name: bytes, content: bytes | memoryview) -> bytes:
    """Digests of a whole file, as `TreeWriter.add` takes them: sha256, with sha1 and md5 where it may be owned."""
    if may_be_owned(name):
        return _sha256(content).digest() + _sha1(content).digest() + _md5(content).digest()
    return _sha256(content).digest()


def digests_of_nothing(name: bytes) -> bytes:
    """The digests of an empty file."""
    return _OF_NOTHING if may_be_owned(name) else _OF_NOTHING[: len(_sha256().digest())]


class Digesting:
    """Digests of a file that comes piece by piece."""

    def __init__(self, name: bytes) -> None:
        self._hashes = [_sha256(), _sha1(), _md5()] if may_be_owned(name) else [_sha256()]

    @property
    def digests(self) -> bytes:
        """Of the pieces so far, as `digests_of` has them."""
        return b"".join([one.digest() for one in self._hashes])

    def passing(self, pieces: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
        """Hashes each piece before handing it on."""
        for piece in pieces:
            for one in self._hashes:
                one.update(piece)
            yield piece
