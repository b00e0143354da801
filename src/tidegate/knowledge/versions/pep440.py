# SPDX-License-Identifier: Apache-2.0
"""The order of Python packages (PEP 440, now the version specifiers specification of PyPA).

Old releases carry versions from before PEP 440 (`0.9-ivysaur`). They keep the order setuptools gave them then: all of
them before every PEP 440 version, numbers and words compared part by part, words before numbers, `-` before a
pre-release word dropped, zeros before a word dropped.
"""

import re
from typing import TYPE_CHECKING, Final

from tidegate.inventory import Version
from tidegate.knowledge.versions.order import checked, number

if TYPE_CHECKING:
    from packaging.version import Version as ParsedVersion

_LEGACY, _STANDARD = b"\x00", b"\x01"
_END, _MORE = b"\x00", b"\x01"
_DEV_ONLY, _FINAL = b"\x00", b"\x04"
_PRE: Final = {"a": b"\x01", "b": b"\x02", "rc": b"\x03"}
_LOCAL_TEXT, _LOCAL_NUMBER = b"\x02", b"\x03"
_WORD, _NUMBER = b"\x01", b"\x02"
_DIGITS: Final = "0123456789"
_PIECE: Final = re.compile(r"[0-9]+|[a-z]+|\.|-|[^0-9a-z.-]+")
_PLAIN: Final = re.compile(r"[0-9]+(?:\.[0-9]+)*", re.ASCII)
_PLAIN_TAIL: Final = _FINAL + b"\x00" + b"\x01" + _END
_SPELLED: Final = {"pre": "c", "preview": "c", "rc": "c", "dev": "@", "-": "final-"}


class Pep440Order:
    """Orders versions as `packaging.version.Version` does."""

    name: Final = "pep440"

    def key(self, version: Version) -> bytes:
        """See `VersionOrder.key`."""
        text = checked(self.name, version)
        if _PLAIN.fullmatch(text):  # nine in ten, and ten times quicker
            return _STANDARD + number("") + _release(text.split(".")) + _PLAIN_TAIL
        from packaging.version import InvalidVersion
        from packaging.version import Version as ParsedVersion

        try:
            parsed = ParsedVersion(text)
        except InvalidVersion:
            return _LEGACY + _legacy(text.lower())
        return _STANDARD + _standard(parsed)


def _standard(version: "ParsedVersion") -> bytes:
    out = [number(str(version.epoch)), _release([str(part) for part in version.release])]
    if version.pre is not None:
        out += [_PRE[version.pre[0]], number(str(version.pre[1]))]
    else:
        out.append(_DEV_ONLY if version.post is None and version.dev is not None else _FINAL)
    out.append(b"\x00" if version.post is None else b"\x01" + number(str(version.post)))
    out.append(b"\x01" if version.dev is None else b"\x00" + number(str(version.dev)))
    for part in (version.local or "").split("."):
        if part:
            out.append(_LOCAL_NUMBER + number(part) if part.isdecimal() else _LOCAL_TEXT + part.encode() + b"\x00")
    out.append(_END)
    return b"".join(out)


def _release(parts: list[str]) -> bytes:
    numbers = [part.lstrip("0") for part in parts]
    while numbers and not numbers[-1]:
        numbers.pop()
    return b"".join(_MORE + number(part) for part in numbers) + _END


def _legacy(text: str) -> bytes:
    parts: list[str] = []
    for piece in [*_PIECE.findall(text), "final"]:
        word = _SPELLED.get(piece, piece)
        if word == ".":
            continue
        if word[0] not in _DIGITS:
            if word < "final":
                _drop(parts, "final-")
            _drop(parts, "")
            parts.append(word)
        else:
            parts.append(word.lstrip("0"))
    return b"".join(_legacy_part(part) for part in parts) + _END


def _drop(parts: list[str], tail: str) -> None:
    while parts and parts[-1] == tail:
        parts.pop()


def _legacy_part(part: str) -> bytes:
    if not part or part[0] in _DIGITS:
        return _NUMBER + number(part)
    return _WORD + part.encode("utf-8") + b"\x00"
