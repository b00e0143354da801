# SPDX-License-Identifier: Apache-2.0
"""UTF-16 text, as Windows writes it: told by its byte order mark, or by every other byte of its head being zero."""

import codecs
from collections.abc import Iterable, Iterator
from typing import Final

from tidegate.scan.secrets.rule import Buffer

_MARKS: Final = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_PROBE_BYTES: Final = 64


def encoding_of(content: Buffer) -> str:
    """`utf-16-le` or `utf-16-be`; "" for anything else."""
    head = bytes(content[:_PROBE_BYTES])
    if head[:2] in _MARKS:
        return _MARKS[head[:2]]
    if len(head) < _PROBE_BYTES:
        return ""
    low, high = head[::2], head[1::2]
    if not any(high) and 0 not in low:
        return "utf-16-le"
    return "utf-16-be" if not any(low) and 0 not in high else ""


def text_of(content: Buffer) -> bytes | None:
    """The content as UTF-8; None when it is not UTF-16."""
    encoding = encoding_of(content)
    return b"".join(decoded((content,), encoding)) if encoding else None


def decoded(chunks: Iterable[Buffer], encoding: str) -> Iterator[bytes]:
    """Chunks of UTF-16 as chunks of UTF-8."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for chunk in chunks:
        yield decoder.decode(bytes(chunk)).encode("utf-8", "replace")
