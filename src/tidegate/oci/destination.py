# SPDX-License-Identifier: Apache-2.0
"""Where an image is written, blob by blob: a layout folder, an archive of one, a repository of a registry.

A blob is read from a stream whose digest nobody knows ahead, so it lies in a file without a name until it is whole.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, Protocol

from tidegate.artifact import Descriptor, Digest, Reference, Tag
from tidegate.bounds import KIB, Readable, printable
from tidegate.errors import InvalidInputError, OutsideError, UsageError
from tidegate.oci.push import Pusher
from tidegate.oci.write import enter_layout, pack_oci_archive, write_blob
from tidegate.values import Struct

_CHUNK_BYTES: Final = 256 * KIB
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,127}")
_FORMS: Final = "oci:DIR[:NAME], oci-archive:FILE[:NAME] or registry:REFERENCE"


class Destination(Protocol):
    """A place that takes an image; what it took and no manifest names is no harm."""

    def holds(self, descriptor: Descriptor) -> bool:
        """True when the blob is there already."""
        ...

    def take(self, source: Readable, *, algorithm: str = "sha256") -> Digest:
        """Reads a blob to its end and keeps it; nothing of one whose reader raises.

        Args:
            source: the blob.
            algorithm: of the digest it is kept under.

        Raises:
            OutsideError: the disk or the registry failed.
        """
        ...

    def put_manifest(self, raw: bytes, media_type: str) -> Descriptor:
        """Keeps a manifest or index whose parts are there.

        Raises:
            OutsideError: the disk or the registry failed.
        """
        ...

    def finish(self, root: Descriptor) -> None:
        """Gives the image its name, when all of it is there.

        Raises:
            OutsideError: the disk or the registry failed.
        """
        ...


class DestinationName(Struct, frozen=True, kw_only=True):
    """Where an image shall go, as the user wrote it.

    Attributes:
        path: folder or file; None for a registry.
        tag: its name in a layout.
        reference: for a registry.
    """

    text: str
    path: Path | None = None
    is_archive: bool = False
    tag: str = "latest"
    reference: Reference | None = None


def parse_destination(text: str) -> DestinationName:
    """Reads where to write to; the scheme must be said.

    Raises:
        UsageError: it is none of the forms, or an archive that is there already.
    """
    scheme, _, rest = text.partition(":")
    if not rest or "\0" in text:
        raise UsageError("names no place to write to", where=printable(text[:80]), remedy=f"write {_FORMS}")
    if scheme == "registry":
        try:
            reference = Reference.parse(rest.removeprefix("//"))
        except InvalidInputError as error:
            raise UsageError(error.what, where=printable(text[:200])) from error
        return DestinationName(text=text, reference=reference)
    if scheme not in {"oci", "oci-archive"}:
        raise UsageError("nothing is written there", where=printable(text[:80]), remedy=f"write {_FORMS}")
    path, tag = _split(rest)
    if scheme == "oci-archive" and path.exists():
        raise UsageError("is there already", where=printable(str(path)), remedy="name another file")
    if scheme == "oci" and path.exists() and not path.is_dir():
        raise UsageError("is no folder", where=printable(str(path)), remedy="name another one")
    return DestinationName(text=text, path=path, is_archive=scheme == "oci-archive", tag=tag)


@contextmanager
def open_destination(name: DestinationName, *, pusher: Pusher | None = None) -> Iterator[Destination]:
    """Opens a place to write to; an archive is written when the block ends well.

    Args:
        name: where.
        pusher: for a registry.

    Raises:
        OutsideError: the disk failed.
        UsageError: a registry without a pusher.
    """
    if name.path is None or name.reference is not None:
        if pusher is None or name.reference is None:
            raise UsageError("no registry can be written to here", where=name.text)
        yield RegistryDestination(pusher, name.reference.tag)
    elif not name.is_archive:
        yield LayoutDestination(name.path, name.tag)
    else:
        with _scratch_folder(name.path.parent) as folder:
            yield LayoutDestination(folder / "layout", name.tag)
            draft = pack_oci_archive(folder / "layout", folder / "archive.tar")
            try:
                draft.replace(name.path)
            except OSError as error:
                raise OutsideError(f"cannot be written: {error.strerror or error}", where=str(name.path)) from error


class LayoutDestination:
    """A layout folder (image-spec 1.1 `image-layout.md`), made when it is not there."""

    def __init__(self, folder: Path, tag: str) -> None:
        self._folder = folder
        self._tag = tag

    def holds(self, descriptor: Descriptor) -> bool:
        """True when the blob is there in its size; whoever reads it verifies it."""
        path = self._path(descriptor.digest)
        return path.is_file() and path.stat().st_size == descriptor.size

    def take(self, source: Readable, *, algorithm: str = "sha256") -> Digest:
        """Reads a blob to its end and keeps it."""
        with _writing(self._folder):
            blobs = self._folder / "blobs" / algorithm
            blobs.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=".incoming-", dir=blobs)
            draft = Path(name)
            try:
                with os.fdopen(handle, "wb") as file:
                    digest = _copy(source, file, algorithm)
                draft.chmod(0o644)
                draft.replace(self._path(digest))
            finally:
                draft.unlink(missing_ok=True)
        return digest

    def put_manifest(self, raw: bytes, media_type: str) -> Descriptor:
        """Keeps a manifest or index."""
        return write_blob(self._folder, raw, media_type)

    def finish(self, root: Descriptor) -> None:
        """Names the image in the layout's index."""
        enter_layout(self._folder, self._tag, root)

    def _path(self, digest: Digest) -> Path:
        return self._folder / "blobs" / digest.algorithm / digest.hex


