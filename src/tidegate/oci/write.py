# SPDX-License-Identifier: Apache-2.0
"""Writes images: OCI layouts (image-spec 1.1 `image-layout.md`), their archives, and `docker save` archives.

Everything is deterministic: no clock, no machine name, sorted keys.
"""

import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tidegate.artifact import Descriptor, Digest, Platform, media_type
from tidegate.errors import OutsideError
from tidegate.oci.layer_builder import BuiltLayer, Compression, LayerBuilder, compressed, write_tar
from tidegate.wire import from_json, to_builtins, to_json

__all__ = [
    "BuiltLayer",
    "Compression",
    "LayerBuilder",
    "config_document",
    "pack_docker_archive",
    "pack_oci_archive",
    "write_blob",
    "write_image",
    "write_index",
]

REF_NAME: Final = "org.opencontainers.image.ref.name"
_EPOCH: Final = "1970-01-01T00:00:00Z"
_LINUX_AMD64: Final = Platform(os="linux", architecture="amd64")
_MAX_INDEX_BYTES: Final = 4 << 20


def write_image(
    layout: Path,
    tag: str | None,
    layers: Sequence[BuiltLayer],
    config: Mapping[str, Any] | None = None,
    *,
    platform: Platform = _LINUX_AMD64,
    annotations: Mapping[str, str] | None = None,
    created: str = _EPOCH,
    history: Sequence[Mapping[str, Any]] = (),
) -> Descriptor:
    """Adds one image to a layout folder, which is made when it is not there.

    Args:
        layout: the folder.
        tag: its name in the layout's index; None leaves it out, for a child of `write_index`.
        layers: bottom first.
        config: how it is started: `User`, `Env`, `Entrypoint`, `Cmd`, `ExposedPorts`, `Labels`, …
        platform: what it is for.
        annotations: of the manifest.
        created: RFC 3339; the same for the same image.
        history: `created_by`, `empty_layer` … of each step.

    Returns:
        The manifest's descriptor, with its platform.

    Raises:
        OutsideError: the disk failed.
    """
    document = config_document(layers, config, platform=platform, created=created, history=history)
    own = write_blob(layout, to_json(document), media_type.OCI_CONFIG)
    for layer in layers:
        _put(layout, layer.descriptor.digest, layer.blob)
    manifest: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": media_type.OCI_MANIFEST,
        "config": wire_descriptor(own),
        "layers": [wire_descriptor(layer.descriptor) for layer in layers],
    }
    if annotations:
        manifest["annotations"] = dict(annotations)
    return enter_layout(layout, tag, write_blob(layout, to_json(manifest), media_type.OCI_MANIFEST, platform=platform))


def write_index(
    layout: Path, tag: str | None, manifests: Sequence[Descriptor], *, annotations: Mapping[str, str] | None = None
) -> Descriptor:
    """Adds an index over manifests (or indexes) that lie in the layout already.

    Raises:
        OutsideError: the disk failed.
    """
    index: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": media_type.OCI_INDEX,
        "manifests": [wire_descriptor(child) for child in manifests],
    }
    if annotations:
        index["annotations"] = dict(annotations)
    return enter_layout(layout, tag, write_blob(layout, to_json(index), media_type.OCI_INDEX))


def write_blob(layout: Path, data: bytes, type_: str, *, platform: Platform | None = None) -> Descriptor:
    """Puts bytes into a layout folder under their digest.

    Raises:
        OutsideError: the disk failed.
    """
    digest = Digest.of(data)
    _put(layout, digest, data)
    return Descriptor(media_type=type_, digest=digest, size=len(data), platform=platform)


