# SPDX-License-Identifier: Apache-2.0
"""Hostile images, their digests right, so that only the harm can stop them: exit 2, one line, nothing half-written."""

import gzip
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from whole_server import WholeServer

from tidegate.artifact import Descriptor, Digest
from tidegate.artifact import media_type as mt
from tidegate.oci.layer_builder import BuiltLayer, LayerBuilder
from tidegate.oci.write import wire_descriptor, write_blob, write_image, write_index
from tidegate.wire import to_json

BLOCK = 512
ZEROS = bytes(64 << 20)


def layer_of(blob: bytes, media_type: str = mt.OCI_LAYER_GZIP) -> BuiltLayer:
    plain = gzip.decompress(blob) if blob[:2] == b"\x1f\x8b" and len(blob) < 1 << 20 and blob[-4:] != b"" else b""
    descriptor = Descriptor(media_type=media_type, digest=Digest.of(blob), size=len(blob))
    return BuiltLayer(descriptor=descriptor, diff_id=Digest.of(plain), blob=blob)


def image_with(layout: Path, layer: BuiltLayer) -> None:
    write_image(layout, "latest", [layer], {"User": "1"})


def member(name: str, **fields: Any) -> BuiltLayer:
    info = tarfile.TarInfo(name)
    for key, value in fields.items():
        setattr(info, key, value)
    return LayerBuilder(parents=False).entry(info).build()


def cut_gzip(layout: Path) -> None:
    whole = LayerBuilder().file("a", os.urandom(50_000)).build()
    blob = whole.read()[:-100]
    descriptor = Descriptor(media_type=mt.OCI_LAYER_GZIP, digest=Digest.of(blob), size=len(blob))
    image_with(layout, BuiltLayer(descriptor=descriptor, diff_id=whole.diff_id, blob=blob))


def lying_entry_size(layout: Path) -> None:
    info = tarfile.TarInfo("big")
    info.size = 1 << 30
    image_with(layout, layer_of(gzip.compress(info.tobuf() + bytes(BLOCK))))


def lying_blob_size(layout: Path) -> None:
    layer = LayerBuilder().file("a", b"b").build()
    config = write_blob(
        layout,
        b'{"os":"linux","architecture":"amd64","rootfs":{"diff_ids":["%s"]}}' % layer.diff_id.encode(),
        mt.OCI_CONFIG,
    )
    write_blob(layout, layer.read(), layer.descriptor.media_type)
    wrong = {**wire_descriptor(layer.descriptor), "size": layer.descriptor.size + 7}
    manifest = {"schemaVersion": 2, "mediaType": mt.OCI_MANIFEST, "config": wire_descriptor(config), "layers": [wrong]}
    write_index(layout, "latest", [write_blob(layout, to_json(manifest), mt.OCI_MANIFEST)])


def climbing_path(layout: Path) -> None:
    image_with(layout, member("../../etc/passwd"))


def climbing_hard_link(layout: Path) -> None:
    image_with(layout, member("var/lib/dpkg/status", type=tarfile.LNKTYPE, linkname="../../../../etc/passwd"))


def bomb_by_ratio(layout: Path) -> None:
    info = tarfile.TarInfo("zeros")
    info.size = len(ZEROS) * 40
    packed = gzip.compress(ZEROS, 9)
    image_with(
        layout, layer_of(gzip.compress(info.tobuf(tarfile.GNU_FORMAT)) + packed * 40 + gzip.compress(bytes(1024)))
    )


def bomb_by_entries(layout: Path) -> None:
    builder = LayerBuilder()
    for number in range(2000):
        builder.file(f"f{number}", b"")
    image_with(layout, builder.build())


def long_name(layout: Path) -> None:
    image_with(layout, member("n" * 5000))


def deep_path(layout: Path) -> None:
    image_with(layout, member("d/" * 400 + "f"))


def nested_indexes(layout: Path) -> None:
    layer = LayerBuilder().file("a", b"b").build()
    inner = write_image(layout, None, [layer], {"User": "1"})
    for _ in range(12):
        inner = write_index(layout, None, [inner])
    write_index(layout, "latest", [inner])


def huge_manifest(layout: Path) -> None:
    large = b'{"schemaVersion":2,"mediaType":"%s","x":"%s"}' % (mt.OCI_MANIFEST.encode(), b"x" * (200 << 20))
    write_index(layout, "latest", [write_blob(layout, large, mt.OCI_MANIFEST)])


def nested_json(layout: Path) -> None:
    deep = b'{"a":' * 50_000 + b"1" + b"}" * 50_000
    write_index(layout, "latest", [write_blob(layout, deep, mt.OCI_MANIFEST)])


