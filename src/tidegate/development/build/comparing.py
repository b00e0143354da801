# SPDX-License-Identifier: Apache-2.0
"""Two builds of one thing side by side: which layer, whose instruction, which files, what of them, and what helps."""

import hashlib
import tarfile
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

from tidegate.artifact import Digest
from tidegate.development.build.attributed import LayerMaker
from tidegate.development.build.causes import Cause, cause_of
from tidegate.errors import InvalidInputError, OutsideError
from tidegate.values import Struct

MAX_TOLD: Final = 200
"""Files told of each layer; the count is whole all the same."""
_READ_BYTES: Final = 16 << 20
_CHUNK: Final = 1 << 20


class Aspect(StrEnum):
    """What of a file is not the same."""

    ONLY_FIRST = "only in the first"
    ONLY_SECOND = "only in the second"
    KIND = "kind"
    CONTENT = "content"
    MODE = "mode"
    OWNER = "owner"
    MOMENT = "moment"
    LINK = "link"
    ATTRIBUTES = "attributes"


class FileDifference(Struct, frozen=True, kw_only=True):
    """One file that came out otherwise; `cause` where its content tells."""

    path: str
    aspects: tuple[Aspect, ...]
    cause: Cause | None = None


class LayerDifference(Struct, frozen=True, kw_only=True):
    """One layer that came out otherwise.

    Attributes:
        number: from 0 at the bottom.
        files: at most `MAX_TOLD`, of `count`.
        order: the same entries, one after the other in another order.
    """

    number: int
    maker: LayerMaker
    first: Digest
    second: Digest
    files: tuple[FileDifference, ...]
    count: int
    order: bool = False


class BuildComparison(Struct, frozen=True, kw_only=True):
    """Two builds.

    Attributes:
        first: digest of the first image's manifest.
        layers: that are not the same; none in equal images.
        configuration: keys of the configuration that are not the same.
        shape: why layers cannot be held against each other one by one; "" when they can.
    """

    first: Digest
    second: Digest
    layers: tuple[LayerDifference, ...]
    configuration: tuple[str, ...] = ()
    shape: str = ""

    @property
    def is_same(self) -> bool:
        """True when they are the same to the last byte."""
        return self.first == self.second


class BuiltTar(Struct, frozen=True, kw_only=True):
    """A layer's tar stream in a file of this machine."""

    diff_id: Digest
    tar: Path


def compare_layer(number: int, maker: LayerMaker, first: BuiltTar, second: BuiltTar) -> LayerDifference:
    """Holds two tar streams of one instruction against each other.

    Raises:
        InvalidInputError: one is no tar stream.
        OutsideError: the disk failed.
    """
    try:
        with tarfile.open(first.tar, "r:") as one, tarfile.open(second.tar, "r:") as other:
            old, new = {it.name: it for it in one}, {it.name: it for it in other}
            found = list(_differences(one, other, old, new))
    except tarfile.TarError as error:
        raise InvalidInputError(f"a layer is no tar stream: {error}", where=first.diff_id.short) from error
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror or error}", where=str(first.tar)) from error
    return LayerDifference(
        number=number,
        maker=maker,
        first=first.diff_id,
        second=second.diff_id,
        files=tuple(found[:MAX_TOLD]),
        count=len(found),
        order=not found and list(old) != list(new),
    )


def changed_keys(first: dict[str, object], second: dict[str, object]) -> tuple[str, ...]:
    """Keys of two configurations that are not the same; of `config`, its own; layers' digests are told elsewhere."""
    keys = [key for key in _unequal(first, second) if key not in {"rootfs", "config"}]
    one, other = first.get("config"), second.get("config")
    if isinstance(one, dict) and isinstance(other, dict):
        keys += [f"config.{key}" for key in _unequal(one, other)]
    return tuple(keys)


def _unequal(first: dict[str, object], second: dict[str, object]) -> list[str]:
    return [key for key in sorted(first.keys() | second.keys()) if first.get(key) != second.get(key)]


def _differences(
    one: tarfile.TarFile, other: tarfile.TarFile, old: dict[str, tarfile.TarInfo], new: dict[str, tarfile.TarInfo]
) -> Iterator[FileDifference]:
    for path in sorted(old.keys() | new.keys()):
        left, right = old.get(path), new.get(path)
        if left is None or right is None:
            lost = Aspect.ONLY_FIRST if right is None else Aspect.ONLY_SECOND
            yield FileDifference(path=path, aspects=(lost,), cause=cause_of(path, b"", b""))
            continue
        aspects = [*_aspects(left, right)]
        cause = None
        if left.isreg() and right.isreg() and _content(one, left) != _content(other, right):
            aspects.append(Aspect.CONTENT)
            cause = cause_of(path, _head(one, left), _head(other, right))
        if aspects:
            yield FileDifference(path=path, aspects=tuple(aspects), cause=cause)


def _aspects(left: tarfile.TarInfo, right: tarfile.TarInfo) -> Iterator[Aspect]:
    pairs: Sequence[tuple[Aspect, object, object]] = (
        (Aspect.KIND, left.type, right.type),
        (Aspect.MODE, left.mode, right.mode),
        (Aspect.OWNER, (left.uid, left.gid), (right.uid, right.gid)),
        (Aspect.MOMENT, left.mtime, right.mtime),
        (Aspect.LINK, left.linkname, right.linkname),
        (Aspect.ATTRIBUTES, _attributes(left), _attributes(right)),
    )
    yield from (aspect for aspect, a, b in pairs if a != b)


def _attributes(one: tarfile.TarInfo) -> dict[str, str]:
    return {key: value for key, value in one.pax_headers.items() if "xattr" in key}


def _content(tar: tarfile.TarFile, one: tarfile.TarInfo) -> bytes:
    hashed = hashlib.sha256()
    if (file := tar.extractfile(one)) is not None:
        with file:
            while chunk := file.read(_CHUNK):
                hashed.update(chunk)
    return hashed.digest()


def _head(tar: tarfile.TarFile, one: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(one)
    if file is None:
        return b""
    with file:
        return file.read(_READ_BYTES)
