# SPDX-License-Identifier: Apache-2.0
"""OCI image layout folders (image-spec 1.1 `image-layout.md`)."""

import errno
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final

from tidegate.artifact import Descriptor, Digest, Index, Platform, parse_manifest
from tidegate.artifact.manifest import MAX_MANIFEST_BYTES
from tidegate.bounds import Readable, read_bounded
from tidegate.errors import InvalidInputError, OutsideError
from tidegate.oci.choose import Unlock, choose_entry, choose_image
from tidegate.oci.image import Image
from tidegate.wire import from_json

_MAX_MARKER_BYTES: Final = 4096


def open_layout(
    root: Path,
    *,
    tag: str = "",
    digest: Digest | None = None,
    wanted: Platform | None = None,
    name: str,
    unlock: Unlock | None = None,
) -> Image:
    """Opens one image of a layout folder; it holds no handle open.

    Raises:
        InvalidInputError: the layout or the image is broken.
        NotFoundError: there is no such tag, digest or platform.
        OutsideError: the disk failed.
        UsageError: there are several images and none is named.
    """
    blobs = LayoutBlobs(root)
    check_marker(blobs.document("oci-layout", _MAX_MARKER_BYTES), where=str(root))
    index = layout_index(blobs.document("index.json", MAX_MANIFEST_BYTES), where=f"{root}/index.json")
    try:
        roots = choose_entry(index.manifests, tag=tag, digest=digest, where=str(root))
    except Exception:
        if digest is None or (found := blobs.described(digest)) is None:
            raise
        roots = [found]
    return choose_image(roots, blobs, wanted=wanted, name=name, unlock=unlock)


def check_marker(raw: bytes, *, where: str) -> None:
    """Checks the content of `oci-layout`.

    Raises:
        InvalidInputError: it is of a version that is not known here.
    """
    version = from_json(raw, dict[str, Any], what=f"{where}/oci-layout", max_bytes=_MAX_MARKER_BYTES)
    if not str(version.get("imageLayoutVersion", "")).startswith("1."):
        raise InvalidInputError("not an OCI layout of version 1", where=where)


def layout_index(raw: bytes, *, where: str) -> Index:
    """Reads `index.json`.

    Raises:
        InvalidInputError: it is no index.
    """
    node = parse_manifest(raw, where=where)
    if not isinstance(node, Index):
        raise InvalidInputError("is a manifest where an index belongs", where=where)
    return node


class LayoutBlobs:
    """The blobs of a layout folder (a `tidegate.oci.blobs.Blobs`)."""

    is_local: Final = True

    def __init__(self, root: Path) -> None:
        self.where = str(root)
        self._root = root

    def check(self, descriptor: Descriptor) -> None:
        """Checks presence and size."""
        with self._file(_blob_path(descriptor.digest)) as file:
            _check_size(file, descriptor, self.where)

    def open(self, descriptor: Descriptor) -> AbstractContextManager[Readable]:
        """Streams a blob."""
        return self._sized(descriptor)

    def manifest(self, descriptor: Descriptor) -> AbstractContextManager[Readable]:
        """Streams a manifest."""
        return self._sized(descriptor)

    def document(self, name: str, max_bytes: int) -> bytes:
        """Reads a file of the layout whole."""
        with self._file(name) as file:
            return read_bounded(file, max_bytes=max_bytes, what=f"{self.where}/{name}")

    def described(self, digest: Digest) -> Descriptor | None:
        """A descriptor for a manifest that no index names; None when it is no manifest."""
        path = self._root / _blob_path(digest)
        if not path.is_file() or path.stat().st_size > MAX_MANIFEST_BYTES:
            return None
        node = parse_manifest(self.document(_blob_path(digest), MAX_MANIFEST_BYTES), where=f"{self.where}: {digest}")
        return Descriptor(media_type=node.media_type, digest=digest, size=len(node.raw))

    @contextmanager
    def _sized(self, descriptor: Descriptor) -> Iterator[Readable]:
        with self._file(_blob_path(descriptor.digest)) as file:
            _check_size(file, descriptor, self.where)
            yield file

    @contextmanager
    def _file(self, name: str) -> Iterator["_File"]:
        path = self._root / name
        try:
            real = path.resolve(strict=True)
            if not real.is_relative_to(self._root.resolve()):
                raise InvalidInputError("leads out of the layout folder", where=str(path))
            if not real.is_file():
                raise InvalidInputError("is no file", where=str(path))
            file = real.open("rb", buffering=0)
        except FileNotFoundError as error:
            raise InvalidInputError("is missing", where=str(path)) from error
        except RuntimeError as error:  # before Python 3.13
            raise InvalidInputError("is a loop of links", where=str(path)) from error
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise InvalidInputError("is a loop of links", where=str(path)) from error
            raise OutsideError(f"cannot be read: {error.strerror or error}", where=str(path)) from error
        with file:
            yield _File(file.fileno(), str(path))


class _File:
    """A file read with the errors of this house."""

    def __init__(self, fd: int, where: str) -> None:
        self.fd = fd
        self._where = where

    def read(self, size: int = -1, /) -> bytes:
        try:
            if size >= 0:
                return os.read(self.fd, size)
            return b"".join(iter(lambda: os.read(self.fd, 1 << 20), b""))
        except OSError as error:
            raise OutsideError(f"cannot be read: {error.strerror or error}", where=self._where) from error


def _check_size(file: _File, descriptor: Descriptor, where: str) -> None:
    size = os.fstat(file.fd).st_size
    if size != descriptor.size:
        what = f"blob {descriptor.digest.short} has {size} bytes instead of {descriptor.size}"
        raise InvalidInputError(what, where=where)


def _blob_path(digest: Digest) -> str:
    return f"blobs/{digest.algorithm}/{digest.hex}"
