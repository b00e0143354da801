# SPDX-License-Identifier: Apache-2.0
"""Images for the tests of custody: real root file systems as the layers they are, with changes laid over them."""

import gzip
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tidegate.artifact import Descriptor, Digest, ImageConfig, Platform, media_type
from tidegate.artifact.image_config import HistoryEntry
from tidegate.bounds import Readable
from tidegate.inventory import Custody, FileCustody, Inventory, Origin, SecretFact
from tidegate.oci.image import Image
from tidegate.oci.layer_builder import BuiltLayer, LayerBuilder
from tidegate.scan.analyser import Analyser
from tidegate.scan.custody.explanation import Explanation
from tidegate.scan.explained import explain_path
from tidegate.scan.image import scan_image
from tidegate.scan.limits import ScanLimits
from tidegate.scan.parts import ScanParts
from tidegate.scan.roster import CATALOGERS

BASE = "/bin/sh -c #(nop) ADD file:0123 in / "
PROGRAM = b"\x7fELF\x02\x01\x01" + bytes(57)
PARTS = ScanParts(secrets=False)


@dataclass(frozen=True)
class FileLayer:
    """A layer that lies in a file as it is."""

    descriptor: Descriptor
    diff_id: Digest | None
    path: Path

    @contextmanager
    def open(self) -> Iterator[Readable]:
        with self.path.open("rb") as file:
            yield file


class NoSecrets:
    version = "none"

    def scan_batch(self, files: Sequence[tuple[str, bytes | memoryview]]) -> list[SecretFact]:
        del files
        return []


def layer_of(path: Path) -> FileLayer:
    """A tar, packed with gzip or not, as a layer."""
    data = path.read_bytes()
    is_packed = data[:2] == b"\x1f\x8b"
    descriptor = Descriptor(
        media_type=media_type.OCI_LAYER_GZIP if is_packed else media_type.OCI_LAYER,
        digest=Digest(f"sha256:{hashlib.sha256(data).hexdigest()}"),
        size=len(data),
    )
    plain = gzip.decompress(data) if is_packed else data
    return FileLayer(descriptor, Digest(f"sha256:{hashlib.sha256(plain).hexdigest()}"), path)


def built(folder: Path, builder: LayerBuilder) -> FileLayer:
    """A layer that a test lays over others."""
    layer: BuiltLayer = builder.build()
    path = folder / f"{layer.descriptor.digest.short}.layer"
    path.write_bytes(layer.read())
    return FileLayer(layer.descriptor, layer.diff_id, path)


def image(layers: Sequence[FileLayer], instructions: Sequence[str]) -> Image:
    """An image whose history tells an instruction for each layer, and one that made none."""
    history = [HistoryEntry(created_by=text) for text in instructions]
    history.insert(1, HistoryEntry(created_by="ENV A=b", empty_layer=True))
    config = ImageConfig(
        platform=Platform(os="linux", architecture="amd64"),
        diff_ids=tuple(layer.diff_id for layer in layers if layer.diff_id),
        history=tuple(history),
    )
    return Image(name="test", digest=Digest.of(b"m"), config=config, config_bytes=b"{}", layers=tuple(layers))


def scanned(source: Image) -> Inventory:
    return scan_image(source, store=None, roster=CATALOGERS, secrets=NoSecrets(), parts=PARTS)


def custody(source: Image) -> Custody:
    found = scanned(source).custody
    assert found is not None
    return found


def explained(source: Image, path: str) -> Explanation:
    analyser = Analyser(roster=CATALOGERS, secrets=NoSecrets(), limits=ScanLimits(), parts=PARTS)
    return explain_path(source, path, analyser)


def paths(files: Sequence[FileCustody]) -> set[str]:
    return {file.path for file in files}


def files_of(found: Custody, origin: Origin) -> int:
    return next(share.files for share in found.shares if share.origin is origin)
