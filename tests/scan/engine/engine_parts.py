# SPDX-License-Identifier: Apache-2.0
"""What the engine's tests share: small catalogers, a stream over bytes, and images held in memory."""

import hashlib
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tidegate.artifact import Descriptor, Digest, ImageConfig, Platform
from tidegate.bounds import Readable
from tidegate.errors import InvalidInputError
from tidegate.inventory import FileFacts, Package, PackageKind, SecretFact, Version
from tidegate.oci.image import Image
from tidegate.oci.layer_builder import BuiltLayer
from tidegate.scan.cataloger import ImageFile, Wants
from tidegate.scan.entry import Entry, EntryKind
from tidegate.scan.limits import ScanLimits
from tidegate.scan.tar import TarWalk


@dataclass(slots=True)
class BytesSource:
    """A tar stream over bytes."""

    data: bytes
    chunk: int = 4096
    where: str = "test.tar"
    at: int = 0

    def next_chunk(self) -> memoryview:
        part = self.data[self.at : self.at + self.chunk]
        self.at += len(part)
        return memoryview(part)


class LineCataloger:
    """Reads `name version` lines; `!` makes it raise."""

    name = "lines"
    version = 1
    wants = Wants(
        paths=frozenset({"var/db/packages"}),
        names=frozenset({"PACKAGES"}),
        suffixes=frozenset({".pkg"}),
        folders=frozenset({"var/db/list.d"}),
        max_bytes=4096,
    )

    def accepts(self, path: str) -> bool:
        return "refused" not in path

    def catalog(self, file: ImageFile) -> FileFacts:
        text = file.content.decode()
        if text.startswith("!input"):
            raise InvalidInputError("no such format", where=file.path)
        if text.startswith("!bug"):
            raise KeyError("bug")
        rows = [line.split() for line in text.splitlines()]
        packages = [Package(kind=PackageKind.PYPI, name=name, version=Version(version)) for name, version in rows]
        return FileFacts(path=file.path, cataloger=self.name, packages=tuple(packages))


@dataclass
class WordScanner:
    """Finds the word HUSH."""

    version: str = "test-1"
    seen: list[str] = field(default_factory=list)

    def scan_batch(self, files: Sequence[tuple[str, bytes | memoryview]]) -> list[SecretFact]:
        found = []
        for path, content in files:
            self.seen.append(path)
            if b"HUSH" in bytes(content):
                mark = hashlib.sha256(path.encode()).hexdigest()
                found.append(SecretFact(rule="word", path=path, line=1, redacted="HU…", fingerprint=mark))
        return found


@dataclass
class MemoryLayer:
    """A built layer, served from memory; counts how often it is opened."""

    descriptor: Descriptor
    diff_id: Digest | None
    blob: bytes
    opened: int = 0

    @contextmanager
    def open(self) -> Iterator[Readable]:
        self.opened += 1
        yield io.BytesIO(self.blob)


def image_of(*layers: BuiltLayer) -> Image:
    """An image of these layers, bottom first."""
    return Image(
        name="test",
        digest=Digest.of(b"manifest"),
        config=ImageConfig(
            platform=Platform(os="linux", architecture="amd64"), diff_ids=tuple(it.diff_id for it in layers)
        ),
        config_bytes=b"{}",
        layers=tuple(MemoryLayer(layer.descriptor, layer.diff_id, layer.read()) for layer in layers),
    )


def walked(data: bytes, limits: ScanLimits | None = None, chunk: int = 4096) -> list[tuple[Entry, bytes]]:
    """All entries of a tar and the content of its files."""
    walk = TarWalk(BytesSource(data, chunk), limits or ScanLimits())
    return [(entry, walk.read() if entry.kind is EntryKind.FILE else b"") for entry in walk]
