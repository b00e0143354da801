# SPDX-License-Identifier: Apache-2.0
"""An artifact that is no image (a Helm chart, a WebAssembly module, a bill of materials, a model), opened as one.

So it has the same path of judgement: its files are searched for components, flaws, secrets and bills of materials, and
the same policy decides. A blob that is a tar is read as a layer; any other is one file of a layer, by its title. Only
types that the settings name are read so: what nobody named, nothing here claims to understand.
"""

import hashlib
import io
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from tidegate.artifact import Descriptor, Digest, Manifest, parse_image_config
from tidegate.artifact import media_type as mt
from tidegate.bounds import MIB, Readable
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.oci.image import Image
from tidegate.storage.blobs import BlobStore
from tidegate.values import replace

MAX_FILE_BYTES: Final = 1 << 30
"""Of a blob that is one file."""
_BLOCK: Final = 512
_TITLE: Final = "org.opencontainers.image.title"
_GZIP_TARS: Final = ("tar+gzip", "tar.gzip", "x-gtar", "x-tgz")
_CONFIG: Final = b'{"architecture":"any","config":{},"os":"any","rootfs":{"diff_ids":[],"type":"layers"}}'
_KEEPS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


def is_readable(manifest: Manifest, types: Sequence[str]) -> bool:
    """True for an artifact of a type that was named, by patterns."""
    kind = manifest.artifact_type or manifest.config.media_type
    return any(fnmatchcase(kind, pattern) for pattern in types)


def open_artifact(manifest: Manifest, blobs: BlobStore, *, name: str) -> Image:
    """An artifact whose manifest and blobs lie here.

    Raises:
        InvalidInputError: a blob is encrypted.
        BoundExceededError: a blob that is one file is longer than allowed.
    """
    parts = [part for part in (manifest.config, *manifest.layers) if part.media_type != mt.OCI_EMPTY]
    layers = tuple(_layer(part, at, blobs, name) for at, part in enumerate(parts))
    config = parse_image_config(_CONFIG, where=name)
    return Image(
        name=name, digest=manifest.digest, config=config, config_bytes=_CONFIG, layers=layers, manifest=manifest
    )


def _layer(part: Descriptor, at: int, blobs: BlobStore, name: str) -> "_Tar | _Wrapped":
    if mt.is_encrypted(part.media_type):
        raise InvalidInputError(
            f"{part.media_type} is encrypted", where=name, remedy="push it plain, or let tidegate encrypt it afterwards"
        )
    if part.media_type.endswith(_GZIP_TARS):
        return _Tar(descriptor=replace(part, media_type=mt.OCI_LAYER_GZIP), blobs=blobs)
    if part.media_type.endswith("tar"):
        return _Tar(descriptor=replace(part, media_type=mt.OCI_LAYER), blobs=blobs)
    if part.size > MAX_FILE_BYTES:
        raise BoundExceededError("MAX_FILE_BYTES", MAX_FILE_BYTES, where=f"{name} {part.digest}")
    wrapped = _Wrapped(blob=part.digest, size=part.size, path=_path(part, at), blobs=blobs)
    return _described(wrapped)


def _described(wrapped: "_Wrapped") -> "_Wrapped":
    """The same with the digest and size of the tar that is read."""
    hashed, size = hashlib.sha256(), 0
    with wrapped.open() as source:
        while chunk := source.read(MIB):
            hashed.update(chunk)
            size += len(chunk)
    descriptor = Descriptor(media_type=mt.OCI_LAYER, digest=Digest(f"sha256:{hashed.hexdigest()}"), size=size)
    return _Wrapped(blob=wrapped.blob, size=wrapped.size, path=wrapped.path, blobs=wrapped.blobs, descriptor=descriptor)


def _path(part: Descriptor, at: int) -> str:
    """Where the file lies in its layer: its title, as far as that is a plain name."""
    title = part.annotations.get(_TITLE, "").rpartition("/")[2]
    plain = "".join(char if char in _KEEPS else "_" for char in title).lstrip(".")[:100]
    return f"{at}/{plain or part.digest.hex[:16]}"


_NOTHING: Final = Descriptor(media_type=mt.OCI_LAYER, digest=Digest.of(b""), size=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tar:
    descriptor: Descriptor
    blobs: BlobStore
    diff_id: Digest | None = None

    @contextmanager
    def open(self) -> Iterator[Readable]:
        with self.blobs.open(self.descriptor.digest) as source:
            yield source


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wrapped:
    """One file as a tar: header, bytes, and zeros to the end of its block and of the archive."""

    blob: Digest
    size: int
    path: str
    blobs: BlobStore
    descriptor: Descriptor = _NOTHING
    diff_id: Digest | None = None

    @contextmanager
    def open(self) -> Iterator[Readable]:
        entry = tarfile.TarInfo(self.path)
        entry.size = self.size
        end = bytes(-self.size % _BLOCK + 2 * _BLOCK)
        with self.blobs.open(self.blob) as source:
            yield _Chain((io.BytesIO(entry.tobuf(tarfile.GNU_FORMAT)), source, io.BytesIO(end)))


class _Chain:
    """Several streams, one after the other."""

    def __init__(self, sources: Sequence[Readable]) -> None:
        self._left = list(sources)

    def read(self, size: int = -1, /) -> bytes:
        while self._left:
            if chunk := self._left[0].read(size):
                return chunk
            self._left.pop(0)
        return b""
