# SPDX-License-Identifier: Apache-2.0
"""The tar walk sees what tarfile and GNU tar wrote, in every format, wherever chunks end."""

import io
import random
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from engine_parts import walked
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.scan.entry import EntryKind, path_bytes, path_text

FORMATS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
KINDS = {
    tarfile.REGTYPE: EntryKind.FILE,
    tarfile.DIRTYPE: EntryKind.FOLDER,
    tarfile.SYMTYPE: EntryKind.SYMBOLIC_LINK,
    tarfile.LNKTYPE: EntryKind.HARD_LINK,
    tarfile.FIFOTYPE: EntryKind.OTHER,
    tarfile.CHRTYPE: EntryKind.OTHER,
}
PARTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=40)
NAMES = (
    st.lists(PARTS.filter(lambda part: part not in {".", ".."}), min_size=1, max_size=8)
    .map("/".join)
    .filter(lambda name: len(name.encode()) < 250)
)
MEMBERS = st.lists(
    st.tuples(NAMES, st.sampled_from(sorted(KINDS)), st.binary(max_size=3000), NAMES, st.integers(0, 0o7777)),
    max_size=8,
)


def packed(members: list[tuple[str, bytes, bytes, str, int]], form: int) -> tuple[bytes, list[tuple[object, ...]]]:
    """A tar of these members (those the format can hold), and what the walk should say of them."""
    sink = io.BytesIO()
    expected: list[tuple[object, ...]] = []
    with tarfile.open(fileobj=sink, mode="w", format=form) as tar:
        for name, kind, content, target, mode in members:
            info = tarfile.TarInfo(name)
            info.type, info.mode = kind, mode
            is_link = kind in {tarfile.SYMTYPE, tarfile.LNKTYPE}
            info.linkname = target if is_link else ""
            info.size = len(content) if kind == tarfile.REGTYPE else 0
            try:
                tar.addfile(info, io.BytesIO(content))
            except ValueError:  # ustar has no room for it
                continue
            body = content if kind == tarfile.REGTYPE else b""
            expected.append((name.encode(), KINDS[kind], mode, len(body), target.encode() if is_link else b"", body))
    return sink.getvalue(), expected


@pytest.mark.property
@given(members=MEMBERS, form=st.sampled_from(FORMATS), chunk=st.sampled_from((512, 1024, 4096, 65536)))
@settings(deadline=None, max_examples=200)
def test_sees_what_tarfile_wrote(members: list[tuple[str, bytes, bytes, str, int]], form: int, chunk: int) -> None:
    data, expected = packed(members, form)
    assert [(*entry, content) for entry, content in walked(data, chunk=chunk)] == expected


@pytest.mark.parametrize("chunk", [512, 2048, 1 << 20])
def test_content_is_right_wherever_chunks_end(chunk: int) -> None:
    noise = random.Random(3)
    members = [
        (f"f{at}", tarfile.REGTYPE, noise.randbytes(size), "", 0o644)
        for at, size in enumerate((0, 1, 511, 512, 513, 1023, 1024, 5000, 70_000))
    ]
    data, expected = packed(members, tarfile.PAX_FORMAT)
    assert [(*entry, content) for entry, content in walked(data, chunk=chunk)] == expected


def test_names_longer_than_a_header_in_gnu_and_pax() -> None:
    name, target = "d/" * 100 + "x" * 200, "t/" * 90 + "y"
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        data, expected = packed([(name, tarfile.SYMTYPE, b"", target, 0o777)], form)
        assert [(*entry, content) for entry, content in walked(data)] == expected


def test_ustar_prefix_is_put_before_the_name() -> None:
    data, expected = packed([("p" * 100 + "/" + "n" * 90, tarfile.REGTYPE, b"x", "", 0o644)], tarfile.USTAR_FORMAT)
    assert [(*entry, content) for entry, content in walked(data)] == expected


def test_names_are_normalised() -> None:
    names = ["./a", "/b", "c//d", "./e/./f/", "./", ".hidden", "g/.hidden"]
    data, _ = packed([(name, tarfile.REGTYPE, b"", "", 0o644) for name in names], tarfile.GNU_FORMAT)
    assert [entry.name for entry, _ in walked(data)] == [b"a", b"b", b"c/d", b"e/f", b"", b".hidden", b"g/.hidden"]