def config_document(
    layers: Sequence[BuiltLayer],
    config: Mapping[str, Any] | None = None,
    *,
    platform: Platform = _LINUX_AMD64,
    created: str = _EPOCH,
    history: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """The image configuration (image-spec 1.1 `config.md`) for these layers."""
    document: dict[str, Any] = {
        "os": platform.os,
        "architecture": platform.architecture,
        "created": created,
        "config": dict(config or {}),
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
    }
    if platform.variant:
        document["variant"] = platform.variant
    if history:
        document["history"] = [dict(step) for step in history]
    return document


def pack_oci_archive(layout: Path, to: Path, *, compression: Compression = Compression.PLAIN) -> Path:
    """Packs a layout folder into one file, as `skopeo copy oci-archive:` reads it.

    Raises:
        OutsideError: the disk failed.
    """
    names = sorted(path.relative_to(layout).as_posix() for path in layout.rglob("*") if path.is_file())
    return _pack(to, [(_member(name, (layout / name).stat().st_size), layout / name) for name in names], compression)


def pack_docker_archive(
    to: Path,
    layers: Sequence[BuiltLayer],
    config: Mapping[str, Any] | None = None,
    *,
    tags: Sequence[str] = ("localhost/image:latest",),
    platform: Platform = _LINUX_AMD64,
    compression: Compression = Compression.PLAIN,
) -> Path:
    """Packs an image as `docker save` did before it spoke OCI; layers lie in it as they were built.

    Raises:
        OutsideError: the disk failed.
    """
    document = to_json(config_document(layers, config, platform=platform))
    name = f"{Digest.of(document).hex}.json"
    parts: list[tuple[str, bytes | Path]] = [(f"{layer.diff_id.hex}.tar", layer.blob) for layer in layers]
    manifest = [{"Config": name, "RepoTags": list(tags), "Layers": [path for path, _ in parts]}]
    parts += [(name, document), ("manifest.json", to_json(manifest))]
    entries = [(_member(path, _length(blob)), blob) for path, blob in dict(parts).items()]
    return _pack(to, entries, compression)


def wire_descriptor(descriptor: Descriptor) -> dict[str, Any]:
    """A descriptor as manifests write it."""
    document: dict[str, Any] = {
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size,
    }
    if descriptor.platform is not None:
        document["platform"] = {key: value for key, value in to_builtins(descriptor.platform).items() if value}
    if descriptor.artifact_type:
        document["artifactType"] = descriptor.artifact_type
    if descriptor.annotations:
        document["annotations"] = dict(descriptor.annotations)
    return document


def enter_layout(layout: Path, tag: str | None, descriptor: Descriptor) -> Descriptor:
    """Names what lies in a layout in its index, in place of what had the name; without a name, nothing."""
    if tag is not None:
        entry = wire_descriptor(descriptor)
        entry["annotations"] = {**entry.get("annotations", {}), REF_NAME: tag}
        _enter(layout, entry, lambda other: (other.get("annotations") or {}).get(REF_NAME) == tag)
    return descriptor


def enter_unnamed(layout: Path, descriptor: Descriptor) -> None:
    """Lists what hangs on something else in a layout's index, once, without a name.

    Raises:
        OutsideError: the disk failed.
    """
    _enter(layout, wire_descriptor(descriptor), lambda other: other.get("digest") == descriptor.digest)


def _enter(layout: Path, entry: Mapping[str, Any], replaces: Callable[[Mapping[str, Any]], bool]) -> None:
    path = layout / "index.json"
    try:
        raw = path.read_bytes() if path.exists() else b'{"manifests":[],"schemaVersion":2}'
        document = from_json(raw, dict[str, Any], what=str(path), max_bytes=_MAX_INDEX_BYTES)
        others = [other for other in document["manifests"] if not replaces(other)]
        path.write_bytes(to_json({**document, "manifests": [*others, entry]}))
        (layout / "oci-layout").write_bytes(to_json({"imageLayoutVersion": "1.0.0"}))
    except OSError as error:
        raise OutsideError(f"cannot be written: {error.strerror or error}", where=str(path)) from error


def _put(layout: Path, digest: Digest, blob: bytes | Path) -> None:
    path = layout / "blobs" / digest.algorithm / digest.hex
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(blob, bytes):
            path.write_bytes(blob)
        elif blob != path:
            with blob.open("rb") as source, path.open("wb") as target:
                while chunk := source.read(1 << 20):
                    target.write(chunk)
    except OSError as error:
        raise OutsideError(f"cannot be written: {error.strerror or error}", where=str(path)) from error


def _pack(to: Path, entries: list[tuple[tarfile.TarInfo, bytes | Path]], compression: Compression) -> Path:
    try:
        with to.open("wb") as file, compressed(file, compression) as sink:
            write_tar(sink, entries)
    except OSError as error:
        raise OutsideError(f"cannot be written: {error.strerror or error}", where=str(to)) from error
    return to


def _member(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o644
    return info


def _length(blob: bytes | Path) -> int:
    return len(blob) if isinstance(blob, bytes) else blob.stat().st_size
