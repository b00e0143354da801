# SPDX-License-Identifier: Apache-2.0
"""A layer's blob to its tar stream: inflated, bounded and hashed on both sides, in one pass.

The first bytes decide: gzip (RFC 1952, any number of members), zstd (RFC 8878, any number of frames) or neither, which
is taken as a plain tar. Media types are often wrong in the wild and unpackers go by the bytes too, so a wrong one is
tolerated; bytes that are none of the three are refused by the tar walker.
"""

import hashlib
from collections.abc import Callable
from typing import BinaryIO, Final, Protocol, cast

from tidegate.artifact import Descriptor, Digest
from tidegate.bounds import KIB, Readable
from tidegate.errors import BoundExceededError, DigestMismatchError, InvalidInputError, TidegateError
from tidegate.scan.limits import ScanLimits
from tidegate.scan.zstd_frames import FrameFollower

_READ_BYTES: Final = 128 * KIB
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE: Final = b"\x2a\x4d\x18"
_FOREIGN: Final = {b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"PK\x03\x04": "zip", b"\x04\x22\x4d\x18": "lz4"}


class Blob:
    """The stored bytes of a layer: counted, hashed and never longer than their descriptor says."""

    def __init__(self, source: Readable, descriptor: Descriptor, where: str) -> None:
        self._source = source
        self._descriptor = descriptor
        self._where = where
        self._hash = hashlib.new(descriptor.digest.algorithm)
        self._ahead = b""
        self.watch: Callable[[bytes], None] | None = None
        self.read_bytes = 0

    def peek(self, size: int) -> bytes:
        """The next `size` bytes (fewer at the end), left in place."""
        while len(self._ahead) < size and (data := self._pull(_READ_BYTES)):
            self._ahead += data
        return self._ahead[:size]

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, b"" at the end."""
        if self._ahead:
            data, self._ahead = self._ahead[:size], self._ahead[size:]
        else:
            data = self._pull(size)
        if self.watch is not None:
            self.watch(data)
        return data

    def readinto(self, target: memoryview) -> int:
        """Fills the front of a buffer; 0 at the end."""
        data = self.read(len(target))
        target[: len(data)] = data
        return len(data)

    def verify(self) -> None:
        """Compares what was read with the descriptor; call at the end.

        Raises:
            DigestMismatchError: the bytes are others.
            InvalidInputError: there were fewer than `size`.
        """
        if self.read_bytes != self._descriptor.size:
            raise InvalidInputError(
                f"the blob has {self.read_bytes} bytes, its descriptor says {self._descriptor.size}", where=self._where
            )
        _compare(self._descriptor.digest, self._hash.hexdigest(), self._where)

    def _pull(self, size: int) -> bytes:
        data = self._source.read(size)
        self._hash.update(data)
        self.read_bytes += len(data)
        if self.read_bytes > self._descriptor.size:
            raise InvalidInputError(
                f"the blob is longer than the {self._descriptor.size} bytes its descriptor says", where=self._where
            )
        return data


class _Inflater(Protocol):
    def readinto(self, target: memoryview, /) -> int: ...


class LayerStream:
    """The tar stream of one layer, served in whole chunks.

    Args:
        source: the blob as stored.
        descriptor: what its size and digest must be.
        diff_id: what the stream's digest must be; None when nobody said.
        limits: bounds on what may come out.

    Raises:
        InvalidInputError: the blob starts like a compression that layers may not have.
    """

    def __init__(self, source: Readable, descriptor: Descriptor, diff_id: Digest | None, limits: ScanLimits) -> None:
        self.where = f"layer {descriptor.digest.short}"
        self._blob = Blob(source, descriptor, self.where)
        self._diff_id = diff_id
        self._limits = limits
        self._hash = hashlib.new(diff_id.algorithm if diff_id is not None else "sha256")
        self._frames: FrameFollower | None = None
        self._inflater = self._open(descriptor.media_type)
        self.size = 0

    @property
    def diff_id(self) -> Digest:
        """Digest of what was noted so far; of the whole stream after `finish`."""
        return Digest(f"{self._hash.name}:{self._hash.hexdigest()}")

    def fill(self, chunk: memoryview) -> int:
        """Fills a chunk to its end unless the stream ends first; returns the bytes served, 0 at the end.

        Raises:
            BoundExceededError: `max_unpacked_bytes`, `max_ratio` or `max_window_bytes`.
            InvalidInputError: the compressed stream is broken or cut.
        """
        served = 0
        while served < len(chunk) and (got := self._inflate(chunk[served:] if served else chunk)):
            served += got
        self.size += served
        self._check_bounds()
        return served

    def note(self, chunk: memoryview) -> None:
        """Takes what `fill` served into the digest of the stream; each chunk once, in order."""
        self._hash.update(chunk)

    def finish(self) -> None:
        """Verifies both digests, once `fill` has served the whole stream and `note` was told of it.

        Raises:
            DigestMismatchError: the blob or the tar stream is another than was said.
            InvalidInputError: the blob's size is not what was said.
        """
        self.verify_blob()
        if self._frames is not None and not self._frames.is_complete:
            raise InvalidInputError("the zstd stream is cut short", where=self.where)
        if self._diff_id is not None:
            _compare(self._diff_id, self._hash.hexdigest(), f"{self.where} unpacked")

    def verify_blob(self) -> None:
        """Reads the blob to its end without unpacking it, and verifies its size and digest.

        Raises:
            DigestMismatchError: the blob is another than was said.
            InvalidInputError: its size is not what was said.
        """
        while self._blob.read(_READ_BYTES):
            pass
        self._blob.verify()

    def _open(self, media_type: str) -> _Inflater:
        if media_type.endswith("+encrypted"):
            raise InvalidInputError("the layer is encrypted", where=self.where, remedy="decrypt the image first")
        head = self._blob.peek(8)
        blob = cast("BinaryIO", self._blob)  # the decoders ask for no more than `read` and `readinto`
        if head.startswith(_GZIP):
            from isal import igzip

            # IGzipFile.read would copy each chunk once more, which costs a tenth of the inflating.
            reader = igzip._GzipReader  # type: ignore[attr-defined]  # noqa: SLF001 - see above
            return cast("_Inflater", reader(blob, _READ_BYTES))
        if head.startswith(_ZSTD) or (head[1:4] == _ZSTD_SKIPPABLE and head[0] & 0xF0 == 0x50):  # noqa: PLR2004 - RFC 8878
            import zstandard

            self._frames = FrameFollower()
            self._blob.watch = self._frames.feed
            decoder = zstandard.ZstdDecompressor(max_window_size=self._limits.max_window_bytes)
            return cast("_Inflater", decoder.stream_reader(blob, read_size=_READ_BYTES, read_across_frames=True))
        for magic, name in _FOREIGN.items():
            if head.startswith(magic):
                raise InvalidInputError(f"a {name} layer; layers are tar, gzip or zstd", where=self.where)
        return self._blob

    def _inflate(self, target: memoryview) -> int:
        try:
            return self._inflater.readinto(target)
        except TidegateError:
            raise
        except EOFError as error:
            raise InvalidInputError("the gzip stream is cut short", where=self.where) from error
        except MemoryError as error:
            raise BoundExceededError("max_window_bytes", self._limits.max_window_bytes, where=self.where) from error
        except Exception as error:
            if not _is_of_decoder(error):
                raise
            if "too much memory" in str(error):
                raise BoundExceededError("max_window_bytes", self._limits.max_window_bytes, where=self.where) from error
            raise InvalidInputError(f"the compressed stream is broken: {error}", where=self.where) from error

    def _check_bounds(self) -> None:
        limits = self._limits
        if self.size > limits.max_unpacked_bytes:
            raise BoundExceededError("max_unpacked_bytes", limits.max_unpacked_bytes, where=self.where)
        if self.size > limits.ratio_free_bytes + limits.max_ratio * self._blob.read_bytes:
            raise BoundExceededError("max_ratio", limits.max_ratio, where=self.where)


def _is_of_decoder(error: Exception) -> bool:
    name = type(error).__name__
    # Of a gzip header whose file name is longer than its buffer, igzip makes an OverflowError.
    return name in {"BadGzipFile", "IsalError", "OverflowError", "ZstdError", "error"}


def _compare(expected: Digest, actual_hex: str, where: str) -> None:
    if expected.hex != actual_hex:
        raise DigestMismatchError(expected, f"{expected.algorithm}:{actual_hex}", where=where)