class RegistryDestination:
    """A repository of a registry; blobs wait in a nameless file of this machine until they are whole."""

    def __init__(self, pusher: Pusher, tag: Tag | None) -> None:
        self._pusher = pusher
        self._tag = tag
        self._raw: dict[Digest, bytes] = {}

    def holds(self, descriptor: Descriptor) -> bool:
        """True when the repository has the blob."""
        return self._pusher.has_blob(descriptor.digest)

    def take(self, source: Readable, *, algorithm: str = "sha256") -> Digest:
        """Reads a blob to its end and pushes it."""
        with tempfile.NamedTemporaryFile(prefix="tidegate-") as file:
            with _writing(Path(file.name)):
                digest = _copy(source, file, algorithm)
                file.flush()
            self._pusher.push_blob(Path(file.name), digest)
        return digest

    def put_manifest(self, raw: bytes, media_type: str) -> Descriptor:
        """Pushes a manifest by its digest."""
        pushed = self._pusher.push_manifest(raw, media_type)
        self._raw = {pushed.digest: raw}
        return Descriptor(media_type=media_type, digest=pushed.digest, size=pushed.size)

    def finish(self, root: Descriptor) -> None:
        """Tags the image, which was put last."""
        if self._tag is not None:
            self._pusher.push_manifest(self._raw[root.digest], root.media_type, tag=self._tag)


def _copy(source: Readable, to: "IO[bytes] | tempfile._TemporaryFileWrapper[bytes]", algorithm: str) -> Digest:
    hashed = hashlib.new(algorithm)
    while chunk := source.read(_CHUNK_BYTES):
        hashed.update(chunk)
        to.write(chunk)
    return Digest(f"{algorithm}:{hashed.hexdigest()}")


def _split(rest: str) -> tuple[Path, str]:
    """Parts a path from the name behind it; a path that is there as it stands has none."""
    head, colon, tail = rest.rpartition(":")
    if colon and head and not Path(rest).exists() and _TAG.fullmatch(tail):
        return Path(head), tail
    return Path(rest), "latest"


@contextmanager
def _scratch_folder(beside: Path) -> Iterator[Path]:
    with _writing(beside):
        scratch = tempfile.TemporaryDirectory(prefix=".tidegate-", dir=beside)
    with scratch as folder:
        yield Path(folder)


@contextmanager
def _writing(where: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutsideError(f"cannot be written: {error.strerror or error}", where=str(where)) from error
