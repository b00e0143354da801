# SPDX-License-Identifier: Apache-2.0
"""What an image is made of: manifests, configurations, archives, layers, and what is kept of them."""

import gzip
import io
import json
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import fuzz_paths  # noqa: F401 - makes the samples below importable
import zstandard
from engine_parts import BytesSource, LineCataloger, WordScanner
from fuzz_parser import Parser, told

from tidegate.artifact import Descriptor, Digest, parse_image_config, parse_manifest
from tidegate.bounds import MIB
from tidegate.inventory import LayerFacts
from tidegate.oci.archive import is_layout, open_layout_archive, open_tar
from tidegate.oci.credentials import load_keyring
from tidegate.oci.docker_archive import open_saved
from tidegate.oci.layout import check_marker, layout_index, open_layout
from tidegate.oci.reproducible import make_reproducible
from tidegate.oci.write import BuiltLayer, LayerBuilder, write_image
from tidegate.scan.analyser import Analyser
from tidegate.scan.analysis import analyse_layer
from tidegate.scan.custody.instruction import steps_of
from tidegate.scan.entry import Entry, EntryKind
from tidegate.scan.facts_store import FactsStore
from tidegate.scan.limits import ScanLimits
from tidegate.scan.tar import TarWalk
from tidegate.scan.tree import DenseTree, TreeWriter, count_of, entries_of, kinds_by_path
from tidegate.scan.zstd_frames import FrameFollower

DIGEST = "sha256:" + "ab" * 32
LIMITS = ScanLimits(ratio_free_bytes=32 * MIB, max_hole_bytes=8 * MIB, max_unpacked_bytes=256 * MIB)
_CONFIG = json.dumps(
    {
        "architecture": "amd64",
        "os": "linux",
        "created": "2024-01-01T00:00:00Z",
        "config": {
            "User": "0:0",
            "Env": ["PATH=/bin", "A=b"],
            "Cmd": ["sh"],
            "Entrypoint": None,
            "ExposedPorts": {"80/tcp": {}},
            "Volumes": {"/data": {}},
            "Healthcheck": {"Test": ["CMD", "x"], "Interval": 1000000000},
            "Labels": {"a": "b"},
            "StopSignal": "SIGTERM",
        },
        "rootfs": {"type": "layers", "diff_ids": [DIGEST]},
        "history": [
            {"created_by": "/bin/sh -c #(nop) ADD file:x in / "},
            {"created_by": "RUN x", "empty_layer": True},
        ],
    }
).encode()
_DESCRIPTOR = {"mediaType": "application/vnd.oci.image.config.v1+json", "size": 2, "digest": DIGEST}
_MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": _DESCRIPTOR,
        "layers": [_DESCRIPTOR | {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip"}],
        "annotations": {"a": "b"},
        "subject": _DESCRIPTOR,
    }
).encode()
_INDEX = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [
            _DESCRIPTOR
            | {
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"},
            }
        ],
    }
).encode()
_KEYRING = (
    b'{"auths":{"a.example":{"auth":"dTpw"},"https://b.example/v1/":{"identitytoken":"x"}},"credHelpers":{"c":"d"}}'
)


def images() -> Iterator[Parser]:
    """One parser for each part of an image."""
    layer = "application/vnd.oci.image.layer.v1.tar"
    plain = layer_tar()
    yield Parser(name="image-config", form="json", read=_config, samples=(_CONFIG,))
    yield Parser(name="manifest", form="json", read=parse_manifest, samples=(_MANIFEST, _INDEX))
    yield Parser(
        name="layout-index", form="json", read=lambda data: layout_index(data, where="index.json"), samples=(_INDEX,)
    )
    yield Parser(
        name="layout-marker",
        form="json",
        read=lambda data: check_marker(data, where="oci-layout"),
        samples=(b'{"imageLayoutVersion":"1.0.0"}',),
    )
    yield Parser(name="keyring", form="json", read=_file(load_keyring), samples=(_KEYRING,))
    yield Parser(name="image-tar", form="tar", read=_file(_archive), samples=(layout_tar(), saved_tar()))
    yield Parser(name="tar", form="tar", read=_walked, samples=plain)
    yield Parser(name="built-layer", form="tar", read=_made_again, samples=plain)
    yield Parser(name="layer-tar", form="tar", read=_layer(layer), samples=plain)
    gz = tuple(gzip.compress(one, mtime=0) for one in plain)
    yield Parser(name="layer-gzip", form="gzip", read=_layer(f"{layer}+gzip"), samples=gz)
    packed = tuple(zstandard.compress(one) for one in plain)
    yield Parser(name="layer-zstd", form="zstd", read=_layer(f"{layer}+zstd"), samples=packed)
    yield Parser(name="zstd-frames", form="zstd", read=_frames, samples=(*packed, packed[0] + packed[1]))
    yield Parser(name="packed-tree", form="binary", read=_tree, samples=(_packed_tree(),))
    yield Parser(name="facts-store", form="binary", read=_facts, samples=(_kept_facts(),))
    yield Parser(name="layout-folder", form="json", read=_layout_folder, samples=(_INDEX,), slow=True)


def layer_tar() -> tuple[bytes, ...]:
    """Layers with every kind of entry, as several writers make them."""
    built = (
        LayerBuilder()
        .file("var/db/packages", "a 1\n")
        .file("bin/x", b"\x7fELF" + b"\0" * 60, mode=0o4755)
        .symlink("b", "../../bin")
        .hardlink("c", "bin/x")
        .whiteout("bin/y")
    )
    return (_raw(built), _by_tarfile(tarfile.PAX_FORMAT), _by_tarfile(tarfile.GNU_FORMAT), _sparse())


def _raw(builder: LayerBuilder) -> bytes:
    return gzip.decompress(builder.build().read())


