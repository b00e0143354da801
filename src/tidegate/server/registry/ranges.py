# SPDX-License-Identifier: Apache-2.0
"""One range of a blob, as a request asks for it (RFC 9110, section 14)."""

import re
from typing import Final

_RANGE: Final = re.compile(r"bytes=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})\s*", re.IGNORECASE)


def range_of_blob(asked: str, condition: str, *, etag: str, size: int) -> tuple[int, int] | None:
    """What part of a blob is to be sent.

    Several ranges at once, other units and what is no range are answered with the whole, as the standard allows.

    Args:
        asked: the `Range` header; "" for none.
        condition: the `If-Range` header; "" for none. Another tag than the blob's asks for the whole.
        etag: of the blob.
        size: of the blob, in bytes.

    Returns:
        Start and end (exclusive); None when there is no such part: 416.
    """
    match = _RANGE.fullmatch(asked)
    if match is None or not (match[1] or match[2]) or (condition and condition != etag):
        return 0, size
    if not match[1]:  # the last so many
        length = min(int(match[2]), size)
        return (size - length, size) if length else None
    start = int(match[1])
    end = min(int(match[2]) + 1, size) if match[2] else size
    return (start, end) if start < end else None
