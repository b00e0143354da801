# SPDX-License-Identifier: Apache-2.0
"""A built image again, without what changes from one build to the next: order and moments, names of users, notes.

Entries of a layer are sorted by path, moments after the image's own become it (SOURCE_DATE_EPOCH, as
reproducible-builds.org has it), owners are numbers, and the packing says nothing of the day. Layers of an image that
was built upon stay the bytes they are.
"""

import gzip
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final, cast

from tidegate.artifact import Descriptor, Digest, media_type
from tidegate.clock import rfc3339
from tidegate.errors import BoundExceededError, InvalidInputError, OutsideError
from tidegate.oci.image import Image, Layer
from tidegate.oci.layer_builder import LAYER_TYPES, BuiltLayer, Compression, HashingWriter, compressed
from tidegate.oci.write import enter_layout, wire_descriptor, write_blob
from tidegate.values import Struct
from tidegate.wire import from_json, to_json

MAX_ENTRIES: Final = 2_000_000
_MAX_CONFIG_BYTES: Final = 8 << 20
_KEPT_RECORDS: Final = ("SCHILY.xattr.", "LIBARCHIVE.xattr.")
_OF_THE_BUILDER: Final = ("container", "container_config", "docker_version", "id", "parent")
_BUILDER_LABELS: Final = ("io.buildah.version",)
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_CHUNK: Final = 1 << 20


class LayerChange(Struct, frozen=True, kw_only=True):
    """What was done to one layer.

    Attributes:
        clamped: entries whose moment was after the image's own.
        reordered: they stood in another order.
        named: entries that named their owner.
    """

    diff_id: Digest
    entries: int
    clamped: int
    reordered: bool
    named: int


class ReproducibleImage(Struct, frozen=True, kw_only=True):
    """The image as it lies in the layout now.

    Attributes:
        layers: bottom first; `changes` of those that are no base's.
    """

    descriptor: Descriptor
    layers: tuple[Descriptor, ...]
    diff_ids: tuple[Digest, ...]
    changes: tuple[LayerChange, ...]


def make_reproducible(
    image: Image,
    layout: Path,
    tag: str,
    *,
    epoch: int,
    kept: Mapping[Digest, Callable[[Path], Descriptor]],
    annotations: Mapping[str, str],
    withheld: Sequence[str] = (),
    compression: Compression = Compression.GZIP,
) -> ReproducibleImage:
    """Writes an image into a layout folder, made reproducible.

    Args:
        image: as the builder made it.
        layout: the folder.
        tag: its name there.
        epoch: the image's moment, in seconds since 1970.
        kept: of layers that stay as they are, by diff-id, what writes them into a layout.
        annotations: of the manifest.
        withheld: words that the configuration's history must not tell.
        compression: of the layers that are made anew.

    Raises:
        BoundExceededError: a layer is over `MAX_ENTRIES`.
        InvalidInputError: the builder's image is broken.
        OutsideError: the disk failed.
    """
    layers: list[tuple[Descriptor, Digest]] = []
    changes = []
    try:
        layout.mkdir(parents=True, exist_ok=True)
        for layer in image.layers:
            if layer.diff_id is not None and layer.diff_id in kept:
                layers.append((kept[layer.diff_id](layout), layer.diff_id))
                continue
            built, change = _layer(layer, layout, epoch, compression)
            layers.append((built.descriptor, built.diff_id))
            changes.append(change)
        document = _config(image, [diff_id for _, diff_id in layers], epoch, withheld)
        own = write_blob(layout, to_json(document), media_type.OCI_CONFIG)
        manifest: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": media_type.OCI_MANIFEST,
            "config": wire_descriptor(own),
            "layers": [wire_descriptor(descriptor) for descriptor, _ in layers],
        }
        if annotations:
            manifest["annotations"] = dict(annotations)
        written = write_blob(layout, to_json(manifest), media_type.OCI_MANIFEST, platform=image.config.platform)
        enter_layout(layout, tag, written)
    except OSError as error:
        raise OutsideError(f"cannot be written: {error.strerror or error}", where=str(layout)) from error
    return ReproducibleImage(
        descriptor=written,
        layers=tuple(descriptor for descriptor, _ in layers),
        diff_ids=tuple(diff_id for _, diff_id in layers),
        changes=tuple(changes),
    )


def plain_layer(layer: Layer, to: Path) -> Path:
    """Writes the tar stream of a layer into a file, which is read again and again.

    Raises:
        InvalidInputError: it is packed in a way nobody knows here, or broken.
    """
    import zstandard

    packed = to.with_suffix(".packed")
    with layer.open() as source, packed.open("wb") as file:
        while chunk := source.read(_CHUNK):
            file.write(chunk)
    with packed.open("rb") as file:
        head = file.read(4)
    try:
        if head.startswith(_GZIP):
            with gzip.open(packed) as inflated, to.open("wb") as target:
                shutil.copyfileobj(inflated, target, _CHUNK)
        elif head == _ZSTD:
            with packed.open("rb") as file, to.open("wb") as target:
                zstandard.ZstdDecompressor().copy_stream(file, target)
        else:
            packed.replace(to)
    except (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError) as error:
        raise InvalidInputError(f"a layer is broken: {error}", where=layer.descriptor.digest.short) from error
    packed.unlink(missing_ok=True)
    return to