def _by_tarfile(form: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
        for name, kind in (
            ("d" * 120 + "/" + "n" * 150, tarfile.REGTYPE),
            ("l", tarfile.SYMTYPE),
            ("f", tarfile.FIFOTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "t" * 200 if kind == tarfile.SYMTYPE else ""
            info.pax_headers = {"SCHILY.xattr.user.a": "b", "mtime": "1.5"} if form == tarfile.PAX_FORMAT else {}
            info.size = 5 if kind == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(b"bytes"))
    return buffer.getvalue()


def _sparse() -> bytes:
    """A sparse file by pax records 1.0, its map in front of its data."""
    stored = b"2\n0\n512\n4096\n512\n".ljust(512, b"\0") + b"a" * 1024
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("GNUSparseFile.0/s")
        info.size = len(stored)
        info.pax_headers = {
            "GNU.sparse.major": "1",
            "GNU.sparse.minor": "0",
            "GNU.sparse.name": "s",
            "GNU.sparse.realsize": "8192",
        }
        tar.addfile(info, io.BytesIO(stored))
    return buffer.getvalue()


def layout_tar() -> bytes:
    """An OCI layout in a tar."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "layout"
        write_image(folder, "1", [LayerBuilder().file("a", "b").build()], {"User": "1000"})
        return _tarred(folder)


def saved_tar() -> bytes:
    """What `docker save` writes."""
    layer = _by_tarfile(tarfile.GNU_FORMAT)
    config = json.dumps({"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": [Digest.of(layer)]}}).encode()
    name = Digest.of(config).hex + ".json"
    manifest = json.dumps([{"Config": name, "RepoTags": ["a:1"], "Layers": ["x/layer.tar"]}]).encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for member, content in (("manifest.json", manifest), (name, config), ("x/layer.tar", layer)):
            info = tarfile.TarInfo(member)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def _tarred(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                info = tarfile.TarInfo(file.relative_to(folder).as_posix())
                info.size = file.stat().st_size
                tar.addfile(info, io.BytesIO(file.read_bytes()))
    return buffer.getvalue()


def _config(data: bytes) -> object:
    config = parse_image_config(data)
    return told(config), steps_of(config, len(config.diff_ids))


def _file(read: Callable[[Path], object]) -> Callable[[bytes], object]:
    def of(data: bytes) -> object:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "file"
            place.write_bytes(data)
            return read(place)

    return of


def _archive(path: Path) -> object:
    with open_tar(path, scratch=path.parent, max_inflated_bytes=16 * MIB) as tar:
        image = open_layout_archive(tar, name="a") if is_layout(tar) else open_saved(tar, name="a")
        for layer in image.layers:
            with layer.open() as stream:
                stream.read(MIB)
        return image.name


def _walked(data: bytes) -> object:
    walk = TarWalk(BytesSource(data), LIMITS)
    return [(entry.name, walk.peek(512), walk.read(MIB)) for entry in walk if entry.kind is EntryKind.FILE]


def _made_again(data: bytes) -> object:
    digest = Digest.of(data)
    descriptor = Descriptor(media_type="application/vnd.oci.image.layer.v1.tar", digest=digest, size=len(data))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_image(folder / "in", "1", [BuiltLayer(descriptor=descriptor, diff_id=digest, blob=data)])
        image = open_layout(folder / "in", name="in")
        return make_reproducible(image, folder / "out", "1", epoch=1, kept={}, annotations={}).changes


def _layer(media_type: str) -> Callable[[bytes], object]:
    def read(data: bytes) -> object:
        descriptor = Descriptor(media_type=media_type, digest=Digest.of(data), size=len(data))
        analyser = Analyser(roster=(LineCataloger(),), secrets=WordScanner(), limits=LIMITS, workers=1)
        return told(analyse_layer(io.BytesIO(data), descriptor, None, analyser).files)

    return read


def _frames(data: bytes) -> object:
    follower = FrameFollower()
    for at in range(0, len(data), 1000):
        follower.feed(data[at : at + 1000])
    return follower.is_complete


def _tree(data: bytes) -> object:
    return count_of(data), len(kinds_by_path(data)), len(list(entries_of(data))), len(list(DenseTree(data).items()))


def _packed_tree() -> bytes:
    writer = TreeWriter()
    for number in range(20):
        kind = (EntryKind.FILE, EntryKind.FOLDER, EntryKind.SYMBOLIC_LINK)[number % 3]
        writer.add(Entry(name=f"a/{number}".encode(), kind=kind, mode=0o644, size=number, link=b""), 0, bytes(68))
    return writer.finish()


_ANALYSER = "analyser"


def _kept_facts() -> bytes:
    with tempfile.TemporaryDirectory() as name:
        digest = Digest(DIGEST)
        FactsStore(Path(name)).keep_layer(
            LayerFacts(
                digest=digest, diff_id=digest, analyser=_ANALYSER, size=1, entries=0, files=(), tree=_packed_tree()
            )
        )
        (file,) = (path for path in Path(name).rglob("*") if path.is_file())
        return file.read_bytes()


def _facts(data: bytes) -> object:
    with tempfile.TemporaryDirectory() as name:
        store = FactsStore(Path(name))
        digest = Digest(DIGEST)
        store.keep_layer(
            LayerFacts(digest=digest, diff_id=digest, analyser=_ANALYSER, size=1, entries=0, files=(), tree=b"")
        )
        (file,) = (path for path in Path(name).rglob("*") if path.is_file())
        file.write_bytes(data)
        return store.layer(digest, _ANALYSER)


def _layout_folder(data: bytes) -> object:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "layout"
        write_image(folder, "1", [LayerBuilder().file("a", "b").build()], {})
        (folder / "index.json").write_bytes(data)
        return open_layout(folder, name="a").digest
