# SPDX-License-Identifier: Apache-2.0
"""Zips of advisories: what zipfile writes is read, broken entries are told, bombs meet a bound."""

import io
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.knowledge.archive import Entry, check_zip, read_zip
from tidegate.knowledge.limits import KnowledgeLimits

LIMITS = KnowledgeLimits()


def packed(content: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytearray:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in content.items():
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=method)
    return bytearray(buffer.getvalue())


def read(tmp_path: Path, data: bytes | bytearray, limits: KnowledgeLimits = LIMITS) -> list[Entry]:
    path = tmp_path / "all.zip"
    path.write_bytes(data)
    return list(read_zip(path, limits))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_entries_come_whole_and_in_order(tmp_path: Path, method: int) -> None:
    content = {"B.json": b'{"id":"B"}' * 1000, "A.json": b"", "ü:1.json": b"x"}
    assert read(tmp_path, packed(content, method)) == [Entry(name, data) for name, data in content.items()]


def test_a_streamed_zip_is_read(tmp_path: Path) -> None:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            taken = bytes(data)  # type: ignore[call-overload]  # zipfile hands over bytes
            self.data += taken
            return len(taken)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("A.json", b"a" * 5000)
    assert read(tmp_path, pipe.data) == [Entry("A.json", b"a" * 5000)]


def test_a_zip64_directory_is_read(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive,
        archive.open("A.json", "w", force_zip64=True) as file,
    ):
        file.write(b"a" * 10)
    data = bytearray(buffer.getvalue())
    end = data.rindex(b"PK\x05\x06")
    count, length, offset = struct.unpack_from("<HLL", data, end + 10)
    wide = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, length, offset)
    place = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    struct.pack_into("<HHLL", data, end + 8, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
    data[end:end] = wide + place
    assert read(tmp_path, data) == [Entry("A.json", b"a" * 10)]


def test_broken_entries_are_told_and_the_others_read(tmp_path: Path) -> None:
    data = packed({"A.json": b"aaaa", "B.json": b"bbbb", "C.json": b"cccc"}, zipfile.ZIP_STORED)
    data[data.index(b"bbbb")] = 0x58
    entries = read(tmp_path, data)
    assert [entry.why for entry in entries] == ["", "checksum mismatch", ""]
    assert entries[2].data == b"cccc"


@pytest.mark.parametrize(
    "name", ["../A.json", "/etc/A.json", "a/A.json", "a\\A.json", "A.txt", "\x1b[2J.json", "A\u202e.json"]
)
def test_strange_names_are_told_in_printable_form(tmp_path: Path, name: str) -> None:
    (entry,) = read(tmp_path, packed({name: b"{}"}))
    assert entry.why == "not a plain <ID>.json"
    assert entry.name.isprintable()


def patched(data: bytearray, at: int, form: str, value: int) -> bytearray:
    struct.pack_into(form, data, data.index(b"PK\x01\x02") + at, value)
    return data


@pytest.mark.parametrize("size", [3, 5, 4000])
def test_a_lying_size_is_told(tmp_path: Path, size: int) -> None:
    (entry,) = read(tmp_path, patched(packed({"A.json": b"aaaa"}), 24, "<L", size))
    assert entry.why == "not of the size its directory says"


@pytest.mark.parametrize(("at", "form", "value"), [(8, "<H", 1), (10, "<H", 99)])
def test_encrypted_and_oddly_packed_entries_are_told(tmp_path: Path, at: int, form: str, value: int) -> None:
    (entry,) = read(tmp_path, patched(packed({"A.json": b"aaaa"}), at, form, value))
    assert "unknown method" in entry.why


def test_a_directory_that_points_nowhere_is_told(tmp_path: Path) -> None:
    (entry,) = read(tmp_path, patched(packed({"A.json": b"aaaa"}), 42, "<L", 7))
    assert entry.why == "no entry where the directory points"


def test_bounds_are_named(tmp_path: Path) -> None:
    two = packed({"A.json": b"a" * 100, "B.json": b"b" * 100})
    for limits, name in [
        (KnowledgeLimits(max_zip_bytes=50), "max_zip_bytes = 50"),
        (KnowledgeLimits(max_zip_entries=1), "max_zip_entries = 1"),
        (KnowledgeLimits(max_zip_directory_bytes=60), "max_zip_directory_bytes = 60"),
        (KnowledgeLimits(max_entry_bytes=99), "max_entry_bytes = 99"),
        (KnowledgeLimits(max_zip_total_bytes=199), "max_zip_total_bytes = 199"),
    ]:
        with pytest.raises(BoundExceededError, match=name):
            read(tmp_path, two, limits)


def test_a_bomb_is_not_inflated(tmp_path: Path) -> None:
    with pytest.raises(BoundExceededError, match="max_entry_ratio = 200"):
        read(tmp_path, packed({"A.json": bytes(8 << 20)}))


def test_entries_over_each_other_are_refused(tmp_path: Path) -> None:
    data = packed({f"{number}.json": bytes(range(256)) * 4 for number in range(3)}, zipfile.ZIP_STORED)
    at = 0
    while (at := data.find(b"PK\x01\x02", at)) >= 0:
        struct.pack_into("<LL", data, at + 20, 3000, 3000)
        struct.pack_into("<L", data, at + 42, 0)
        at += 4
    with pytest.raises(InvalidInputError, match="over each other"):
        read(tmp_path, data)


def test_a_count_that_lies_is_refused(tmp_path: Path) -> None:
    data = packed({"A.json": b"{}"})
    struct.pack_into("<H", data, data.rindex(b"PK\x05\x06") + 10, 2)
    with pytest.raises(InvalidInputError, match="1 entries where its end says 2"):
        read(tmp_path, data)


@pytest.mark.parametrize("keep", [0, 10, 21, 60, 100])
def test_what_is_no_zip_is_refused(tmp_path: Path, keep: int) -> None:
    with pytest.raises(InvalidInputError, match="zip"):
        read(tmp_path, packed({"A.json": b"{}" * 30})[:keep])


@pytest.mark.property
@given(st.data())
def test_no_damage_escapes(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("zip", numbered=True) / "all.zip"
    whole = packed({"A.json": b'{"id":"A"}' * 5, "B.json": b"b" * 40})
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(whole)
    try:
        check_zip(path, LIMITS)
        for entry in read_zip(path, LIMITS):
            assert entry.why or len(entry.data) <= 50
    except InvalidInputError:
        pass
