# SPDX-License-Identifier: Apache-2.0
"""Sections and segments of programs: as readelf tells them, and never more trouble than the named errors."""

import re
import shutil
import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from program_forms import BASE, elf, macho, pe, universal

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.scan.executables import Executable, Segment, executables_of
from tidegate.scan.executables.executable import MAX_SECTION_BYTES, MAX_SECTIONS, read_at

NAMES = (b".text", b".data", b"__text", b".go.buildinfo", b".shstrtab", b"missing")
SECTIONS = {".text": b"code", ".data": b"data" * 9}
FORMS = {
    "elf64": elf(SECTIONS),
    "elf32-big": elf(SECTIONS, wide=False, big=True),
    "pe": pe(SECTIONS),
    "pe32": pe(SECTIONS, wide=False),
    "macho": macho(SECTIONS),
    "macho32-big": macho(SECTIONS, wide=False, big=True),
    "universal": universal(macho(SECTIONS), macho(SECTIONS, wide=False)),
}


def opened(content: bytes) -> Executable:
    return next(executables_of(content, "bin/x"))


@pytest.mark.parametrize("form", FORMS)
def test_sections_are_found_by_name_and_memory_by_address(form: str) -> None:
    for program in executables_of(FORMS[form], "bin/x"):
        assert program.section(b".data") == b"data" * 9
        assert program.section(b".dat") is None
        assert program.has_sections
        assert all(segment.is_writable for segment in program.segments())
        at = bytes(program.content).index(b"data" * 9)
        assert read_at(program.segments(), program.content, BASE + at, 8) == b"datadata"
        assert read_at(program.segments(), program.content, 1, 8) == b""


def test_a_universal_program_is_one_for_each_processor() -> None:
    assert [program.word_bytes for program in executables_of(FORMS["universal"], "bin/x")] == [8, 4]


@pytest.mark.parametrize(
    "content", [b"", b"#!/bin/sh\n", b"MZ", b"MZ" + bytes(100), b"\xca\xfe\xba\xbe\0\0\0\x41" + bytes(9)]
)
def test_what_only_begins_like_a_program_is_none(content: bytes) -> None:
    assert list(executables_of(content, "bin/x")) == []


def test_a_section_that_takes_no_place_in_the_file_is_empty() -> None:
    content = bytearray(elf({".bss": b"1234"}))
    at = struct.unpack_from("<Q", content, 0x28)[0] + 64
    struct.pack_into("<I", content, at + 4, 8)
    assert opened(bytes(content)).section(b".bss") == b""


def test_more_sections_than_the_header_can_count_are_counted_in_the_first_one() -> None:
    content = bytearray(elf(SECTIONS))
    table, count, names = struct.unpack_from("<Q", content, 0x28)[0], *struct.unpack_from("<HH", content, 0x3C)
    struct.pack_into("<HH", content, 0x3C, 0, 0xFFFF)
    struct.pack_into("<QI", content, table + 32, count, names)
    assert opened(bytes(content)).section(b".text") == b"code"
    struct.pack_into("<Q", content, table + 32, MAX_SECTIONS + 1)
    with pytest.raises(BoundExceededError, match="MAX_SECTIONS"):
        opened(bytes(content)).section(b".text")


@pytest.mark.parametrize(("size", "error"), [(MAX_SECTION_BYTES + 1, BoundExceededError), (5_000, InvalidInputError)])
def test_a_section_larger_than_its_file_is_refused(size: int, error: type[InvalidInputError]) -> None:
    content = bytearray(elf(SECTIONS))
    struct.pack_into("<Q", content, struct.unpack_from("<Q", content, 0x28)[0] + 64 + 32, size)
    with pytest.raises(error):
        opened(bytes(content)).section(b".text")


def test_load_commands_that_claim_the_same_rows_over_and_over_are_bounded() -> None:
    rows = bytes(80 * 60_000)
    segment = struct.pack("<II16s4Q2i2I", 0x19, 72, b"", 0, 0, 0, 0, 3, 3, 60_000, 0)
    header = struct.pack("<I2i4I4x", 0xFEED_FACF, 7, 3, 2, 2, 144, 0)
    with pytest.raises(BoundExceededError, match="MAX_SECTIONS"):
        opened(header + segment + segment + rows)


@pytest.mark.property
@settings(max_examples=400, deadline=None)
@given(
    form=st.sampled_from(sorted(FORMS)),
    words=st.lists(
        st.tuples(st.integers(0, 300), st.sampled_from([0, 1, 8, 0xFF, 0xFFFF, 0x7FFFFFFF, 2**64 - 1])), max_size=4
    ),
    cut=st.integers(0, 400),
)
def test_whatever_the_headers_say_only_the_named_errors_come(form: str, words: list[tuple[int, int]], cut: int) -> None:
    content = bytearray(FORMS[form])
    for at, value in words:
        width = 8 if value > 0xFFFF_FFFF else 4 if value > 0xFFFF else 2
        if at + width <= len(content):
            content[at : at + width] = value.to_bytes(width, "little")
    with suppress(InvalidInputError):
        ask_everything(bytes(content[: len(content) - cut]))


def ask_everything(content: bytes) -> None:
    for program in executables_of(content, "bin/x"):
        for name in NAMES:
            program.section(name)
        for segment in program.segments():
            read_at([segment], program.content, segment.address, 16)


@pytest.mark.tools
def test_sections_and_segments_are_those_that_readelf_tells() -> None:
    readelf = shutil.which("readelf") or pytest.skip("readelf is missing; install binutils")
    path = Path(sys.executable).resolve()
    content = path.read_bytes()
    said = subprocess.run([readelf, "-SlW", path], capture_output=True, text=True, check=True).stdout
    program = opened(content)
    rows = re.findall(r"\[ *\d+\] (\.\S+) +(\w+) +[0-9a-f]+ ([0-9a-f]+) ([0-9a-f]+) ", said)
    assert len(rows) > 10
    for name, kind, offset, size in rows:
        start = int(offset, 16)
        expected = b"" if kind == "NOBITS" else content[start : start + int(size, 16)]
        assert program.section(name.encode()) == expected
    loads = re.findall(r"LOAD +0x([0-9a-f]+) 0x([0-9a-f]+) 0x[0-9a-f]+ 0x([0-9a-f]+) 0x[0-9a-f]+ (...)", said)
    assert program.segments() == [
        Segment(int(address, 16), int(offset, 16), int(size, 16), "W" in flags)
        for offset, address, size, flags in loads
    ]
