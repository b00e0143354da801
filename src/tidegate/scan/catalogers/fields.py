# SPDX-License-Identifier: Apache-2.0
"""Fields as `Name: value` lines with continuation lines: deb822(5) paragraphs and Python's core metadata (RFC 822).

Lines are read one by one out of the bytes: a list of all lines of a hostile file would be many times its size.
"""

import io
from collections.abc import Collection, Iterator
from typing import Final

MAX_CONTINUED_CHARS: Final = 4_096
"""Characters of a value after which its further continuation lines are passed over."""
MAX_VALUES: Final = 1_000
"""Values of one repeated field; further ones are passed over."""

_COMMENT: Final = ord("#")


def paragraphs(content: bytes, wanted: Collection[bytes], *, whole: Collection[bytes] = ()) -> Iterator[dict[str, str]]:
    """Reads deb822 paragraphs, separated by empty lines.

    Args:
        content: the whole file.
        wanted: names of fields in lower case; others are passed over. Only first lines of values are kept.
        whole: those of `wanted` whose continuation lines are kept too, a newline before each.

    Yields:
        One dict a paragraph, keyed by the field's name in lower case; paragraphs without a wanted field are left out.
    """
    fields: dict[str, str] = {}
    current: list[str] | None = None
    continued: dict[str, list[str]] = {}
    for line in io.BytesIO(content):
        if line.isspace():
            if fields:
                yield _joined(fields, continued)
                fields, continued = {}, {}
            current = None
        elif line[0] in b" \t":
            if current is not None:
                current.append(line.strip().decode(errors="replace"))
        elif line[0] != _COMMENT:
            name, colon, value = line.partition(b":")
            name = name.lower()
            current = None
            if colon and name in wanted:
                fields[name.decode()] = value.strip().decode(errors="replace")
                if name in whole:
                    current = continued[name.decode()] = []
    if fields:
        yield _joined(fields, continued)


def headers(text: str, wanted: Collection[str]) -> dict[str, list[str]]:
    """Reads the headers before the first empty line; repeated ones in order, continuation lines joined by a newline.

    Args:
        text: a document, or its beginning.
        wanted: names in lower case; others are passed over.
    """
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in text.splitlines():
        if not line:
            break
        if line[0] in " \t":
            if current and len(current[-1]) < MAX_CONTINUED_CHARS:
                current[-1] += "\n" + line.strip()
            continue
        name, colon, value = line.partition(":")
        name = name.strip().lower()
        current = found.setdefault(name, []) if colon and name in wanted else None
        if current is not None and len(current) < MAX_VALUES:
            current.append(value.strip())
    return found


def _joined(fields: dict[str, str], continued: dict[str, list[str]]) -> dict[str, str]:
    for name, lines in continued.items():
        fields[name] = "\n".join([fields[name], *lines])
    return fields
