# SPDX-License-Identifier: Apache-2.0
"""Cuts a stream of chunks into windows that overlap, so that whatever spans the border of two chunks is seen whole.

A window owns the hits between its `start` and `stop`; what lies before and behind is there to be looked at only, and is
wider than any secret, any context and any encoded run that is decoded.
"""

import zlib
from collections.abc import Iterable, Iterator
from io import BytesIO
from itertools import chain
from typing import Final

from isal import isal_zlib

from tidegate.bounds import KIB, MIB
from tidegate.scan.secrets.archives import looks_like_archive
from tidegate.scan.secrets.rule import Buffer
from tidegate.scan.secrets.utf16 import decoded, encoding_of
from tidegate.values import Struct

MAX_ARCHIVE_BYTES: Final = 32 * MIB
"""A zip or tar file up to this size is opened; a larger one is looked at as it lies."""
MAX_STREAM_BYTES: Final = 512 * MIB
"""Bytes that come out of a large gzip file and are looked at."""
MARGIN_BYTES: Final = 192 * KIB
"""More than three times `decoding.MAX_RUN_BYTES` and six times `private_key.MAX_KEY_BYTES`."""

_WINDOW_BYTES: Final = 4 * MIB + 2 * MARGIN_BYTES
_PROBE_BYTES: Final = 512
_INFLATE_BYTES: Final = MIB
_GZIP: Final = b"\x1f\x8b\x08"


class Window(Struct, frozen=True, kw_only=True):
    """A stretch of a stream; `line` and `column` are of its first byte."""

    content: memoryview
    start: int
    stop: int
    line: int
    column: int


class Opened(Struct, frozen=True, kw_only=True):
    """A stream after a look at its first bytes: whole when it is an archive, or what comes out of it."""

    whole: bytes | None
    chunks: Iterator[Buffer]
    how: tuple[str, ...] = ()


def opened(chunks: Iterator[Buffer]) -> Opened:
    """Looks at the first bytes of a stream."""
    held: list[bytes] = []
    size = 0
    for chunk in chunks:
        held.append(bytes(chunk))
        size += len(chunk)
        if size >= _PROBE_BYTES:
            break
    head = b"".join(held)
    rest: Iterator[Buffer] = chain((head,), chunks)
    if head.startswith(_GZIP):
        return Opened(whole=None, chunks=_inflated(rest), how=("gzip",))
    if encoding := encoding_of(head):
        return Opened(whole=None, chunks=decoded(rest, encoding), how=("utf-16",))
    return _whole(rest) if looks_like_archive(head) else Opened(whole=None, chunks=rest)


def windows(chunks: Iterable[Buffer]) -> Iterator[Window]:
    """Overlapping windows of a stream, in order; each is valid until the next is taken."""
    held = bytearray(_WINDOW_BYTES)  # one for all: fresh memory costs more than the copy into it
    view = memoryview(held)
    filled = start = 0
    line, column = 1, 1
    for chunk in chunks:
        rest, taken = memoryview(chunk), 0
        while taken < len(rest):
            step = min(len(rest) - taken, _WINDOW_BYTES - filled)
            view[filled : filled + step] = rest[taken : taken + step]
            filled += step
            taken += step
            if filled < _WINDOW_BYTES:
                break
            yield Window(content=view, start=start, stop=_WINDOW_BYTES - MARGIN_BYTES, line=line, column=column)
            cut = _WINDOW_BYTES - 2 * MARGIN_BYTES
            lines = held.count(b"\n", 0, cut)
            line += lines
            column = cut - held.rfind(b"\n", 0, cut) if lines else column + cut
            held[: 2 * MARGIN_BYTES] = held[cut:]
            filled, start = 2 * MARGIN_BYTES, MARGIN_BYTES
    yield Window(content=view[:filled], start=start, stop=filled + 1, line=line, column=column)


def _whole(chunks: Iterator[Buffer]) -> Opened:
    held = BytesIO()
    for chunk in chunks:
        held.write(chunk)
        if held.tell() > MAX_ARCHIVE_BYTES:
            return Opened(whole=None, chunks=chain((held.getvalue(),), chunks))
    return Opened(whole=held.getvalue(), chunks=iter(()))


def _inflated(chunks: Iterable[Buffer]) -> Iterator[bytes]:
    inflater = isal_zlib.decompressobj(wbits=31)
    left = MAX_STREAM_BYTES
    for chunk in chunks:
        packed = bytes(chunk)
        while packed:
            try:
                plain: bytes = inflater.decompress(packed, _INFLATE_BYTES)
            except (isal_zlib.IsalError, zlib.error):  # type: ignore[misc]  # its stub says it is an object
                return
            packed = inflater.unconsumed_tail
            left -= len(plain)
            yield plain
            if left <= 0 or inflater.eof:
                return
