# SPDX-License-Identifier: Apache-2.0
"""Image archives: `oci-archive` and `docker save` files, plain or packed with gzip or zstd."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Any, Final, cast

from tidegate.artifact import Descriptor, Digest, Platform
from tidegate.artifact.manifest import MAX_MANIFEST_BYTES
from tidegate.bounds import GIB, MIB, Readable, read_bounded
from tidegate.errors import BoundExceededError, InvalidInputError, OutsideError
from tidegate.oci.choose import Unlock, choose_entry, choose_image
from tidegate.oci.image import Image
from tidegate.oci.layout import check_marker, layout_index
from tidegate.oci.tar_index import TarIndex

MAX_INFLATED_BYTES: Final = 20 * GIB
_MAX_MARKER_BYTES: Final = 4096
_ZSTD_WINDOW_BYTES: Final = 128 * MIB
_GZIP_MAGIC: Final = b"\x1f\x8b"
_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"


@contextmanager
def open_tar(
    path: Path, *, scratch: Path | None = None, max_inflated_bytes: int = MAX_INFLATED_BYTES
) -> Iterator[TarIndex]:
    """Opens a tar for random access; a packed one is unpacked into a nameless file first.

    Args:
        path: the archive.
        scratch: the folder for the nameless file; None for the system's.
        max_inflated_bytes: the longest tar accepted from a packed archive.

    Raises:
        BoundExceededError: over a limit.
        InvalidInputError: it is no tar, or broken.
        OutsideError: the disk failed.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror or error}", where=str(path)) from error
    with file:
        head = os.pread(file.fileno(), 4, 0)
        if not is_packed(head):
            yield TarIndex(file.fileno(), where=str(path))
            return
        with tempfile.TemporaryFile(dir=scratch) as plain:
            _inflate(file, head, plain, max_bytes=max_inflated_bytes, where=str(path))
            yield TarIndex(plain.fileno(), where=str(path))


def is_packed(head: bytes) -> bool:
    """True when a file's first bytes are gzip's or zstd's."""
    return head.startswith((_GZIP_MAGIC, _ZSTD_MAGIC))


@contextmanager
def reading_packed(where: str) -> Iterator[None]:
    """Turns what the unpackers raise into this house's errors.

    Raises:
        InvalidInputError: the stream is broken or ends early.
        OutsideError: the disk failed.
    """
    import zlib

    import zstandard
    from isal import igzip_lib

    broken = cast("tuple[type[Exception], ...]", (EOFError, zlib.error, igzip_lib.IsalError, zstandard.ZstdError))
    try:
        yield
    except broken as error:
        raise InvalidInputError(f"cannot be unpacked: {error}", where=where) from error
    except OSError as error:
        if error.errno is None:  # BadGzipFile is an OSError without a number
            raise InvalidInputError(f"cannot be unpacked: {error}", where=where) from error
        raise OutsideError(f"cannot be unpacked: {error.strerror}", where=where) from error


def unpacking(file: IO[bytes], head: bytes) -> Readable:
    """A reader that undoes gzip or zstd, told by the first bytes."""
    if head.startswith(_GZIP_MAGIC):
        from isal import igzip

        opened = igzip.IGzipFile(fileobj=file, mode="rb")  # type: ignore[no-untyped-call]  # isal ships no types for it
        return cast("Readable", opened)
    import zstandard

    unpacker = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES)
    return unpacker.stream_reader(file, read_across_frames=True, closefd=False)


def is_layout(tar: TarIndex) -> bool:
    """True for an archive of an OCI layout; newer `docker save` archives are one as well."""
    return "index.json" in tar.names and "oci-layout" in tar.names


def open_layout_archive(
    tar: TarIndex,
    *,
    tag: str = "",
    digest: Digest | None = None,
    wanted: Platform | None = None,
    name: str,
    unlock: Unlock | None = None,
) -> Image:
    """Opens one image of an archived layout; the archive must stay open as long as the image.

    Raises:
        InvalidInputError: the layout or the image is broken.
        NotFoundError: there is no such tag, digest or platform.
        UsageError: there are several images and none is named.
    """
    blobs = ArchiveBlobs(tar)
    check_marker(blobs.document("oci-layout", _MAX_MARKER_BYTES), where=tar.where)
    index = layout_index(blobs.document("index.json", MAX_MANIFEST_BYTES), where=f"{tar.where}: index.json")
    roots = choose_entry(index.manifests, tag=tag, digest=digest, where=tar.where)
    return choose_image(roots, blobs, wanted=wanted, name=name, unlock=unlock)


class ArchiveBlobs:
    """The blobs of an archived layout (a `tidegate.oci.blobs.Blobs`)."""

    is_local: Final = True

    def __init__(self, tar: TarIndex) -> None:
        self.where = tar.where
        self._tar = tar

    def check(self, descriptor: Descriptor) -> None:
        """Checks presence and size."""
        self._section(descriptor)

    @contextmanager
    def open(self, descriptor: Descriptor) -> Iterator[Readable]:
        """Streams a blob."""
        yield self._section(descriptor)

    def manifest(self, descriptor: Descriptor) -> AbstractContextManager[Readable]:
        """Streams a manifest."""
        return self.open(descriptor)

    def document(self, name: str, max_bytes: int) -> bytes:
        """Reads a member whole."""
        member = self._tar.find(name)
        if member is None:
            raise InvalidInputError(f"member {name} is missing", where=self.where)
        return read_bounded(self._tar.open(member), max_bytes=max_bytes, what=f"{self.where}: {name}")

    def _section(self, descriptor: Descriptor) -> Readable:
        member = self._tar.find(f"blobs/{descriptor.digest.algorithm}/{descriptor.digest.hex}")
        if member is None:
            raise InvalidInputError(f"blob {descriptor.digest} is missing", where=self.where)
        if member.size != descriptor.size:
            what = f"blob {descriptor.digest.short} has {member.size} bytes instead of {descriptor.size}"
            raise InvalidInputError(what, where=self.where)
        return self._tar.open(member)


def _inflate(file: IO[bytes], head: bytes, to: Any, *, max_bytes: int, where: str) -> None:
    source = unpacking(file, head)
    left = max_bytes
    with reading_packed(where):
        while chunk := source.read(MIB):
            left -= len(chunk)
            if left < 0:
                raise BoundExceededError("max_inflated_bytes", max_bytes, where=where)
            to.write(chunk)
        to.flush()
