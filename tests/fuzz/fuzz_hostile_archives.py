# SPDX-License-Identifier: Apache-2.0
"""Archives and binaries made to do harm: bombs, archives in archives, overlapping members, slips, counts of everything."""
# ruff: noqa: E501 - tables of samples read best a kind a line

import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator

import zstandard

_DEEP = 100_000


def zips() -> Iterator[bytes]:
    """Bombs, archives in archives, slips."""
    yield from (b"", b"PK", b"PK\x05\x06" + b"\0" * 18, b"PK\x05\x06" + b"\xff" * 18, b"PK\x05\x06" * 20_000)
    bomb = _zip({"META-INF/MANIFEST.MF": b"\0" * (64 << 20)})
    yield bomb
    inner = bomb
    for number in range(10):
        inner = _zip({f"{number}.jar": inner, "META-INF/a.SF": b""})
        yield inner
    yield _zip(
        {"../../etc/passwd": b"x", "/abs": b"y", "a\\..\\b": b"z", "": b"w", "n" * 60_000: b"v", "\ud7ff\x01\n": b"u"}
    )
    yield _zip({f"META-INF/maven/g/{number}/pom.properties": b"version=1\n" for number in range(20_000)})
    yield _overlapping()
    yield bomb.replace(struct.pack("<L", 64 << 20), struct.pack("<L", 10))
    yield bomb[:-30] + b"\0" * 30
    yield _zip({"a": b"b"}).replace(b"PK\x01\x02", b"PK\x01\x03")


