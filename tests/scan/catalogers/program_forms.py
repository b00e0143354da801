# SPDX-License-Identifier: Apache-2.0
"""Small programs, made for tests: only headers and the sections that are asked for, in every form that is read."""

import struct

BASE = 0x40_0000


def elf(sections: dict[str, bytes], *, wide: bool = True, big: bool = False, stripped: bool = False) -> bytes:
    """An ELF file whose sections lie one after the other, mapped at `BASE` plus their offset and writable."""
    order, word = ">" if big else "<", "Q" if wide else "I"
    header_bytes, segment_bytes, section_bytes = (64, 56, 64) if wide else (52, 32, 40)
    names = b"\0" + b"".join(name.encode() + b"\0" for name in [*sections, ".shstrtab"])
    body, places = bytearray(), {}
    at = header_bytes + segment_bytes
    for name, data in [*sections.items(), (".shstrtab", names)]:
        body += bytes(-(at + len(body)) % 16)
        places[name] = (at + len(body), len(data))
        body += data
    size = at + len(body)
    row = struct.Struct(f"{order}II{word}{word}{word}{word}II{word}{word}")
    table = bytes(section_bytes)
    for name, (offset, length) in places.items():
        table += row.pack(
            names.index(b"\0" + name.encode() + b"\0") + 1, 1, 0, BASE + offset, offset, length, 0, 0, 1, 0
        )
    if wide:
        segment = struct.pack(f"{order}IIQQQQQQ", 1, 6, 0, BASE, BASE, size, size, 4096)
    else:
        segment = struct.pack(f"{order}IIIIIIII", 1, 0, BASE, BASE, size, size, 6, 4096)
    count = 0 if stripped else len(places) + 1
    header = b"\x7fELF" + bytes([2 if wide else 1, 2 if big else 1, 1]) + bytes(9)
    header += struct.pack(
        f"{order}HHI{word}{word}{word}IHHHHHH",
        *(2, 62, 1, BASE, header_bytes, 0 if stripped else size, 0),
        *(header_bytes, segment_bytes, 1, section_bytes, count, max(0, count - 1)),
    )
    return header + segment + bytes(body) + (b"" if stripped else table)


def pe(sections: dict[str, bytes], *, wide: bool = True) -> bytes:
    """A PE file with writable sections."""
    optional = struct.pack("<H22xQ", 0x20B, BASE) if wide else struct.pack("<H26xI", 0x10B, BASE)
    start = 0x80 + 24 + len(optional) + 40 * len(sections)
    head = b"MZ" + bytes(0x3A) + struct.pack("<I", 0x80) + bytes(0x40)
    head += b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, len(sections), 0, 0, 0, len(optional), 2) + optional
    body = b""
    for name, data in sections.items():
        at = start + len(body)
        head += struct.pack("<8sIIIIIIHHI", name.encode(), len(data), at, len(data), at, 0, 0, 0, 0, 0xC000_0040)
        body += data
    return head + body


def macho(sections: dict[str, bytes], *, wide: bool = True, big: bool = False) -> bytes:
    """A Mach-O file for one processor: one writable segment with all sections."""
    order, word = ">" if big else "<", "Q" if wide else "I"
    row_bytes, segment_bytes, header_bytes = (80, 72, 32) if wide else (68, 56, 28)
    start = header_bytes + segment_bytes + row_bytes * len(sections)
    rows, body = b"", b""
    for name, data in sections.items():
        at = start + len(body)
        tail = bytes(28 if wide else 24)
        rows += struct.pack(f"{order}16s16s2{word}I", name.encode(), b"__DATA", BASE + at, len(data), at) + tail
        body += data
    command, size = 0x19 if wide else 1, segment_bytes + len(rows)
    end = start + len(body)
    segment = struct.pack(
        f"{order}II16s4{word}2i2I", command, size, b"__DATA", BASE, end, 0, end, 3, 3, len(sections), 0
    )
    magic = 0xFEED_FACF if wide else 0xFEED_FACE
    header = struct.pack(f"{order}I2i4I", magic, 7, 3, 2, 1, size, 0) + (bytes(4) if wide else b"")
    return header + segment + rows + body


def universal(*programs: bytes) -> bytes:
    """A universal Mach-O of several programs."""
    head, body = struct.pack(">II", 0xCAFE_BABE, len(programs)), b""
    start = len(head) + 20 * len(programs)
    for program in programs:
        head += struct.pack(">5I", 7, 3, start + len(body), len(program), 0)
        body += program
    return head + body


def go_text(*lines: str) -> bytes:
    """The text of Go's build information in its frame."""
    return bytes(16) + "".join(f"{line}\n" for line in lines).encode() + bytes(16)


def go_in_line(version: str, text: bytes) -> bytes:
    """Go's build information as it is written since 1.18."""
    strings = b"".join(_varint(len(data)) + data for data in (version.encode(), text))
    return b"\xff Go buildinf:\x08\x02" + bytes(16) + strings


def go_pointed(version: str, text: bytes, *, address: int, wide: bool = True, big: bool = False) -> bytes:
    """Go's build information as it was written before 1.18, all of it in one section mapped at `address`."""
    word, order = (8, ">Q" if big else "<Q") if wide else (4, ">I" if big else "<I")
    at = address + 32 + 4 * word
    number = struct.Struct(order).pack
    headers = number(at) + number(len(version)) + number(at + len(version)) + number(len(text))
    pointers = number(address + 32) + number(address + 32 + 2 * word)
    start = b"\xff Go buildinf:" + bytes([word, int(big)]) + pointers
    return start.ljust(32, b"\0") + headers + version.encode() + text


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])
