# SPDX-License-Identifier: Apache-2.0
"""Copies are judged in the same work as their image: renewed with it, recalled with it, admitted again with it."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from keeping_stand import APP, NOW, OTHER, Stand, stand_on

from tidegate.admission.gate import Gate
from tidegate.artifact import Digest, Tag
from tidegate.artifact import media_type as mt
from tidegate.curation.consumer import Consumer
from tidegate.curation.encryption.encrypting import CopyWish, Encrypting
from tidegate.curation.states import State, state_of
from tidegate.curation.workflow import Curation
from tidegate.errors import InvalidInputError
from tidegate.inventory import Inventory
from tidegate.oci.encryption.keys import DecryptionKey
from tidegate.oci.image import Image
from tidegate.policy.document import load_policy
from tidegate.signing.keys import SigningKey, TrustedKeys
from tidegate.storage import schema
from tidegate.wire import to_json

POLICY = """
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {{name: team}}
spec:
  rules:
    - {{name: one, boundaries: [curation], when: "{when}", verdict: deny, message: "it says no"}}
"""
KEY = SigningKey.generate()


class Straight:
    """Steps of work that nothing interrupts."""

    def run(self, _name: str, step: Callable[..., Any], *arguments: Any) -> Any:
        return step(*arguments)


def never_scanned(_image: Image) -> Inventory:
    raise InvalidInputError("nothing is scanned here")


def curation(stand: Stand, *, denies: bool) -> Curation:
    policy = load_policy(POLICY.format(when="true" if denies else "false"), file="policy.yaml")
    gate = Gate(
        policies=(policy,), signer=KEY, trusted=TrustedKeys.of([KEY.verifying]), verifier_id="https://x.example"
    )
    return Curation(
        database=stand.database,
        blobs=stand.store,
        shelf=stand.shelf,
        gate=gate,
        scan=never_scanned,
        report=lambda *_: pytest.fail("there is no inventory"),
        remember=lambda *_: None,
        knowledge=lambda: None,
        clock=stand.clock,
    )


def test_a_copy_shares_the_fate_of_its_image(tmp_path: Path) -> None:
    with stand_on(f"sqlite:///{tmp_path / 'state.db'}", tmp_path) as stand:
        layer = stand.blob(b"layer")
        config = stand.blob(to_json({"rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}))
        parts: dict[str, object] = {"config": {**config, "mediaType": mt.OCI_CONFIG}, "layers": [layer]}
        plain = stand.put(parts, mt.OCI_MANIFEST, "")  # what has no tag is not remembered as a base
        kind = curation(stand, denies=False)
        assert kind.work(Straight(), plain) == State.ADMITTED
        server = DecryptionKey.of(ec.generate_private_key(ec.SECP256R1()))
        making = Encrypting(
            database=stand.database,
            blobs=stand.blobs,
            shelf=stand.shelf,
            gate=kind._gate,
            keys=(server,),
            clock=stand.clock,
        )
        wish = CopyWish(source=APP, locator=plain, target=OTHER, tag=Tag("secret"), consumers=())
        copy = making.make(wish, Consumer(name="anna")).encrypted
        assert kind.work(Straight(), copy) == State.ADMITTED
        first = ends(stand, copy)
        assert first == ends(stand, plain)

        stand.clock.at = NOW + timedelta(hours=2)
        assert kind.work(Straight(), plain) == State.ADMITTED
        assert first != ends(stand, copy) == ends(stand, plain), "renewed with its image"

        assert curation(stand, denies=True).work(Straight(), plain) == State.RECALLED
        assert state(stand, copy) is State.RECALLED
        assert kind.work(Straight(), copy) == State.RECALLED, "whatever is asked of the copy alone"
        assert kind.work(Straight(), plain) == State.ADMITTED
        assert state(stand, copy) is State.ADMITTED


def ends(stand: Stand, digest: Digest) -> str:
    with stand.database.read() as connection:
        query = schema.state.select().where(schema.state.c.digest == digest)
        return str(connection.execute(query).one().expires_at)


def state(stand: Stand, digest: Digest) -> State | None:
    with stand.database.read() as connection:
        return state_of(connection, digest)
