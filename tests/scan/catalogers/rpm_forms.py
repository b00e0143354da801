# SPDX-License-Identifier: Apache-2.0
"""The forms of rpm's database, written anew around package headers that rpm itself made."""

import sqlite3
import struct
import subprocess
import zlib
from contextlib import closing
from pathlib import Path

PAGE, BLOCK = 4096, 16


def rpm_header(tags: dict[int, str | int | list[str] | list[int]]) -> bytes:
    """A header as rpm keeps it, for tests that need a defect in it."""
    index, data = b"", b""
    for tag, value in tags.items():
        if isinstance(value, str):
            kind, count, packed = 6, 1, value.encode() + b"\0"
        elif isinstance(value, int) or (value and isinstance(value[0], int)):
            numbers = [value] if isinstance(value, int) else value
            data += bytes(-len(data) % 4)
            kind, count, packed = 4, len(numbers), struct.pack(f">{len(numbers)}I", *numbers)
        else:
            kind, count, packed = 8, len(value), b"".join(str(text).encode() + b"\0" for text in value)
        index += struct.pack(">IIII", tag, kind, len(data), count)
        data += packed
    return struct.pack(">II", len(tags), len(data)) + index + data


def headers_of(database: Path) -> list[bytes]:
    """The headers in a database that rpm wrote as SQLite."""
    with closing(sqlite3.connect(database)) as connection:
        return [row[0] for row in connection.execute("SELECT blob FROM Packages ORDER BY hnum")]


def as_sqlite(folder: Path, headers: list[bytes]) -> bytes:
    path = folder / "made.sqlite"
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL)")
        connection.executemany("INSERT INTO Packages (blob) VALUES (?)", [(header,) for header in headers])
    return path.read_bytes()


def as_ndb(headers: list[bytes]) -> bytes:
    """As rpm's `rpmpkg.c` lays it out, with an empty slot between the others."""
    pages = 1 + (2 * len(headers) + 2) // (PAGE // BLOCK)
    slots, blobs = b"", b""
    for number, header in enumerate(headers, start=1):
        blocks = (16 + len(header) + 12 + BLOCK - 1) // BLOCK
        offset = (pages * PAGE + len(blobs)) // BLOCK
        body = struct.pack("<4sIII", b"BlbS", number, 0, len(header)) + header
        body += bytes(blocks * BLOCK - len(body) - 12)
        blobs += body + struct.pack("<II4s", zlib.adler32(body), len(header), b"BlbE")
        slots += struct.pack("<4sIII", b"Slot", number, offset, blocks) + struct.pack("<4sIII", b"Slot", 0, 0, 0)
    empty = (pages * PAGE - 32 - len(slots)) // BLOCK
    head = struct.pack("<4sIIII12x", b"RpmP", 0, 1, pages, len(headers) + 1)
    return head + slots + struct.pack("<4sIII", b"Slot", 0, 0, 0) * empty + blobs


def as_berkeley_db(folder: Path, headers: list[bytes], *, order: str = "little", page_bytes: int = 4096) -> bytes:
    """Written by Berkeley DB itself (`db_load`), rpm's counter under the key 0 included."""
    lines = ["VERSION=3", "format=bytevalue", "type=hash", f"db_pagesize={page_bytes}"]
    lines += [f"db_lorder={1234 if order == 'little' else 4321}", "HEADER=END"]
    count = len(headers).to_bytes(4, order)  # type: ignore[arg-type]  # "little" or "big"
    for number, value in enumerate([count, *headers]):
        lines += [f" {number.to_bytes(4, order).hex()}", f" {value.hex()}"]  # type: ignore[arg-type]  # as above
    path = folder / "Packages"
    path.unlink(missing_ok=True)
    text = "\n".join([*lines, "DATA=END", ""])
    subprocess.run(["db_load", str(path)], input=text, text=True, check=True, capture_output=True)
    return path.read_bytes()
