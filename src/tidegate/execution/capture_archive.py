# SPDX-License-Identifier: Apache-2.0
"""Reads the archive of a capture: nothing is believed that does not hash to what it is called by."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, TypeVar

from tidegate.artifact import Descriptor, Digest, Index, Manifest, parse_manifest
from tidegate.bounds import MIB, Readable, read_bounded
from tidegate.errors import BoundExceededError, InvalidInputError, NotFoundError
from tidegate.execution.capture import ARTIFACT_TYPE, OVERVIEW, TITLE, Capture
from tidegate.oci.archive import ArchiveBlobs, open_tar
from tidegate.oci.layout import layout_index
from tidegate.wire import from_json

MAX_DOCUMENT_BYTES: Final = 256 * MIB
MAX_OVERVIEW_BYTES: Final = MIB
MAX_PARTS: Final = 20_000
_MAX_MANIFEST_BYTES: Final = 16 * MIB
_CHUNK: Final = MIB
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CaptureArchive:
    """An open archive.

    Attributes:
        digest: of the manifest: it names the capture.
        parts: by title, in the manifest's order.
    """

    digest: Digest
    parts: Mapping[str, Descriptor]
    where: str
    _blobs: ArchiveBlobs

    def overview(self) -> Capture:
        """What the capture says of itself.

        Raises:
            InvalidInputError: there is no such part, or it says something else.
        """
        found = next((title for title, part in self.parts.items() if part.media_type == OVERVIEW), None)
        if found is None:
            raise InvalidInputError("a capture without an overview", where=self.where)
        return self.document(found, Capture, max_bytes=MAX_OVERVIEW_BYTES)

    def document(self, title: str, kind: type[T], *, max_bytes: int = MAX_DOCUMENT_BYTES) -> T:
        """A part in JSON.

        Raises:
            NotFoundError: there is no part of that name.
            InvalidInputError, BoundExceededError: it is not what it should be, or longer than `max_bytes`.
        """
        with self.open(title) as source:
            raw = read_bounded(source, max_bytes=max_bytes, what=f"{self.where}: {title}")
        return from_json(raw, kind, what=f"{self.where}: {title}", max_bytes=max_bytes)

    @contextmanager
    def open(self, title: str) -> Iterator[Readable]:
        """Streams a part.

        Raises:
            NotFoundError: there is no part of that name.
        """
        part = self.parts.get(title)
        if part is None:
            known = ", ".join(list(self.parts)[:20])
            raise NotFoundError(f"no part {title[:80]!r}", where=self.where, remedy=f"parts are {known}")
        with self._blobs.open(part) as source:
            yield source


@contextmanager
def open_capture(path: Path) -> Iterator[CaptureArchive]:
    """Opens an archive and hashes every part of it.

    Raises:
        InvalidInputError: it is no capture, or something in it was changed.
        BoundExceededError: over a bound.
        OutsideError: it cannot be read.
    """
    where = str(path)
    with open_tar(path) as tar:
        blobs = ArchiveBlobs(tar)
        index = layout_index(blobs.document("index.json", _MAX_MANIFEST_BYTES), where=f"{where}: index.json")
        if len(index.manifests) != 1:
            raise InvalidInputError(f"holds {len(index.manifests)} manifests, where a capture has one", where=where)
        manifest = _manifest(blobs, index.manifests[0], where)
        if len(manifest.layers) > MAX_PARTS:
            raise BoundExceededError("MAX_PARTS", MAX_PARTS, where=where)
        parts: dict[str, Descriptor] = {}
        for part in (manifest.config, *manifest.layers):
            _check(blobs, part, where)
        for part in manifest.layers:
            title = part.annotations.get(TITLE, "")
            if not title or title in parts:
                raise InvalidInputError("a part without a name of its own", where=where)
            parts[title] = part
        yield CaptureArchive(manifest.digest, parts, where, blobs)


def _manifest(blobs: ArchiveBlobs, entry: Descriptor, where: str) -> Manifest:
    with blobs.open(entry) as source:
        raw = read_bounded(source, max_bytes=_MAX_MANIFEST_BYTES, what=where)
    if Digest.of(raw) != entry.digest:
        raise InvalidInputError("the manifest was changed", where=where)
    manifest = parse_manifest(raw, media_type=entry.media_type, where=where)
    if isinstance(manifest, Index) or manifest.artifact_type != ARTIFACT_TYPE:
        raise InvalidInputError("not a forensic capture", where=where, remedy="tidegate forensics capture makes one")
    return manifest


def _check(blobs: ArchiveBlobs, part: Descriptor, where: str) -> None:
    if part.digest.algorithm != "sha256":
        raise InvalidInputError(f"a part under {part.digest.algorithm}", where=where)
    hashed = sha256()
    with blobs.open(part) as source:
        while chunk := source.read(_CHUNK):
            hashed.update(chunk)
    if hashed.hexdigest() != part.digest.hex:
        raise InvalidInputError(f"the part {part.annotations.get(TITLE, part.digest)[:80]} was changed", where=where)
