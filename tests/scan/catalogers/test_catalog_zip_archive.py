# SPDX-License-Identifier: Apache-2.0
"""The reader of zip archives against Python's own writer, and against archives nobody's writer makes."""

import io
import struct
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from installed_samples import zipped

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.scan.catalogers.installed.zip_archive import ZipArchive

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30)
SIZE_IN_ENTRY = 24


def contents(archive: bytes) -> dict[str, bytes]:
    reader = ZipArchive(archive, where="a.zip")
    found = {
        member.name: bytes(reader.read(member, max_bytes=1 << 20)) for member in reader.members(lambda _name: True)
    }
    assert reader.defect == ""
    return found


@pytest.mark.property
@given(st.dictionaries(NAMES, st.binary(max_size=300), max_size=8), st.booleans(), st.binary(max_size=40))
@settings(deadline=None)
def test_reads_what_was_written_also_behind_a_script(members: dict[str, bytes], packed: bool, script: bytes) -> None:
    assert contents(zipped(members, packed=packed)) == members
    assert contents(b"#!/bin/sh\n" + script + zipped(members, packed=packed)) == members


def test_streamed_archives_have_their_sizes_behind_the_data() -> None:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.whole = b""

        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            piece = bytes(data)  # type: ignore[call-overload]  # the protocol's own wide type
            self.whole += piece
            return len(piece)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", b"abc" * 100)
    assert contents(pipe.whole) == {"a": b"abc" * 100}


def test_zip64_is_read() -> None:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive, archive.open("a", "w", force_zip64=True) as member:
        member.write(b"abc")
    content = bytearray(whole.getvalue())
    assert contents(bytes(content)) == {"a": b"abc"}
    # The same with sizes and offsets only in the wide records.
    end = content.rfind(b"PK\x05\x06")
    entries, _, _, size, offset = (
        struct.unpack_from("<HHLLH", content, end + 8)[0],
        0,
        0,
        *(struct.unpack_from("<LL", content, end + 12)),
    )
    wide = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, entries, entries, size, offset)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    assert contents(bytes(content[:end]) + wide + locator + tail) == {"a": b"abc"}


def test_encrypted_damaged_and_unknown_members_are_refused_one_by_one() -> None:
    sound = zipped({"a": b"abc", "b": b"abc"}, packed=False)
    entry = sound.find(b"PK\x01\x02")
    for place, value, reason in ((8, b"\1", "encrypted"), (10, b"\x0c", "method 12"), (16, b"0000", "CRC-32")):
        broken = bytearray(sound)
        broken[entry + place : entry + place + len(value)] = value
        reader = ZipArchive(bytes(broken), where="x.zip")
        first, second = reader.members(lambda _name: True)
        with pytest.raises(InvalidInputError, match=reason):
            reader.read(first, max_bytes=100)
        assert bytes(reader.read(second, max_bytes=100)) == b"abc"


def test_a_bomb_is_no_larger_than_its_directory_says() -> None:
    sound = zipped({"a": bytes(1 << 20)})
    reader = ZipArchive(sound, where="x.zip")
    (member,) = reader.members(lambda _name: True)
    with pytest.raises(BoundExceededError, match="max_bytes"):
        reader.read(member, max_bytes=1000)
    lying = bytearray(sound)
    entry = sound.find(b"PK\x01\x02")
    struct.pack_into("<L", lying, entry + SIZE_IN_ENTRY, 1000)
    reader = ZipArchive(bytes(lying), where="x.zip")
    (member,) = reader.members(lambda _name: True)
    with pytest.raises(InvalidInputError, match="size"):
        reader.read(member, max_bytes=1000)


def test_a_directory_that_breaks_off_gives_what_came_before() -> None:
    content = bytearray(zipped({"a": b"1", "b": b"2"}))
    second = content.rfind(b"PK\x01\x02")
    content[second : second + 4] = b"XXXX"
    reader = ZipArchive(bytes(content), where="x.zip")
    assert [member.name for member in reader.members(lambda _name: True)] == ["a"]
    assert "no entry" in reader.defect


@pytest.mark.property
@given(st.lists(st.tuples(st.integers(0, 399), st.integers(0, 255)), max_size=12), st.integers(0, 400))
@settings(deadline=None, max_examples=400)
def test_nothing_but_named_errors_comes_out(changes: list[tuple[int, int]], cut: int) -> None:
    content = bytearray(zipped({"a/b.txt": b"abc" * 20, "c": b"d", "e" * 20: zlib.compress(b"x")}))
    for place, value in changes:
        content[place % len(content)] = value
    try:
        reader = ZipArchive(bytes(content[: len(content) - cut % 60]), where="x.zip")
        for member in reader.members(lambda _name: True):
            assert len(reader.read(member, max_bytes=1000)) <= 1000
    except InvalidInputError:
        pass
