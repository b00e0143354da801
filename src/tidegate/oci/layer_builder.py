# SPDX-License-Identifier: Apache-2.0
"""Builds one layer (OCI image-spec 1.1 `layer.md`): the same input gives the same bytes."""

import gzip
import hashlib
import io
import stat
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Self, cast

from tidegate.artifact import Descriptor, Digest, media_type
from tidegate.errors import OutsideError, UsageError
from tidegate.values import Struct

if TYPE_CHECKING:
    from hashlib import _Hash

_GZIP_LEVEL: Final = 6
_ZSTD_LEVEL: Final = 3
_EXECUTABLE: Final = 0o111


class Compression(StrEnum):
    """How a blob is packed."""

    PLAIN = "plain"
    GZIP = "gzip"
    ZSTD = "zstd"


LAYER_TYPES: Final = {
    Compression.PLAIN: media_type.OCI_LAYER,
    Compression.GZIP: media_type.OCI_LAYER_GZIP,
    Compression.ZSTD: media_type.OCI_LAYER_ZSTD,
}


class BuiltLayer(Struct, frozen=True, kw_only=True):
    """A finished layer.

    Attributes:
        diff_id: of the tar stream.
        blob: the packed bytes, or the file that holds them.
    """

    descriptor: Descriptor
    diff_id: Digest
    blob: bytes | Path

    def read(self) -> bytes:
        """The packed bytes."""
        return self.blob if isinstance(self.blob, bytes) else self.blob.read_bytes()


class LayerBuilder:
    """Collects entries in order and writes them as one layer; every method but `build` returns the builder.

    Args:
        compression: of the blob.
        mtime: of every entry, in seconds since 1970.
        parents: add the folders above an entry (root's, 0755) that were not added themselves.
    """

    def __init__(self, *, compression: Compression = Compression.GZIP, mtime: int = 0, parents: bool = True) -> None:
        self._compression = compression
        self._mtime = mtime
        self._parents = parents
        self._folders: set[str] = set()
        self._entries: list[tuple[tarfile.TarInfo, bytes | Path]] = []

    def file(self, path: str, content: bytes | str | Path, *, mode: int = 0o644, uid: int = 0, gid: int = 0) -> Self:
        """Adds a regular file; text is written as UTF-8, a path is read when the layer is built."""
        data = content.encode() if isinstance(content, str) else content
        info = self._info(path, tarfile.REGTYPE, mode=mode, uid=uid, gid=gid)
        info.size = len(data) if isinstance(data, bytes) else data.stat().st_size
        return self.entry(info, data)

    def folder(self, path: str, *, mode: int = 0o755, uid: int = 0, gid: int = 0) -> Self:
        """Adds a folder."""
        self._folders.add(path)
        return self.entry(self._info(path, tarfile.DIRTYPE, mode=mode, uid=uid, gid=gid))

    def symlink(self, path: str, target: str) -> Self:
        """Adds a symbolic link; the target is written as given."""
        info = self._info(path, tarfile.SYMTYPE, mode=0o777)
        info.linkname = target
        return self.entry(info)

    def hardlink(self, path: str, target: str) -> Self:
        """Adds a hard link to another path of this layer."""
        info = self._info(path, tarfile.LNKTYPE)
        info.linkname = target
        return self.entry(info)

    def whiteout(self, path: str) -> Self:
        """Deletes a path of the layers below."""
        head, _, name = path.rpartition("/")
        return self.file(f"{head}/.wh.{name}" if head else f".wh.{name}", b"")

    def opaque(self, path: str) -> Self:
        """Hides what the layers below have inside a folder; "" is the root."""
        return self.file(f"{path}/.wh..wh..opq" if path else ".wh..wh..opq", b"")

    def tree(self, source: Path, *, at: str = "") -> Self:
        """Adds everything below a folder of this machine, sorted: modes become 0755 or 0644, owners root.

        Raises:
            UsageError: there is something that is no file, folder or symbolic link.
        """
        for path in sorted(source.rglob("*")):
            name = "/".join(part for part in (at, path.relative_to(source).as_posix()) if part)
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                self.symlink(name, str(path.readlink()))
            elif stat.S_ISDIR(mode):
                self.folder(name)
            elif stat.S_ISREG(mode):
                self.file(name, path, mode=0o755 if mode & _EXECUTABLE else 0o644)
            else:
                raise UsageError("cannot be put into a layer", where=str(path))
        return self

    def entry(self, info: tarfile.TarInfo, content: bytes | Path = b"") -> Self:
        """Adds any tar entry as it is, also one that no builder should make."""
        self._entries.append((info, content))
        return self

    def build(self, *, to: Path | None = None) -> BuiltLayer:
        """Writes the layer.

        Args:
            to: the file to write; None keeps it in memory.

        Raises:
            OutsideError: a file cannot be read, or `to` not written.
        """
        try:
            if to is None:
                sink = io.BytesIO()
                return self._write(sink, sink.getvalue)
            with to.open("wb") as file:
                return self._write(file, lambda: to)
        except OSError as error:
            raise OutsideError(f"a layer cannot be built: {error}", where=str(to or "")) from error

    def _write(self, sink: IO[bytes], blob: Any) -> BuiltLayer:
        packed = HashingWriter(sink)
        with compressed(packed, self._compression) as inner:
            plain = HashingWriter(inner)
            write_tar(plain, self._entries)
        descriptor = Descriptor(media_type=LAYER_TYPES[self._compression], digest=packed.digest, size=packed.size)
        return BuiltLayer(descriptor=descriptor, diff_id=plain.digest, blob=blob())

    def _info(self, path: str, kind: bytes, *, mode: int = 0o644, uid: int = 0, gid: int = 0) -> tarfile.TarInfo:
        if self._parents:
            self._add_parents(path)
        info = tarfile.TarInfo(path)
        info.type, info.mode, info.uid, info.gid, info.mtime = kind, mode, uid, gid, self._mtime
        return info

    def _add_parents(self, path: str) -> None:
        parts = path.split("/")
        for depth in range(1, len(parts)):
            above = "/".join(parts[:depth])
            if above not in self._folders:
                self.folder(above)


class HashingWriter:
    """Passes bytes on, counting and hashing them."""

    def __init__(self, sink: Any) -> None:
        self._sink = sink
        self._hash: _Hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes, /) -> int:
        """Takes all of the data."""
        self._hash.update(data)
        self._sink.write(data)
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back here."""

    @property
    def digest(self) -> Digest:
        """Of what was written so far."""
        return Digest("sha256:" + self._hash.hexdigest())


@contextmanager
def compressed(sink: Any, compression: Compression) -> Iterator[Any]:
    """A writable file that packs into `sink`, with nothing in the stream that changes from day to day."""
    if compression is Compression.PLAIN:
        yield sink
    elif compression is Compression.GZIP:
        with gzip.GzipFile(filename="", fileobj=sink, mode="wb", compresslevel=_GZIP_LEVEL, mtime=0) as file:
            yield file
    else:
        import zstandard

        with zstandard.ZstdCompressor(level=_ZSTD_LEVEL).stream_writer(sink, closefd=False) as file:
            yield file


def write_tar(sink: Any, entries: list[tuple[tarfile.TarInfo, bytes | Path]]) -> None:
    """Writes entries as a pax tar stream."""
    with tarfile.open(fileobj=cast("IO[bytes]", sink), mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for info, content in entries:
            if isinstance(content, Path):
                with content.open("rb") as file:
                    tar.addfile(info, file)
            else:
                tar.addfile(info, io.BytesIO(content))