def wrong_digest(layout: Path) -> None:
    layer = LayerBuilder().file("a", b"b").build()
    image_with(layout, layer)
    (layout / "blobs/sha256" / layer.descriptor.digest.hex).write_bytes(
        gzip.compress(bytes(10240))[: layer.descriptor.size].ljust(layer.descriptor.size)
    )


def wrong_layer_type(layout: Path) -> None:
    layer = LayerBuilder().file("a", b"b").build()
    image_with(layout, layer_of(layer.read(), "text/html"))


def manifest_that_is_an_index(layout: Path) -> None:
    both = {"schemaVersion": 2, "mediaType": mt.OCI_MANIFEST, "manifests": [], "layers": [], "config": {}}
    write_index(layout, "latest", [write_blob(layout, to_json(both), mt.OCI_MANIFEST)])


def nul_in_a_name(layout: Path) -> None:
    pax = tarfile.TarInfo("x")
    pax.pax_headers = {"path": "etc/pass\0wd"}
    image_with(layout, layer_of(gzip.compress(pax.tobuf(tarfile.PAX_FORMAT) + bytes(1024))))


HARMS: list[tuple[Callable[[Path], None], str]] = [
    (cut_gzip, "cut short"),
    (lying_entry_size, "cut short"),
    (lying_blob_size, "bytes instead of"),
    (climbing_path, "traversal"),
    (climbing_hard_link, "traversal"),
    (bomb_by_ratio, "max_ratio"),
    (bomb_by_entries, "max_entries"),
    (long_name, "max_path_bytes"),
    (deep_path, "max_path_depth"),
    (nested_indexes, "max_index_depth"),
    (huge_manifest, "max"),
    (nested_json, "depth"),
    (wrong_digest, "digest mismatch"),
    (wrong_layer_type, "text/html"),
    (manifest_that_is_an_index, "both"),
    (nul_in_a_name, "NUL"),
]


@pytest.mark.parametrize(("harm", "told"), HARMS, ids=[harm.__name__ for harm, _ in HARMS])
def test_a_hostile_image_is_told_in_one_line(harm: Callable[[Path], None], told: str, tmp_path: Path) -> None:
    layout, home, report = tmp_path / "image", tmp_path / "home", tmp_path / "report.json"
    harm(layout)
    report.write_text("old")
    words = ["scan", f"oci:{layout}", "--format", "json", "--output", str(report)]
    environment = {**os.environ, "TIDEGATE_HOME": str(home), "TIDEGATE_SCAN_MAX_ENTRIES": "1000"}
    done = subprocess.run(
        [sys.executable, "-m", "tidegate", *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    lines = [line for line in done.stderr.splitlines() if not line.startswith("tidegate: warning")]
    assert done.returncode == 2, done.stderr
    assert len(lines) == 1, done.stderr
    assert told.lower() in lines[0].lower(), lines[0]
    assert lines[0].isprintable()
    assert report.read_text() == "old"
    assert not [path for path in home.rglob("*") if path.is_file() and "facts" in path.parts], (
        "nothing half-read is kept"
    )


def test_absolute_links_stay_inside_the_image(tmp_path: Path) -> None:
    secret = tmp_path / "status"
    secret.write_text("Package: outside\nStatus: install ok installed\nVersion: 1\n\n")
    builder = (
        LayerBuilder()
        .symlink("var/lib/dpkg/status", str(secret))
        .symlink("lib/apk/db/installed", "/../" * 20 + str(secret))
    )
    layout = tmp_path / "image"
    image_with(layout, builder.symlink("etc/os-release", "/etc/os-release").build())
    done = subprocess.run(
        [sys.executable, "-m", "tidegate", "scan", f"oci:{layout}", "--format", "json"],
        env={**os.environ, "TIDEGATE_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "outside" not in done.stdout


def test_the_server_outlives_them_all(server: WholeServer, tmp_path: Path) -> None:
    pushed = []
    for harm in (cut_gzip, lying_entry_size, climbing_path, bomb_by_ratio, long_name, nul_in_a_name):
        layout = tmp_path / harm.__name__
        harm(layout)
        server.push(layout, "latest", f"hostile/{harm.__name__.replace('_', '-')}:1")
        pushed.append(
            server.http.head(f"/v2/hostile/{harm.__name__.replace('_', '-')}/manifests/1").headers[
                "docker-content-digest"
            ]
        )
    for digest in pushed:
        assert server.verdict(digest)["state"] == "rejected"
    assert server.http.get("/readyz").status_code == 200
