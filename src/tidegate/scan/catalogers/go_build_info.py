# SPDX-License-Identifier: Apache-2.0
"""Go's build information inside a program (Go's `debug/buildinfo`): where it lies, and what its text says.

Since Go 1.18 both strings stand in line, each after its length; before, two pointers lead to Go's own string headers.
The text is the one of `runtime/debug.BuildInfo`: a line each for the main package, its module, every module linked
in, what replaced it, and every setting of the build.
"""

import re
from collections.abc import Iterator
from typing import Final

from tidegate.bounds import MIB
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.scan.executables import Executable
from tidegate.scan.executables.executable import read_at
from tidegate.values import Struct, field

MAX_TEXT_BYTES: Final = 16 * MIB
"""Bytes of either string; the largest programs have some 300 KB."""

_MAGIC: Final = b"\xff Go buildinf:"
_ALIGNED: Final = 16
_HEADER_BYTES: Final = 32
_IN_LINE: Final = 2
_BIG_ENDIAN: Final = 1
_SENTINEL_BYTES: Final = 16
_WORDS: Final = (4, 8)
_MAX_MAGICS: Final = 100
_SECTIONS: Final = (b".go.buildinfo", b"__go_buildinfo")
_MODULE_PARTS: Final = 2
_ESCAPE: Final = re.compile(r"\\(.)")
_ESCAPED: Final = {"n": "\n", "r": "\r", "t": "\t"}


class GoModule(Struct, frozen=True):
    """A module as a line of the text tells it; `checksum` is `h1:…` or ""."""

    path: str
    version: str
    checksum: str = ""


class GoBuildInfo(Struct, frozen=True, kw_only=True):
    """What a Go program says of its making.

    Attributes:
        go_version: of the toolchain, as it writes itself: `go1.22.3`, `go1.20.4 X:boringcrypto`.
        path: of the main package; "" when unknown.
        main: the main module; None when it was built outside of one.
        modules: each module linked in, and what replaced it (None when nothing did).
        settings: flags and version control, as `-ldflags`, `vcs.revision`.
    """

    go_version: str
    path: str = ""
    main: GoModule | None = None
    modules: tuple[tuple[GoModule, GoModule | None], ...] = ()
    settings: dict[str, str] = field(default_factory=dict)


def go_build_info(program: Executable, where: str) -> GoBuildInfo | None:
    """Reads the build information of a program; None when it was not made by Go.

    Raises:
        InvalidInputError: it has some, which is broken or over `MAX_TEXT_BYTES`.
    """
    for data in _places(program):
        at = _found(data)
        if at is not None:
            version, text = _strings(program, data[at:], where)
            if not version:
                return None  # the linker leaves an empty one in programs that are only partly Go's
            return _parsed(version.decode(errors="replace"), text.decode(errors="replace"))
    return None


def _places(program: Executable) -> Iterator[bytes]:
    """The section made for it; else the data of programs whose linker or stripping left no such section."""
    for name in _SECTIONS:
        data = program.section(name)
        if data:
            yield data
            return
    if not program.has_sections:
        for segment in program.segments():
            if segment.is_writable:
                yield bytes(program.content[segment.offset : segment.offset + segment.size])
        return
    data = program.section(b".data") if bytes(program.content[:2]) == b"MZ" else None
    if data:
        yield data


def _found(data: bytes) -> int | None:
    at = -1
    for _ in range(_MAX_MAGICS):
        at = data.find(_MAGIC, at + 1)
        if at < 0 or len(data) - at < _HEADER_BYTES:
            return None
        if at % _ALIGNED == 0:
            return at
    return None


def _strings(program: Executable, data: bytes, where: str) -> tuple[bytes, bytes]:
    """The toolchain's version and the text, out of its frame of two times sixteen bytes."""
    word, flags = data[14], data[15]
    if flags & _IN_LINE:
        version, end = _in_line(data, _HEADER_BYTES, where)
        text, _ = _in_line(data, end, where)
    elif word in _WORDS:
        order = "big" if flags & _BIG_ENDIAN else "little"
        first, second = (_number(data[at : at + word], order) for at in (16, 16 + word))
        version = _pointed(program, first, word, order, where)
        text = _pointed(program, second, word, order, where)
    else:
        raise InvalidInputError("Go's build information has pointers of an unknown size", where=where)
    if len(text) > 2 * _SENTINEL_BYTES and text[-_SENTINEL_BYTES - 1 : -_SENTINEL_BYTES] == b"\n":
        return version, text[_SENTINEL_BYTES:-_SENTINEL_BYTES]
    return version, b""


def _in_line(data: bytes, at: int, where: str) -> tuple[bytes, int]:
    """A string after its length as an unsigned varint, and where it ends."""
    size = shift = 0
    while True:
        if at >= len(data) or shift > 28:  # noqa: PLR2004 - 35 bits are more than any bound
            raise InvalidInputError("Go's build information is cut off", where=where)
        size |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:  # noqa: PLR2004 - the last byte of a varint has its highest bit clear
            break
    _check_size(size, where)
    if at + size > len(data):
        raise InvalidInputError("Go's build information is cut off", where=where)
    return data[at : at + size], at + size


def _pointed(program: Executable, address: int, word: int, order: str, where: str) -> bytes:
    """A Go string: at `address` lies a pointer to its bytes, then their number."""
    if not address:
        return b""
    segments = program.segments()
    header = read_at(segments, program.content, address, 2 * word)
    if len(header) < 2 * word:
        raise InvalidInputError("Go's build information points outside of the program", where=where)
    start, size = _number(header[:word], order), _number(header[word:], order)
    _check_size(size, where)
    text = read_at(segments, program.content, start, size)
    if len(text) < size:
        raise InvalidInputError("Go's build information points outside of the program", where=where)
    return text


def _number(data: bytes, order: str) -> int:
    return int.from_bytes(data, "big" if order == "big" else "little")


def _check_size(size: int, where: str) -> None:
    if size > MAX_TEXT_BYTES:
        raise BoundExceededError("MAX_TEXT_BYTES", MAX_TEXT_BYTES, where=where)


def _parsed(version: str, text: str) -> GoBuildInfo:
    path, main = "", None
    modules: list[tuple[GoModule, GoModule | None]] = []
    settings: dict[str, str] = {}
    for line in text.split("\n"):
        kind, _, rest = line.partition("\t")
        if kind == "path":
            path = rest
        elif kind == "mod":
            main = _module(rest)
        elif kind == "dep" and (module := _module(rest)):
            modules.append((module, None))
        elif kind == "=>" and modules:
            modules[-1] = (modules[-1][0], _module(rest))
        elif kind == "build":
            key, value = _setting(rest)
            settings[key] = value
    return GoBuildInfo(go_version=version, path=path, main=main, modules=tuple(modules), settings=settings)


def _module(rest: str) -> GoModule | None:
    parts = rest.split("\t")
    if not parts[0]:
        return None
    version, checksum = [*parts[1:3], "", ""][:_MODULE_PARTS]
    return GoModule(parts[0], version, checksum)


def _setting(rest: str) -> tuple[str, str]:
    """`key=value`, either of them in Go's quotes when it has more than plain characters."""
    if rest.startswith('"'):
        key, _, value = rest[1:].partition('"=')
    else:
        key, _, value = rest.partition("=")
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), value[1:-1])
    elif len(value) > 1 and value[0] == value[-1] == "`":
        value = value[1:-1]
    return key, value
