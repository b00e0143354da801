# SPDX-License-Identifier: Apache-2.0
"""Turns what may be encoded into what it says: the run of characters around a telltale (RFC 4648, RFC 3986)."""

import binascii
import re
from collections.abc import Iterator, Sequence
from typing import Final

from tidegate.bounds import KIB
from tidegate.scan.secrets.rule import Buffer
from tidegate.scan.secrets.telltales import Encoding, Telltale
from tidegate.values import Struct

MAX_RUN_BYTES: Final = 64 * KIB
"""Encoded characters before and after a telltale that are decoded."""
MAX_RUNS: Final = 500
"""Runs of one content that are decoded."""

_STANDARD: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_URL_SAFE: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_WRAPS: Final = b"\r\n"
_HEX: Final = b"0123456789abcdefABCDEF"
_TO_STANDARD: Final = bytes.maketrans(b"-_", b"+/")
_ADDRESS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%+=&?/:@!$*,;"
_PERCENT: Final = re.compile(rb"%([0-9A-Fa-f]{2})")
_MIN_WRAPPED_LINE: Final = 60
_MIN_DECODED: Final = 12


class Run(Struct, frozen=True, kw_only=True):
    """Something decoded, and where it stood encoded."""

    start: int
    end: int
    encoding: Encoding
    plain: bytes


def runs(content: Buffer, found: Sequence[tuple[int, Telltale]]) -> Iterator[Run]:
    """Decodes what lies around telltales; of runs that several of them are in, each reading is told once.

    Args:
        content: where they were found.
        found: start and telltale, by start.
    """
    ends: dict[tuple[Encoding, int], int] = {}
    count = 0
    for start, telltale in found:
        if count >= MAX_RUNS:
            return
        if start < ends.get((telltale.encoding, telltale.phase), 0):
            continue  # the run was decoded already, unless it reads otherwise from another place in the group
        run = _run(content, start, telltale)
        if run is None:
            continue
        ends[telltale.encoding, telltale.phase] = run.end
        count += 1
        if len(run.plain) >= _MIN_DECODED:
            yield run


def _run(content: Buffer, start: int, telltale: Telltale) -> Run | None:
    if telltale.encoding is Encoding.BASE64:
        return _base64(content, start, telltale.phase)
    if telltale.encoding is Encoding.HEX:
        first, last = _around(content, start, _HEX)
        first += (start - first) % 2
        plain = binascii.a2b_hex(bytes(content[first : last - (last - first) % 2]))
    else:
        first, last = _around(content, start, _ADDRESS)
        plain = _PERCENT.sub(lambda escape: bytes([int(escape[1], 16)]), bytes(content[first:last]))
    return Run(start=first, end=last, encoding=telltale.encoding, plain=plain)


def _base64(content: Buffer, start: int, phase: int) -> Run | None:
    for alphabet in (_STANDARD, _URL_SAFE):
        first, last = _around(content, start, alphabet)
        if _is_wrapped(content, first, last):
            return _wrapped(content, start, phase, alphabet)
        if bytes(content[last : last + 1]) not in {b"-", b"_"} or alphabet is _URL_SAFE:
            break
    first += (start - phase - first) % 4
    return _packed(bytes(content[first:last]), first, last)


def _wrapped(content: Buffer, start: int, phase: int, alphabet: bytes) -> Run | None:
    first, last = _around(content, start, alphabet + _WRAPS)
    before = bytes(content[first:start]).translate(None, _WRAPS)
    text = before + bytes(content[start:last]).translate(None, _WRAPS)
    return _packed(text[(len(before) - phase) % 4 :], first, last)


def _packed(text: bytes, first: int, last: int) -> Run | None:
    text = text.translate(_TO_STANDARD)
    text = text[: len(text) - (len(text) % 4 == 1)]
    try:
        plain = binascii.a2b_base64(text + b"=" * (-len(text) % 4))
    except binascii.Error:
        return None
    return Run(start=first, end=last, encoding=Encoding.BASE64, plain=plain)


def _is_wrapped(content: Buffer, first: int, last: int) -> bool:
    breaks = bytes(content[last : last + 1]) in {b"\r", b"\n"} or bytes(content[max(0, first - 1) : first]) == b"\n"
    return breaks and last - first >= _MIN_WRAPPED_LINE


def _around(content: Buffer, start: int, alphabet: bytes) -> tuple[int, int]:
    """Where the characters of an alphabet around a place begin and end."""
    before = bytes(content[max(0, start - MAX_RUN_BYTES) : start])
    after = bytes(content[start : start + MAX_RUN_BYTES])
    return start - len(before) + len(before.rstrip(alphabet)), start + len(after) - len(after.lstrip(alphabet))
