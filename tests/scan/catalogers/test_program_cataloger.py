# SPDX-License-Identifier: Apache-2.0
"""Programs that no package manager owns: every row of the table by a true and a false sample, and what lies around."""

import json
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from program_forms import elf, pe

from tidegate.inventory import Basis, Package, PackageKind, Version
from tidegate.scan.cataloger import ImageFile, PartialError
from tidegate.scan.catalogers.program import ProgramCataloger
from tidegate.scan.catalogers.program_row import ProgramRow, key_of
from tidegate.scan.catalogers.program_table import PROGRAMS, support_product_of

CATALOGER = ProgramCataloger()
IDS = [f"{row.name}-{index}" for index, row in enumerate(PROGRAMS)]


def recognised(path: str, text: bytes) -> set[tuple[str, str]]:
    facts = CATALOGER.catalog(ImageFile(path=path, content=elf({".rodata": b"\0" + text + b"\0"})))
    assert all(package.basis is Basis.RECOGNISED for package in facts.packages)
    return {(package.name, package.version) for package in facts.packages}


def file_of(row: ProgramRow) -> str:
    return f"opt/some/{min(row.names)}" if row.names else "opt/some/thing"


@pytest.mark.parametrize("row", PROGRAMS, ids=IDS)
def test_a_row_knows_what_is_its_own_and_leaves_what_is_not(row: ProgramRow) -> None:
    assert (row.name, row.sample_version) in recognised(file_of(row), row.sample)
    assert row.name not in {name for name, _ in recognised(file_of(row), row.counter_sample)}
    if row.names and not any(other.name == row.name and not other.names for other in PROGRAMS):
        assert row.name not in {name for name, _ in recognised("opt/some/where-else", row.sample)}


def test_the_table_is_large_and_its_keys_are_keys() -> None:
    assert len({row.name for row in PROGRAMS}) >= 80
    for row in PROGRAMS:
        for key in row.names:
            assert key_of(key) == key, f"{row.name}: a file never has the key {key!r}"
        assert all(mark.groups == 1 for mark in row.marks)


@pytest.mark.parametrize(
    ("base", "key"),
    [
        ("python3.11", "python"),
        ("Python.exe", "python"),
        ("libpython3.11.so.1.0", "libpython.so"),
        ("libpng16-4cc6a9fc.so.16.40.0", "libpng.so"),
        ("libcrypto.3.dylib", "libcrypto.so"),
        ("libssl-1_1-x64.dll", "libssl-1_1-x.so"),
        ("libc-2.31.so", "libc.so"),
        ("libc.so.6", "libc.so"),
        ("vmlinuz-6.1.0-18-amd64", "vmlinuz"),
        ("7z", "7z"),
        ("123", "123"),
    ],
)
def test_the_name_of_a_file_is_taken_without_its_numbers(base: str, key: str) -> None:
    assert key_of(base) == key


def test_a_program_that_was_only_built_with_a_library_does_not_have_it() -> None:
    headers_only = b"nginx version: nginx/1.22.1\0built with OpenSSL 3.0.22 25 Aug 2026\0"
    assert recognised("usr/sbin/nginx", headers_only) == {("nginx", "1.22.1")}


def test_all_that_is_linked_into_one_program_is_told() -> None:
    linked = b"OpenSSL 1.1.1k  25 Mar 2021\0OPENSSLDIR: /usr\0"
    linked += b" inflate 1.2.11 Copyright 1995-2017 Mark Adler \0expat_2.2.10\0"
    assert recognised("app/server", linked) == {("openssl", "1.1.1k"), ("zlib", "1.2.11"), ("expat", "2.2.10")}


def test_a_flood_of_marks_is_cut_off_and_gives_one_version() -> None:
    text = b"".join(b"expat_2.%d.%d\0" % (index // 90 % 90, index % 90) for index in range(5_000))
    assert recognised("app/server", text) == {("expat", "2.0.0")}


def test_deflate_speaks_for_zlib_before_inflate() -> None:
    text = b" inflate 1.2.13 Copyright 1995-2022 Mark Adler \0 deflate 1.3.1 Copyright 1995-2024 Jean-loup Gailly "
    assert recognised("app/server", text) == {("zlib", "1.3.1")}


@pytest.mark.parametrize("content", [elf({"UPX!": b""}), elf({".text": b"UPX!" * 4}), pe({"UPX0": b"x", "UPX1": b"x"})])
def test_a_packed_program_is_said_to_be_packed(content: bytes) -> None:
    with pytest.raises(PartialError, match="packed by UPX"):
        CATALOGER.catalog(ImageFile(path="app/server", content=content))


@pytest.mark.parametrize("big", [True, False])
def test_a_note_tells_the_package_a_program_was_built_for(*, big: bool) -> None:
    told = {"type": "rpm", "os": "fedora", "name": "systemd", "version": "249.7-2.fc35", "architecture": "x86_64"}
    facts = CATALOGER.catalog(ImageFile(path="usr/bin/x", content=elf({".note.package": note(told, big=big)}, big=big)))
    assert facts.packages == (
        Package(
            kind=PackageKind.RPM,
            name="systemd",
            version=Version("249.7-2.fc35"),
            architecture="x86_64",
            namespace="fedora",
            basis=Basis.RECOGNISED,
        ),
    )


@pytest.mark.parametrize("told", [{"type": "flatpak", "name": "a", "version": "1"}, {"type": "rpm"}, {"type": 1}, []])
def test_a_note_that_tells_of_no_package_is_passed_over(told: object) -> None:
    content = elf({".note.package": note(told, big=False)})
    assert CATALOGER.catalog(ImageFile(path="usr/bin/x", content=content)).packages == ()


def test_programs_with_support_dates_know_their_product() -> None:
    assert support_product_of("node") == "nodejs"
    assert support_product_of("zlib") == ""
    assert support_product_of("never heard of") == ""


def note(told: object, *, big: bool) -> bytes:
    text = json.dumps(told).encode() + b"\0"
    return struct.pack(f"{'>' if big else '<'}3I", 4, len(text), 0xCAFE1A7E) + b"FDO\0" + text


@pytest.mark.tools
@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("bash", ["bash", "--version"]),
        ("curl", ["curl", "--version"]),
        ("gcc", ["gcc", "--version"]),
        ("git", ["git", "--version"]),
        ("node", ["node", "--version"]),
        ("openssl", ["openssl", "version"]),
        ("perl", ["perl", "-v"]),
        ("wget", ["wget", "--version"]),
    ],
)
def test_a_real_program_says_the_same_when_it_is_asked(name: str, command: list[str]) -> None:
    program = shutil.which(command[0]) or pytest.skip(f"{name} is missing; install it")
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    path = Path(program).resolve()
    content = path.read_bytes()
    if not content.startswith(b"\x7fELF"):
        pytest.skip(f"{path} is a script around {name}")
    facts = CATALOGER.catalog(ImageFile(path=str(path).lstrip("/"), content=content))
    (version,) = [package.version for package in facts.packages if package.name == name]
    assert re.search(rf"(?<![\d.]){re.escape(version)}(?![\d])", said)


@pytest.mark.shared_data
def test_every_product_is_one_of_those_with_support_dates(shared_data: Path) -> None:
    known = json.loads((shared_data / "eol.json").read_text())["products"]
    assert [row.product for row in PROGRAMS if row.product and row.product not in known] == []
