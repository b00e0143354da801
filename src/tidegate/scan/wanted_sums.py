# SPDX-License-Identifier: Apache-2.0
"""Which digests of files are worth computing beside sha256: those that packages of the image state.

Computing all would take a third of a scan. The first entries of the lowest layer tell whose distribution it is; that is
no more than a guess, and who relies on it compares it with what packages state once they are read.
"""

from collections.abc import Iterable
from typing import Final

from tidegate.bounds import KIB, MIB
from tidegate.errors import TidegateError
from tidegate.inventory import LayerFacts
from tidegate.oci.image import Layer
from tidegate.scan.digests import SUMS
from tidegate.scan.inflate import LayerStream
from tidegate.scan.limits import ScanLimits
from tidegate.scan.locality import is_local
from tidegate.scan.read_ahead import InTurn
from tidegate.scan.tar import TarWalk

_LOOKED_AT_BYTES: Final = 8 * MIB
_CHUNK_BYTES: Final = 128 * KIB
_TELLING: Final[tuple[tuple[tuple[bytes, ...], tuple[str, ...]], ...]] = (
    ((b"etc/dpkg", b"etc/apt", b"var/lib/dpkg"), ("md5",)),
    ((b"etc/apk", b"lib/apk", b"usr/lib/apk"), ("sha1",)),
    ((b"etc/rpm", b"etc/yum.repos.d", b"etc/dnf", b"var/lib/rpm", b"usr/lib/sysimage/rpm"), ()),
)
"""Folders of package managers, and which of `SUMS` their databases state nowadays."""
_SUMS_OF: Final = {folder: sums for folders, sums in _TELLING for folder in folders}


def expected_sums(lowest: Layer, limits: ScanLimits) -> tuple[str, ...]:
    """Looks at the beginning of the lowest layer; all of `SUMS` when that tells nothing, or would cost a download."""
    if not is_local(lowest):
        return SUMS
    try:
        with lowest.open() as stream:
            source = LayerStream(stream, lowest.descriptor, lowest.diff_id, limits)
            for entry in TarWalk(InTurn(source, _CHUNK_BYTES), limits):
                if source.size > _LOOKED_AT_BYTES:
                    break
                for folder in _above(entry.name):
                    if folder in _SUMS_OF:
                        return _SUMS_OF[folder]
    except TidegateError:  # whoever reads it whole tells of it
        pass
    return SUMS


def stated_sums(layers: Iterable[LayerFacts]) -> frozenset[str]:
    """Which of `SUMS` packages state of their files."""
    stated = {own.algorithm for layer in layers for file in layer.files for own in file.ownership if own.checksums}
    return frozenset(stated.intersection(SUMS))


def _above(name: bytes) -> Iterable[bytes]:
    parts = name.split(b"/", 4)
    return (b"/".join(parts[:count]) for count in (2, 3, 4) if len(parts) >= count)