def test_archive_without_end_blocks_and_without_last_padding_is_whole() -> None:
    data, _ = packed([("a", tarfile.REGTYPE, b"abc", "", 0o644)], tarfile.USTAR_FORMAT)
    for cut in (1024, 1024 + 512, 512 + 3):
        assert [content for _, content in walked(data[:cut])] == [b"abc"]


def test_what_follows_the_end_is_not_read() -> None:
    first, _ = packed([("a", tarfile.REGTYPE, b"abc", "", 0o644)], tarfile.USTAR_FORMAT)
    second, _ = packed([("b", tarfile.REGTYPE, b"abc", "", 0o644)], tarfile.USTAR_FORMAT)
    assert [entry.name for entry, _ in walked(first + second)] == [b"a"]


def test_base_256_sizes_and_old_writers_signed_checksums() -> None:
    data, _ = packed([("ä" * 10, tarfile.REGTYPE, b"abc", "", 0o644)], tarfile.GNU_FORMAT)
    header = bytearray(data[:512])
    header[124:136] = b"\x80" + bytes(10) + b"\x03"
    header[148:156] = b" " * 8
    signed = sum(byte - 256 if byte > 127 else byte for byte in header)
    header[148:156] = b"%06o\0 " % signed
    assert [content for _, content in walked(bytes(header) + data[512:])] == [b"abc"]


@pytest.mark.tools
@pytest.mark.parametrize("form", ["v7", "oldgnu", "gnu", "ustar", "posix"])
def test_sees_what_gnu_tar_wrote(tmp_path: Path, form: str) -> None:
    tree = tmp_path / "tree"
    (tree / "deep/er").mkdir(parents=True)
    (tree / "deep/er/file").write_bytes(b"content")
    (tree / "hard").hardlink_to(tree / "deep/er/file")
    (tree / "soft").symlink_to("../outside")
    if form not in {"v7", "ustar"}:
        (tree / ("n" * 150)).write_bytes(b"long")
    data = _gnu_tar("-C", str(tree), f"--format={form}", "--sort=name", "-c", ".")
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        expected = [(it.name.removeprefix("./").strip("."), it.size, it.linkname) for it in tar]
    found = walked(data)
    names = [(entry.name.decode(), entry.size, entry.link.decode()) for entry, _ in found]
    assert names == [(name, size, link.removeprefix("./")) for name, size, link in expected]
    assert b"content" in {content for _, content in found}


@pytest.mark.tools
@pytest.mark.parametrize(
    "options",
    [
        ["--format=gnu"],
        ["--format=posix", "--sparse-version=0.0"],
        ["--format=posix", "--sparse-version=0.1"],
        ["--format=posix", "--sparse-version=1.0"],
    ],
)
@pytest.mark.parametrize("holes", [1, 3, 40])
def test_sparse_files_of_gnu_tar_read_as_on_disk(tmp_path: Path, options: list[str], holes: int) -> None:
    file = tmp_path / "sparse"
    with file.open("wb") as sink:
        for at in range(holes):
            sink.seek(at * 50_000 + 20_000)
            sink.write(b"data %d" % at + bytes([at + 1]) * 3000)
        sink.truncate(holes * 50_000 + 30_000)
    (tmp_path / "zz-after").write_bytes(b"after")
    data = _gnu_tar("-C", str(tmp_path), "-S", *options, "-c", "sparse", "zz-after")
    assert len(data) < file.stat().st_size
    found = {entry.name: (entry.size, content) for entry, content in walked(data)}
    assert found == {b"sparse": (file.stat().st_size, file.read_bytes()), b"zz-after": (5, b"after")}


@pytest.mark.property
@given(name=st.binary(max_size=40))
def test_every_name_becomes_text_that_encodes_and_comes_back(name: bytes) -> None:
    text = path_text(name)
    assert path_bytes(text) == name
    text.encode()


def test_two_names_never_become_one_text() -> None:
    tricky = "\U0010ffe9".encode()
    assert path_text(b"\xe9") != path_text(tricky)
    assert path_bytes(path_text(tricky)) == tricky


def _gnu_tar(*arguments: str) -> bytes:
    tar = shutil.which("tar")
    if tar is None:
        pytest.skip("GNU tar is missing; install tar")
    return subprocess.run([tar, *arguments], check=True, capture_output=True).stdout
