# SPDX-License-Identifier: Apache-2.0
"""Small artifacts made by the tests themselves."""

import gzip
import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate.artifact import Digest
from tidegate.artifact import media_type as mt


def tar_of(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def descriptor(data: bytes, media_type: str, **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": Digest.of(data), "size": len(data), **more}


@dataclass(frozen=True, kw_only=True)
class MadeImage:
    """A manifest and its blobs."""

    raw: bytes
    blobs: tuple[bytes, ...]
    media_type: str = mt.OCI_MANIFEST

    @property
    def digest(self) -> Digest:
        return Digest.of(self.raw)


def image(name: str = "one", *, layer_type: str = mt.OCI_LAYER_GZIP, **more: Any) -> MadeImage:
    tar = tar_of({"etc/name": name.encode()})
    layer = gzip.compress(tar, mtime=0)
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [Digest.of(tar)]},
        }
    ).encode()
    raw = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": mt.OCI_MANIFEST,
            "config": descriptor(config, mt.OCI_CONFIG),
            "layers": [descriptor(layer, layer_type)],
            **more,
        }
    ).encode()
    return MadeImage(raw=raw, blobs=(config, layer))


def artifact(
    subject: MadeImage | None,
    *,
    layer: bytes = b'{"note":1}',
    layer_type: str = "application/vnd.example.note+json",
    config_type: str = mt.OCI_EMPTY,
    artifact_type: str = "application/vnd.example.note",
    annotations: dict[str, str] | None = None,
) -> MadeImage:
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": mt.OCI_MANIFEST,
        "artifactType": artifact_type,
        "config": descriptor(b"{}", config_type),
        "layers": [descriptor(layer, layer_type)],
    }
    if subject is not None:
        document["subject"] = descriptor(subject.raw, subject.media_type)
    if annotations is not None:
        document["annotations"] = annotations
    return MadeImage(raw=json.dumps(document).encode(), blobs=(b"{}", layer))


def index(*children: MadeImage) -> MadeImage:
    platforms = ("amd64", "arm64", "riscv64")
    raw = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": mt.OCI_INDEX,
            "manifests": [
                descriptor(child.raw, child.media_type, platform={"os": "linux", "architecture": arch})
                for child, arch in zip(children, platforms, strict=False)
            ],
        }
    ).encode()
    return MadeImage(raw=raw, blobs=(), media_type=mt.OCI_INDEX)


def write_layout(folder: Path, made: MadeImage, tag: str) -> Path:
    """Writes an image as an OCI layout that native tools read."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for data in (*made.blobs, made.raw):
        (blobs / Digest.of(data).hex).write_bytes(data)
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    entry = descriptor(made.raw, made.media_type, annotations={"org.opencontainers.image.ref.name": tag})
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    return folder
