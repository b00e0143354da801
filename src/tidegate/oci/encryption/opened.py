# SPDX-License-Identifier: Apache-2.0
"""An encrypted layer opened for reading, as any other layer is.

What is known of a layer is kept by its digest, and an encrypted layer tells the digest of what is in it by its maker's
word. So that word is proved before anybody relies on it: the layer is decrypted once to be hashed, and again each time
it is read.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Final

from tidegate.artifact import Descriptor, Digest
from tidegate.bounds import KIB, Readable
from tidegate.oci.blobs import BlobLayer
from tidegate.oci.choose import Unlock
from tidegate.oci.encryption.keys import DecryptionKey
from tidegate.oci.encryption.layer import LayerDecryption, OtherThanToldError
from tidegate.oci.image import Layer
from tidegate.values import Struct

_CHUNK_BYTES: Final = 256 * KIB


class DecryptedLayer(Struct, frozen=True, kw_only=True):
    """A layer of an opened image (`tidegate.oci.image.Layer`) whose descriptor speaks of the decrypted blob."""

    descriptor: Descriptor
    diff_id: Digest | None
    stored: BlobLayer
    keys: tuple[DecryptionKey, ...]
    is_proved: bool

    @contextmanager
    def open(self) -> Iterator[Readable]:
        """Streams the blob decrypted."""
        with self.stored.open() as source:
            yield LayerDecryption(source, self.stored.descriptor, self.keys, is_proved=self.is_proved).stream


def unlocking(keys: Collection[DecryptionKey]) -> Unlock:
    """A function that makes encrypted layers readable.

    It raises what `LayerDecryption` does, and `DigestMismatchError` for a layer that is another than its maker said.
    """
    own = tuple(keys)

    def unlock(layer: BlobLayer) -> Layer:
        try:
            return _hashed(layer, own, is_proved=False)
        except OtherThanToldError:
            if layer.diff_id is None:
                raise
        # Whoever reads the layer holds its tar stream against the configuration.
        return _hashed(layer, own, is_proved=True)

    return unlock


def _hashed(layer: BlobLayer, keys: tuple[DecryptionKey, ...], *, is_proved: bool) -> DecryptedLayer:
    with layer.open() as source:
        work = LayerDecryption(source, layer.descriptor, keys, is_proved=is_proved)
        while work.stream.read(_CHUNK_BYTES):
            pass
    return DecryptedLayer(
        descriptor=work.descriptor(), diff_id=layer.diff_id, stored=layer, keys=keys, is_proved=is_proved
    )
