# SPDX-License-Identifier: Apache-2.0
"""Building layers and images: the same bytes every time, and what other tools find in them."""

import hashlib
import io
import json
import tarfile
import time
from pathlib import Path

import pytest

from tidegate.artifact import Platform
from tidegate.errors import OutsideError, UsageError
from tidegate.oci.write import (
    Compression,
    LayerBuilder,
    pack_docker_archive,
    pack_oci_archive,
    write_image,
    write_index,
)


def tree_of_files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def make(folder: Path) -> dict[str, str]:
    folder.mkdir()
    source = folder / "source"
    source.mkdir()
    for name in ("b", "a", "c"):
        (source / name).write_text(name)
    (source / "run").write_text("#!")
    (source / "run").chmod(0o750)
    (source / "link").symlink_to("a")
    layers = [
        LayerBuilder(compression=compression, mtime=5).tree(source, at="opt/x").whiteout("old").build()
        for compression in Compression
    ]
    child = write_image(folder / "l", "t", layers, {"User": "7", "Labels": {"b": "1", "a": "2"}})
    write_index(folder / "l", "i", [child], annotations={"z": "1", "y": "2"})
    for compression in Compression:
        pack_oci_archive(folder / "l", folder / f"oci-{compression}", compression=compression)
        pack_docker_archive(folder / f"docker-{compression}", layers, compression=compression)
    return tree_of_files(folder)


def test_the_same_input_is_the_same_bytes_at_any_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = make(tmp_path / "one")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 1e6)
    assert make(tmp_path / "two") == first


def test_a_layer_holds_what_was_put_into_it(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"b" * 100_000)
    built = (
        LayerBuilder(compression=Compression.PLAIN, mtime=9)
        .file("bin/tool", tmp_path / "big", mode=0o4755, uid=3, gid=4)
        .symlink("bin/alias", "tool")
        .hardlink("bin/same", "bin/tool")
        .folder("var", mode=0o1777)
        .whiteout("etc/gone")
        .whiteout("gone")
        .opaque("srv")
        .build()
    )
    with tarfile.open(fileobj=io.BytesIO(built.read())) as tar:
        found = {member.name: member for member in tar}
        tool = found["bin/tool"]
        assert (tool.mode, tool.uid, tool.gid, tool.mtime, tool.size) == (0o4755, 3, 4, 9, 100_000)
        assert (found["bin/alias"].linkname, found["bin/same"].linkname) == ("tool", "bin/tool")
        assert found["bin/same"].islnk()
        assert [name for name in found if ".wh." in name] == ["etc/.wh.gone", ".wh.gone", "srv/.wh..wh..opq"]
        assert [name for name, member in found.items() if member.isdir()] == ["bin", "var", "etc", "srv"]
    assert built.diff_id == built.descriptor.digest


def test_a_layer_in_a_file_is_the_same_as_in_memory(tmp_path: Path) -> None:
    builder = LayerBuilder().file("a", "a" * 10_000)
    held, stored = builder.build(), builder.build(to=tmp_path / "blob")
    assert (held.descriptor, held.diff_id, held.read()) == (stored.descriptor, stored.diff_id, stored.read())
    assert stored.blob == tmp_path / "blob"


def test_a_tag_is_moved_not_doubled(tmp_path: Path) -> None:
    first = write_image(tmp_path, "t", [])
    second = write_image(tmp_path, "t", [], {"User": "1"}, platform=Platform.parse("linux/arm64/v8"))
    assert first != second
    (entry,) = json.loads((tmp_path / "index.json").read_text())["manifests"]
    assert entry["digest"] == second.digest
    assert entry["platform"] == {"os": "linux", "architecture": "arm64", "variant": "v8"}


def test_what_cannot_be_built_is_told(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="pipe"):
        LayerBuilder().tree(tmp_path)
    with pytest.raises(OutsideError):
        LayerBuilder().build(to=tmp_path / "no" / "blob")
    (tmp_path / "file").touch()
    with pytest.raises(OutsideError, match="cannot be written"):
        write_image(tmp_path / "file", "t", [])