def _zip(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _overlapping() -> bytes:
    """Twenty thousand entries of the directory that all point at one member: a bomb without nesting."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(b"\0" * (1 << 20)) + packer.flush()
    crc, name = zlib.crc32(b"\0" * (1 << 20)), b"a.jar"
    local = (
        struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 8, 0, 0, crc, len(packed), 1 << 20, len(name), 0) + name + packed
    )
    entry = (
        struct.pack(
            "<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 8, 0, 0, crc, len(packed), 1 << 20, len(name), 0, 0, 0, 0, 0, 0
        )
        + name
    )
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 20_000, 20_000, len(entry) * 20_000, len(local), 0)
    return local + entry * 20_000 + end


def tars() -> Iterator[bytes]:
    """Headers that lie, links in circles, slips, sparse files without end."""
    yield from (b"", b"\0" * 512, b"\0" * 1024, b"\0" * (1 << 20), b"\xff" * 512, b"a" * 5_000)
    yield _tar([_info("p", tarfile.REGTYPE)], {"path": "a/" * 100_000})
    yield _tar([_info("p", tarfile.REGTYPE)], {f"k{number}": "v" for number in range(20_000)})
    yield _tar([_info("p", tarfile.REGTYPE)], {"comment": "x" * (3 << 20)})
    yield _tar([_info("p", tarfile.REGTYPE)], {"size": "9" * 5_000})
    yield _tar([_info("p", tarfile.REGTYPE)], {"GNU.sparse.map": "0,1," * 50_000 + "0,1", "GNU.sparse.size": "9" * 18})
    yield _tar(
        [_info("p", tarfile.REGTYPE)],
        {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "9" * 17},
    )
    yield _tar(
        [_info("a", tarfile.SYMTYPE, "b"), _info("b", tarfile.SYMTYPE, "a"), _info("a/c", tarfile.SYMTYPE, "../a/c")]
    )
    yield _tar([_info(f"l{number}", tarfile.SYMTYPE, f"l{number + 1}/" * 20) for number in range(200)])
    yield _tar(
        [
            _info("../../etc/passwd", tarfile.REGTYPE),
            _info("/abs", tarfile.REGTYPE),
            _info("a/../../b", tarfile.LNKTYPE, "../x"),
        ]
    )
    yield _tar([_info("d/" * 2_000 + "f", tarfile.REGTYPE)])
    yield _tar(
        [_info(".wh..wh..opq", tarfile.REGTYPE), _info(".wh.", tarfile.REGTYPE), _info("a/.wh..", tarfile.REGTYPE)]
    )
    whole = _tar([_info("a", tarfile.REGTYPE)])
    for size in (b"77777777777\0", b"\x80" + b"\xff" * 11, b"\xff" * 12, b"-0000000001\0", b"            "):
        yield _resummed(whole, size)
    yield whole[:512] * 2_000
    yield from gzips()


def _info(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def _tar(infos: list[tarfile.TarInfo], pax: dict[str, str] | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info in infos:
            info.pax_headers = pax or {}
            tar.addfile(info)
    return buffer.getvalue()


def _resummed(whole: bytes, size: bytes) -> bytes:
    head = whole[:124] + size + whole[136:148] + b" " * 8 + whole[156:512]
    return head[:148] + b"%06o\0 " % sum(head) + head[156:] + whole[512:]


def gzips() -> Iterator[bytes]:
    """Bombs, packed again and again; headers without end."""
    yield from (
        b"",
        b"\x1f\x8b",
        b"\x1f\x8b\x08\x00",
        b"\x1f\x8b\x08\x1c" + b"\xff" * 2_000,
        b"\x1f\x8b\x08" + b"\0" * 100,
    )
    bomb = gzip.compress(b"\0" * (64 << 20), mtime=0)
    yield bomb
    for _ in range(4):
        bomb = gzip.compress(bomb, mtime=0)
        yield bomb
    yield gzip.compress(b"", mtime=0) * 50_000
    yield gzip.compress(b"a" * 1_000, mtime=0)[:-4] + b"\0\0\0\0"
    yield b"\x1f\x8b\x08\x10\0\0\0\0\0\0" + b"n" * 500_000


def zstds() -> Iterator[bytes]:
    """Bombs, empty frames without end, windows."""
    yield from (
        b"",
        b"\x28\xb5\x2f\xfd",
        b"\x28\xb5\x2f\xfd" + b"\xff" * 100,
        b"\x50\x2a\x4d\x18\xff\xff\xff\xff",
        b"\x50\x2a\x4d\x18\0\0\0\0" * 50_000,
    )
    yield zstandard.compress(b"\0" * (128 << 20))
    yield zstandard.compress(b"") * 20_000
    window = zstandard.ZstdCompressionParameters(window_log=27, compression_level=1)
    yield zstandard.ZstdCompressor(compression_params=window).compressobj().compress(b"a" * (1 << 20))
    yield zstandard.compress(b"a" * 1_000)[:-3]


def binaries() -> Iterator[bytes]:
    """Programs and databases whose counts and offsets are all wrong."""
    elf = b"\x7fELF\x02\x01\x01" + b"\0" * 9
    yield from (
        elf,
        elf + b"\xff" * 200,
        elf + b"\0" * 200,
        b"MZ" + b"\xff" * 200,
        b"MZ" + b"\0" * 58 + b"\xff" * 4 + b"\0" * 200,
    )
    yield from (
        b"\xca\xfe\xba\xbe\xff\xff\xff\xff" + b"\0" * 400,
        b"\xcf\xfa\xed\xfe" + b"\xff" * 200,
        b"\xfe\xed\xfa\xce" + b"\0" * 200,
    )
    yield b"\xca\xfe\xba\xbe\0\0\0\x14" + struct.pack(">5L", 7, 0, 0, 400, 0) * 20
    yield elf + struct.pack("<HHLQQQLHHHHHH", 2, 62, 1, 0, 64, 64, 0, 64, 56, 0xFFFF, 64, 0xFFFF, 0) + b"\x01" * 4_000
    yield b"SQLite format 3\0" + b"\xff" * 84 + b"\0" * 4_000
    yield b"SQLite format 3\0\x10\0\x01\x01\0\x40\x20\x20" + b"\0" * 4_080
    yield b"\0" * 12 + struct.pack("<2L", 0x061561, 9) + b"\xff" * 500
    yield b"RpmP" + b"\0" * 4 + b"\xff" * 4_096
    yield b"\xfe\xed\xfe\xed\0\0\0\x02\xff\xff\xff\xff" + b"\0" * 100
    yield b"0\x84\xff\xff\xff\xff" * 500
    yield b"0\x80" * _DEEP
    yield b"\xc5\xff\xff\xff\xff\xff" * 500
    yield b"\xa7\r\r\n" + bytes(12) + b"(" * 50_000
    yield b"\xa7\r\r\n" + bytes(12) + b"(\xff\xff\xff\x7f" * 500
    yield b"\xff go buildinf:" + b"\x08\x02" + b"\xff" * 200
    yield b"\x91" * _DEEP
    yield b"\xdd\xff\xff\xff\xff"
