# SPDX-License-Identifier: Apache-2.0
"""The blobs and manifests of one repository of a registry, as images are opened from them."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

from tidegate.artifact import Descriptor, Digest, Reference
from tidegate.bounds import Readable

if TYPE_CHECKING:
    from tidegate.oci.registry import RegistryClient


class RepositoryBlobs:
    """The blobs of one repository (a `tidegate.oci.blobs.Blobs`).

    Args:
        client: asks the registry.
        reference: names the repository.
        known: manifests that were fetched already.
    """

    def __init__(self, client: "RegistryClient", reference: Reference, known: Mapping[Digest, bytes]) -> None:
        self.where = str(reference)
        self._client = client
        self._reference = reference
        self._known = known

    def check(self, descriptor: Descriptor) -> None:
        """Nothing: it would cost a call; `open` tells."""

    def open(self, descriptor: Descriptor) -> AbstractContextManager[Readable]:
        """Streams a blob."""
        return self._client.blob(self._reference, descriptor)

    @contextmanager
    def manifest(self, descriptor: Descriptor) -> Iterator[Readable]:
        """Streams a manifest, which registries keep apart from blobs."""
        raw = self._known.get(descriptor.digest)
        yield BytesIO(raw if raw is not None else self._client.manifest(self._reference.at(descriptor.digest)).raw)
