# SPDX-License-Identifier: Apache-2.0
"""Where good bytes may be had of what is damaged here: folders of blobs, and other registries."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from io import BytesIO
from pathlib import Path
from typing import Protocol

from tidegate.artifact import Descriptor, Digest, Reference, Repository
from tidegate.artifact import media_type as mt
from tidegate.bounds import Readable
from tidegate.errors import InvalidInputError, NotFoundError, OutsideError
from tidegate.oci.registry import RegistryClient


class RepairSource(Protocol):
    """One place. What it gives is hashed by whoever takes it: nothing here is trusted."""

    @property
    def name(self) -> str:
        """As it stands in records."""
        ...

    def open(
        self, digest: Digest, size: int, repositories: Sequence[Repository], *, is_manifest: bool = False
    ) -> AbstractContextManager[Readable]:
        """A context that opens the bytes of a digest.

        Raises:
            NotFoundError: they are not there.
            OutsideError: the place cannot be reached.
        """
        ...


class FolderSource:
    """The blobs of a replica, a backup or an OCI layout: `blobs/sha256/ab/<hex>` or `blobs/sha256/<hex>`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def name(self) -> str:
        """The folder."""
        return str(self._folder)

    @contextmanager
    def open(
        self, digest: Digest, size: int, repositories: Sequence[Repository], *, is_manifest: bool = False
    ) -> Iterator[Readable]:
        """Opens a blob (`RepairSource.open`)."""
        del size, repositories, is_manifest
        base = self._folder / "blobs" / digest.algorithm
        for path in (base / digest.hex[:2] / digest.hex, base / digest.hex):
            try:
                file = path.open("rb")
            except FileNotFoundError:
                continue
            except OSError as error:
                raise OutsideError(f"cannot be read: {error.strerror}", where=str(path)) from error
            with file:
                yield file
            return
        raise NotFoundError("no such blob", where=f"{self.name}: {digest}")


class RegistrySource:
    """Another registry, by its host and perhaps a prefix: `mirror.example:5000`, `mirror.example/ours`.

    Args:
        connect: opens a client for as long as one repair takes.
        place: host and prefix.
    """

    def __init__(self, connect: Callable[[], AbstractContextManager[RegistryClient]], place: str) -> None:
        self._connect = connect
        self._host, _, self._prefix = place.partition("/")

    @property
    def name(self) -> str:
        """The registry."""
        return f"{self._host}/{self._prefix}" if self._prefix else self._host

    @contextmanager
    def open(
        self, digest: Digest, size: int, repositories: Sequence[Repository], *, is_manifest: bool = False
    ) -> Iterator[Readable]:
        """Opens a blob, or a manifest, of the first repository there that has it (`RepairSource.open`)."""
        with self._connect() as client, ExitStack() as opened:
            for repository in repositories:
                name = Repository(f"{self._prefix}/{repository}" if self._prefix else repository)
                reference = Reference(registry=self._host, repository=name, digest=digest)
                try:
                    found = opened.enter_context(_at(client, reference, size, is_manifest=is_manifest))
                except (InvalidInputError, NotFoundError):
                    continue  # not there, or not what it should be: the next repository may have it
                break
            else:
                raise NotFoundError("no such blob", where=f"{self.name}: {digest}")
            yield found


def _at(
    client: RegistryClient, reference: Reference, size: int, *, is_manifest: bool
) -> AbstractContextManager[Readable]:
    if is_manifest:
        return nullcontext(BytesIO(client.manifest(reference).raw))
    digest = Digest(reference.locator)
    return client.blob(reference, Descriptor(media_type=mt.OCI_LAYER, digest=digest, size=size))