def _layer(layer: Layer, layout: Path, epoch: int, compression: Compression) -> tuple[BuiltLayer, LayerChange]:
    plain, draft = layout / ".layer.tar", layout / ".layer.new"
    try:
        plain_layer(layer, plain)
        with draft.open("wb") as sink:
            packed = HashingWriter(sink)
            with compressed(packed, compression) as inner:
                stream = HashingWriter(inner)
                change = _write_sorted(plain, stream, epoch, where=layer.descriptor.digest.short)
        descriptor = Descriptor(media_type=LAYER_TYPES[compression], digest=packed.digest, size=packed.size)
        place = layout / "blobs" / descriptor.digest.algorithm / descriptor.digest.hex
        place.parent.mkdir(parents=True, exist_ok=True)
        draft.replace(place)
    finally:
        plain.unlink(missing_ok=True)
        draft.unlink(missing_ok=True)
    built = BuiltLayer(descriptor=descriptor, diff_id=stream.digest, blob=place)
    return built, LayerChange(diff_id=stream.digest, **change)


def _write_sorted(plain: Path, sink: Any, epoch: int, *, where: str) -> dict[str, Any]:
    try:
        with tarfile.open(plain, "r:") as tar:
            found = _bounded(tar, where)
            _demand_whole(plain, tar, where)
            chosen = _sorted(found)
            clamped = sum(one.mtime > epoch for one in chosen)
            named = sum(bool(one.uname or one.gname) for one in chosen)
            reordered = [one.name for one in chosen] != [one.name for one in found]
            places = {id(one): one for one in chosen}
            with (
                plain.open("rb") as content,
                tarfile.open(fileobj=cast("IO[bytes]", sink), mode="w|", format=tarfile.PAX_FORMAT) as to,
            ):
                for one in places.values():
                    content.seek(one.offset_data)
                    to.addfile(_cleaned(one, epoch), content if one.isreg() else None)
    except tarfile.TarError as error:
        raise InvalidInputError(f"a layer is no tar stream: {error}", where=where) from error
    return {"entries": len(chosen), "clamped": clamped, "reordered": reordered, "named": named}


def _bounded(tar: tarfile.TarFile, where: str) -> list[tarfile.TarInfo]:
    found = []
    for one in tar:
        found.append(one)
        if len(found) > MAX_ENTRIES:
            raise BoundExceededError("MAX_ENTRIES", MAX_ENTRIES, where=where)
    return found


def _demand_whole(plain: Path, tar: tarfile.TarFile, where: str) -> None:
    """After the last entry nothing but zeros may follow: tarfile takes a broken header for the end."""
    with plain.open("rb") as file:
        file.seek(tar.offset)
        while chunk := file.read(_CHUNK):
            if chunk.count(0) != len(chunk):
                raise InvalidInputError("a layer is no tar stream: it breaks off", where=where)


def _sorted(found: Iterable[tarfile.TarInfo]) -> list[tarfile.TarInfo]:
    """One entry a path, the last, sorted; of the names of one file the first is the file, the others link to it."""
    by_path = {one.name.strip("/"): one for one in found}
    names: dict[str, list[str]] = {}
    for path, one in by_path.items():
        if one.islnk():
            names.setdefault(one.linkname.strip("/").removeprefix("./"), []).append(path)
    for target, links in names.items():
        file = by_path.get(target)
        first = min([target, *links])
        if file is None or not file.isreg() or first == target:
            continue
        # The file itself moves to its first name, so that it stands before what links to it.
        link = by_path[first]
        by_path[first], by_path[target] = file, link
        link.name, file.name = target, first
        for other in links:
            by_path[target if other == first else other].linkname = first
    return [by_path[path] for path in sorted(by_path, key=lambda path: path.encode("utf-8", "surrogateescape"))]


def _cleaned(one: tarfile.TarInfo, epoch: int) -> tarfile.TarInfo:
    one.mtime = min(int(one.mtime), epoch)
    one.uname = one.gname = ""
    one.pax_headers = {key: value for key, value in one.pax_headers.items() if key.startswith(_KEPT_RECORDS)}
    return one


def _config(image: Image, diff_ids: Sequence[Digest], epoch: int, withheld: Sequence[str]) -> dict[str, Any]:
    document = from_json(image.config_bytes, dict[str, Any], what="configuration", max_bytes=_MAX_CONFIG_BYTES)
    at = rfc3339(datetime.fromtimestamp(epoch, UTC))
    made: dict[str, Any] = {key: value for key, value in document.items() if key not in _OF_THE_BUILDER}
    made["created"] = at
    run = dict(made.get("config") or {})
    labels = {name: value for name, value in (run.get("Labels") or {}).items() if name not in _BUILDER_LABELS}
    for name in ("Hostname", "Domainname", "Image"):
        run.pop(name, None)
    run.pop("Labels", None)
    if labels:
        run["Labels"] = labels
    made["config"] = run
    made["rootfs"] = {"type": "layers", "diff_ids": list(diff_ids)}
    made["history"] = [_step(dict(one), at, withheld) for one in made.get("history") or []]
    return made


def _step(one: dict[str, Any], at: str, withheld: Sequence[str]) -> dict[str, Any]:
    if not one.get("created") or str(one["created"])[:19] > at[:19]:
        one["created"] = at
    if str(one.get("comment", "")).startswith("FROM "):  # of an image only the builder had
        del one["comment"]
    for word in withheld:
        one["created_by"] = str(one.get("created_by", "")).replace(word, "***")
    return one
