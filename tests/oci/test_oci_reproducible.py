# SPDX-License-Identifier: Apache-2.0
"""A layer made again is the same for everybody, and what it unpacks to is what it was."""

import copy
import random
import tarfile
from pathlib import Path

import pytest

from tidegate.artifact import Descriptor, Digest, media_type
from tidegate.errors import InvalidInputError
from tidegate.oci.layer_builder import BuiltLayer, Compression, LayerBuilder
from tidegate.oci.layout import open_layout
from tidegate.oci.reproducible import ReproducibleImage, make_reproducible, plain_layer
from tidegate.oci.write import write_image

EPOCH = 1_700_000_000


def _entry(
    name: str, kind: bytes = tarfile.REGTYPE, content: bytes = b"", **fields: object
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.size, info.mtime, info.uname, info.gname = kind, len(content), EPOCH + 50, "root", "wheel"
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


ENTRIES = [
    _entry("z", content=b"one file", mode=0o4755),
    _entry("b", tarfile.LNKTYPE, linkname="z"),
    _entry("a-old", tarfile.LNKTYPE, linkname="z"),
    _entry("dir", tarfile.DIRTYPE, mode=0o1777),
    _entry("dir/.wh.gone"),
    _entry("dir/link", tarfile.SYMTYPE, linkname="../z"),
    _entry("old", content=b"x", mtime=1_000_000_000.75),
    _entry("cap", content=b"y", pax_headers={"SCHILY.xattr.security.capability": "\udc81\x00\x02", "atime": "1.5"}),
    _entry("null", tarfile.CHRTYPE, devmajor=1, devminor=3, uid=7, gid=8),
    _entry("x" * 150, content=b"long"),
]


def _made(folder: Path, entries: list[tuple[tarfile.TarInfo, bytes]], compression: Compression) -> ReproducibleImage:
    builder = LayerBuilder(compression=compression)
    for info, content in entries:
        builder.entry(copy.copy(info), content)
    write_image(folder / "in", "1", [builder.build()], created="2030-01-01T00:00:00Z")
    return make_reproducible(
        open_layout(folder / "in", name="in"), folder / "out", "1", epoch=EPOCH, kept={}, annotations={}
    )


def _unpacked(folder: Path) -> dict[str, object]:
    (layer,) = open_layout(folder / "out", name="out").layers
    with tarfile.open(plain_layer(layer, folder / "plain")) as tar:
        found: dict[str, object] = {}
        for one in tar:
            file = tar.extractfile(one) if one.isreg() or one.islnk() else None
            content = file.read() if file else b""
            kind = tarfile.REGTYPE if one.islnk() else one.type
            xattrs = one.pax_headers.get("SCHILY.xattr.security.capability", "")
            found[one.name] = (
                kind,
                content,
                one.mtime,
                one.uid,
                one.uname,
                one.linkname if one.issym() else "",
                xattrs,
            )
        return found


@pytest.mark.parametrize("compression", list(Compression))
def test_any_order_gives_the_same_bytes_and_the_same_files(tmp_path: Path, compression: Compression) -> None:
    digests: set[Digest] = set()
    for number in range(5):
        # A hard link may stand before its file nowhere: the file goes first, the rest anywhere.
        rest = ENTRIES[1:]
        random.Random(number).shuffle(rest)
        (tmp_path / str(number)).mkdir()
        made = _made(tmp_path / str(number), [ENTRIES[0], *rest], compression)
        digests.add(made.descriptor.digest)
        assert made.changes[0].entries == len(ENTRIES)
    assert len(digests) == 1
    files = _unpacked(tmp_path / "0")
    assert list(files) == sorted(files)
    for name in ("z", "b", "a-old"):
        assert files[name] == (tarfile.REGTYPE, b"one file", EPOCH, 0, "", "", "")
    assert files["old"] == (tarfile.REGTYPE, b"x", 1_000_000_000, 0, "", "", "")
    assert files["cap"] == (tarfile.REGTYPE, b"y", EPOCH, 0, "", "", "\udc81\x00\x02")
    assert files["dir/link"] == (tarfile.SYMTYPE, b"", EPOCH, 0, "", "../z", "")
    assert set(files) == {info.name for info, _ in ENTRIES}


def test_of_a_path_that_stands_twice_the_last_counts(tmp_path: Path) -> None:
    made = _made(tmp_path, [_entry("a", content=b"1"), _entry("a", content=b"22")], Compression.GZIP)
    assert made.changes[0].entries == 1
    assert _unpacked(tmp_path)["a"] == (tarfile.REGTYPE, b"22", EPOCH, 0, "", "", "")


def test_what_is_no_tar_is_refused(tmp_path: Path) -> None:
    made = LayerBuilder(compression=Compression.PLAIN).file("a", b"x").build()
    broken = made.read()[:600] + b"\xff" * 600
    digest = Digest.of(broken)
    layer = BuiltLayer(
        descriptor=Descriptor(media_type=media_type.OCI_LAYER, digest=digest, size=len(broken)),
        diff_id=digest,
        blob=broken,
    )
    write_image(tmp_path / "in", "1", [layer])
    with pytest.raises(InvalidInputError, match="layer"):
        make_reproducible(
            open_layout(tmp_path / "in", name="in"), tmp_path / "out", "1", epoch=0, kept={}, annotations={}
        )
