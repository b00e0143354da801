# SPDX-License-Identifier: Apache-2.0
"""Facts of layers already read, kept in a folder: a layer is opened once per analyser version.

One file an entry, named by a hash of what it is about: 8 bytes of magic and format, sha256 of the rest, the length of
a zlib stream (8 bytes, little-endian), that stream of msgpack, then a layer's packed tree as it is. Files are written
beside their place, synced and renamed, so a reader sees a whole one or none; one that
is damaged all the same counts as missing and is written again.
"""

import hashlib
import os
import struct
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from isal import isal_zlib

from tidegate.artifact import Digest
from tidegate.bounds import MIB
from tidegate.errors import InvalidInputError, OutsideError
from tidegate.inventory import Census, Component, Custody, FileFacts, LayerFacts, LocatedSecret, OsRelease, Outcome
from tidegate.values import Struct, replace
from tidegate.wire import from_msgpack, to_msgpack

MAX_FACTS_BYTES: Final = 512 * MIB
"""Unpacked bytes of one entry; a larger one is not kept."""

_MAGIC: Final = b"tgfacts2"
_HEAD: Final = struct.Struct("<8s32sQ")
_SUMMED_FROM: Final = 40  # behind magic and sum
_LEVEL: Final = 1

T = TypeVar("T", LayerFacts, "FollowedFacts", "ImageView")


class FollowedFacts(Struct, frozen=True, kw_only=True):
    """What catalogers read from one file of a layer under another name, that of a link to it."""

    analyser: str
    layer: Digest
    target: str
    path: str
    files: tuple[FileFacts, ...] = ()
    outcomes: tuple[Outcome, ...] = ()


class ImageView(Struct, frozen=True, kw_only=True):
    """What the layers of an image show when they are laid over each other.

    Attributes:
        version: of everything that decides what is seen.
        layers: compressed digests, bottom first.
        diff_ids: of their tar streams, in the same order.
        custody: None when it was not wanted; so is `census`.
    """

    version: str
    layers: tuple[Digest, ...]
    diff_ids: tuple[Digest, ...]
    components: tuple[Component, ...]
    os_release: OsRelease | None
    secrets: tuple[LocatedSecret, ...]
    outcomes: tuple[Outcome, ...]
    custody: Custody | None = None
    census: Census | None = None


class FactsStore:
    """A folder of facts. Serves several threads and processes at once.

    Args:
        folder: made when it is not there.

    Raises:
        OutsideError: the folder cannot be made, or, from the methods that write, cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def layer(self, digest: Digest, analyser: str) -> LayerFacts | None:
        """The facts of a layer as that analyser found them; None when there are none, or none that can be read."""
        found, tree = self._read(_key("layer", analyser, digest), LayerFacts)
        if found is None or (found.digest, found.analyser) != (digest, analyser):
            return None
        return replace(found, tree=bytes(tree))

    def has_layer(self, digest: Digest, analyser: str) -> bool:
        """True when facts of a layer as that analyser found them are kept; whether they can be read is not tried."""
        return self._place(_key("layer", analyser, digest)).exists()

    def keep_layer(self, facts: LayerFacts) -> None:
        """Keeps the facts of a layer.

        Raises:
            OutsideError: the folder cannot be written.
        """
        self._write(_key("layer", facts.analyser, facts.digest), replace(facts, tree=b""), facts.tree)

    def followed(self, layer: Digest, analyser: str, target: str, path: str) -> FollowedFacts | None:
        """What was read of the file `target` of a layer under the name `path`; None when nothing was."""
        found, _ = self._read(_key("followed", analyser, layer, target, path), FollowedFacts)
        if found is None or (found.layer, found.analyser, found.target, found.path) != (layer, analyser, target, path):
            return None
        return found

    def keep_followed(self, facts: FollowedFacts) -> None:
        """Keeps what was read under a link's name.

        Raises:
            OutsideError: the folder cannot be written.
        """
        self._write(_key("followed", facts.analyser, facts.layer, facts.target, facts.path), facts)

    def view(self, layers: Sequence[Digest], version: str) -> ImageView | None:
        """What these layers, bottom first, show together; None when that is not known."""
        found, _ = self._read(_key("view", version, *layers), ImageView)
        return found if found is not None and (found.layers, found.version) == (tuple(layers), version) else None

    def keep_view(self, view: ImageView) -> None:
        """Keeps what layers show together.

        Raises:
            OutsideError: the folder cannot be written.
        """
        self._write(_key("view", view.version, *view.layers), view)

    def _read(self, key: str, type_: type[T]) -> tuple[T | None, memoryview]:
        """What is kept under a key, None when that is nothing, and the bytes behind it."""
        try:
            data = self._place(key).read_bytes()
        except OSError:
            return None, memoryview(b"")
        view = memoryview(data)
        magic, sum_, length = _HEAD.unpack(data[: _HEAD.size].ljust(_HEAD.size, b"\0"))
        body, rest = view[_HEAD.size : _HEAD.size + length], view[_HEAD.size + length :]
        if magic != _MAGIC or sum_ != hashlib.sha256(view[_SUMMED_FROM:]).digest():
            return None, rest
        try:
            return from_msgpack(_unpacked(body), type_, what=f"facts {key}"), rest
        except (isal_zlib.IsalError, InvalidInputError):  # type: ignore[misc]  # its stub says it is an object
            return None, rest

    def _write(self, key: str, facts: LayerFacts | FollowedFacts | ImageView, behind: bytes = b"") -> None:
        plain = to_msgpack(facts)
        if len(plain) > MAX_FACTS_BYTES:
            return
        body = isal_zlib.compress(plain, _LEVEL)
        length = struct.pack("<Q", len(body))
        whole = hashlib.sha256(length + body)
        whole.update(behind)
        place = self._place(key)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            _replace(place, (_MAGIC, whole.digest(), length, body, behind))
        except OSError as error:
            raise OutsideError(f"facts cannot be kept: {error.strerror}", where=str(place.parent)) from error

    def _place(self, key: str) -> Path:
        return self._folder / key[:2] / key


def _unpacked(body: memoryview) -> bytes:
    inflater = isal_zlib.decompressobj()
    plain: bytes = inflater.decompress(body, MAX_FACTS_BYTES)
    if not inflater.eof:
        raise InvalidInputError("longer than facts may be")
    return plain


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _replace(place: Path, parts: Iterable[bytes]) -> None:
    import tempfile  # reading facts is to start without it

    handle, name = tempfile.mkstemp(prefix=".new-", dir=place.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(place)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
    folder = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
