# SPDX-License-Identifier: Apache-2.0
"""An encrypted copy where blobs lie in an object store and the state in PostgreSQL, as replicas have them."""

import random
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from keeping_stand import APP, OTHER, Hands, Stand, postgres

from backing import Backing
from object_server import ObjectServer, start_objects
from postgres_server import wiped
from tidegate.admission.gate import Gate
from tidegate.artifact import Digest, Manifest, Tag
from tidegate.artifact import media_type as mt
from tidegate.curation.consumer import Consumer
from tidegate.curation.encryption.encrypting import CopyWish, Encrypting
from tidegate.curation.encryption.key_release import KeyRelease
from tidegate.curation.shelf import Shelf
from tidegate.curation.shelf_blobs import ShelfBlobs
from tidegate.curation.shelved import manifest_of
from tidegate.curation.states import State, advance
from tidegate.oci.encryption.keys import DecryptionKey
from tidegate.oci.encryption.layer import LayerDecryption
from tidegate.signing.keys import SigningKey, TrustedKeys
from tidegate.storage.blobs import BlobBounds
from tidegate.values import replace
from tidegate.wire import to_json

__all__ = ["postgres"]
pytestmark = pytest.mark.tools
LAYER = random.Random(1).randbytes(12_000_000)  # more than two parts of a multipart upload
ANNA = Consumer(name="anna")


@pytest.fixture
def objects(tmp_path: Path) -> Iterator[ObjectServer]:
    with start_objects(tmp_path / "objects") as running:
        yield running


def test_a_copy_is_made_and_its_keys_are_released(postgres: str, objects: ObjectServer, tmp_path: Path) -> None:
    backing, clock = Backing(postgres=wiped(postgres), objects=objects), Hands()
    database = backing.database(tmp_path)
    store = backing.store(tmp_path, database, BlobBounds())
    blobs = ShelfBlobs(database, store, clock)
    shelf = Shelf(database, blobs, clock)
    stand = Stand(database=database, store=store, blobs=blobs, shelf=shelf, clock=clock, folder=tmp_path)
    layer = stand.blob(LAYER)
    config = stand.blob(to_json({"rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}))
    plain = stand.put({"config": {**config, "mediaType": mt.OCI_CONFIG}, "layers": [layer]}, mt.OCI_MANIFEST, "v1")
    server, edge = (DecryptionKey.of(ec.generate_private_key(ec.SECP256R1())) for _ in range(2))
    key = SigningKey.generate()
    gate = Gate(policies=(), signer=key, trusted=TrustedKeys.of([key.verifying]), verifier_id="https://x.example")
    making = Encrypting(database=database, blobs=blobs, shelf=shelf, gate=gate, keys=(server,), clock=clock)

    def admit(digest: Digest) -> None:
        with database.begin() as connection:
            for state in (State.ANALYSING, State.ADMITTED):
                advance(connection, digest, state, who="test", why="because", at=clock())

    admit(plain)
    wish = CopyWish(source=APP, locator=Tag("v1"), target=OTHER, tag=Tag("secret"), consumers=())
    copy = making.make(wish, ANNA).encrypted
    admit(copy)
    release = KeyRelease(database=database, shelf=shelf, keys=(server,), clock=clock)
    (given,) = release.release(copy, edge.recipient, ANNA, [OTHER]).layers
    with database.read() as connection:
        manifest = manifest_of(connection, copy)
    assert isinstance(manifest, Manifest)
    encrypted = replace(manifest.layers[0], annotations=given.annotations)
    with blobs.open(blobs.find(OTHER, encrypted.digest)) as stored:
        ciphertext = stored.read()
    work = LayerDecryption(BytesIO(ciphertext), encrypted, [edge])
    assert work.stream.read(-1) == LAYER
    assert LAYER[:64] not in ciphertext
    database.close()
