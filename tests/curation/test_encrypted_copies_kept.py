# SPDX-License-Identifier: Apache-2.0
"""Keys in a copy are wrapped only for who may have the image now; who may have it later is released them then."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from keeping_stand import APP, NOW, OTHER, Stand, both_engines, postgres

from tidegate.admission.gate import Gate
from tidegate.admission.records import records_of
from tidegate.artifact import Digest, Tag
from tidegate.artifact import media_type as mt
from tidegate.clock import rfc3339
from tidegate.curation.change import Act, Wish, change_state
from tidegate.curation.consumer import Consumer
from tidegate.curation.encryption.copies import copies_of
from tidegate.curation.encryption.encrypting import CopyWish, Encrypting
from tidegate.curation.encryption.key_release import KeyRelease
from tidegate.curation.encryption.recipients import add_recipient
from tidegate.curation.shelf import WithheldError
from tidegate.curation.shelved import manifest_of
from tidegate.curation.states import State, advance
from tidegate.errors import RefusedError
from tidegate.evidence import ENCRYPTION
from tidegate.evidence.restriction import Restriction
from tidegate.oci.encryption.keys import DecryptionKey
from tidegate.oci.encryption.wrapping import recipients_of
from tidegate.signing.envelope import verify
from tidegate.signing.keys import SigningKey, TrustedKeys
from tidegate.wire import to_json

__all__ = ["both_engines", "postgres"]
SERVER, BOBS, OPS = (DecryptionKey.of(ec.generate_private_key(ec.SECP256R1())) for _ in range(3))
ANNA, BOB = Consumer(name="anna"), Consumer(name="bob")
OPERATOR = Consumer(name="olaf", groups=frozenset({"ops"}))
FOR_OPS = Restriction(who=("group:ops",))


@pytest.fixture
def stand(both_engines: Stand) -> Stand:
    with both_engines.database.begin() as connection:
        add_recipient(connection, "bob", BOBS.recipient, who="anna", at=NOW)
        add_recipient(connection, "group:ops", OPS.recipient, who="anna", at=NOW)
    return both_engines


@pytest.fixture
def gate() -> Gate:
    key = SigningKey.generate()
    return Gate(policies=(), signer=key, trusted=TrustedKeys.of([key.verifying]), verifier_id="https://x.example")


@pytest.fixture
def making(stand: Stand, gate: Gate) -> Encrypting:
    return Encrypting(
        database=stand.database, blobs=stand.blobs, shelf=stand.shelf, gate=gate, keys=(SERVER,), clock=stand.clock
    )


@pytest.fixture
def release(stand: Stand) -> KeyRelease:
    return KeyRelease(database=stand.database, shelf=stand.shelf, keys=(SERVER,), clock=stand.clock)


def settle(stand: Stand, digest: Digest, *states: State) -> None:
    ends = rfc3339(stand.clock() + timedelta(days=7))
    with stand.database.begin() as connection:
        for state in states:
            advance(connection, digest, state, who="test", why="because", at=stand.clock(), expires_at=ends)


def keep_for_ops(stand: Stand, gate: Gate, digest: Digest, act: Act = Act.RESTRICT) -> None:
    wish = Wish(act=act, reason="for operations", who="carol", restriction=FOR_OPS if act is Act.RESTRICT else None)
    with stand.database.begin() as connection:
        change_state(connection, gate, digest, wish, at=NOW)


def plain_image(stand: Stand, name: str) -> Digest:
    layer = stand.blob(name.encode())
    config = stand.blob(to_json({"rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}))
    parts: dict[str, object] = {"config": {**config, "mediaType": mt.OCI_CONFIG}, "layers": [layer]}
    return stand.put(parts, mt.OCI_MANIFEST, name)


def plain_index(stand: Stand, *names: str) -> tuple[Digest, ...]:
    """An admitted index, and its images, which are admitted too; the index comes first."""
    images = [plain_image(stand, name) for name in names]
    index = stand.index("v1", *images)
    for digest in (*images, index):
        settle(stand, digest, State.ANALYSING, State.ADMITTED)
    return (index, *images)


def wish(*consumers: str) -> CopyWish:
    return CopyWish(source=APP, locator=Tag("v1"), target=OTHER, tag=Tag("secret"), consumers=consumers)


def copy_of_one(stand: Stand, plain: Digest) -> Digest:
    with stand.database.read() as connection:
        (found,) = copies_of(connection, plain)
    return found


def opened_by(stand: Stand, plain: Digest) -> set[str]:
    """Thumbprints of the keys that open the layers of the copy of an image."""
    with stand.database.read() as connection:
        (layer,) = manifest_of(connection, copy_of_one(stand, plain)).layers  # type: ignore[union-attr]
    return {str(one.kid) for one in recipients_of(layer, where="layer")}


def said_of(stand: Stand, gate: Gate, plain: Digest) -> set[str]:
    """Those that the signed statement names."""
    with stand.database.read() as connection:
        records = records_of(connection, copy_of_one(stand, plain))
    (found,) = (one for one in records if one.predicate_type == ENCRYPTION)
    return set(verify(found.envelope, gate.trusted, where="statement").statement.predicate["recipients"])


def kids(*keys: DecryptionKey) -> set[str]:
    return {key.recipient.kid for key in keys}


def test_of_an_index_only_the_keys_of_images_that_one_may_have_are_wrapped(
    stand: Stand, making: Encrypting, gate: Gate, release: KeyRelease
) -> None:
    index, kept, refused, free = plain_index(stand, "kept", "refused", "free")
    keep_for_ops(stand, gate, kept)
    settle(stand, refused, State.RECALLED)
    copy = making.make(wish("bob", "group:ops"), ANNA).encrypted
    assert opened_by(stand, kept) == said_of(stand, gate, kept) == kids(SERVER, OPS)
    assert opened_by(stand, refused) == said_of(stand, gate, refused) == kids(SERVER)
    assert opened_by(stand, free) == said_of(stand, gate, free) == kids(SERVER, BOBS, OPS)
    assert said_of(stand, gate, index) == kids(SERVER, BOBS, OPS)

    copies = [copy_of_one(stand, one) for one in (kept, refused, free)]
    for digest in (*copies, copy):
        settle(stand, digest, State.ANALYSING, State.ADMITTED)

    def given(consumer: Consumer) -> int:
        return len(release.release(copy, BOBS.recipient, consumer, [OTHER]).layers)

    settle(stand, copies[1], State.RECALLED)
    assert (given(BOB), given(OPERATOR)) == (1, 2)
    # Decided at the time: what is let out later is released then.
    keep_for_ops(stand, gate, kept, Act.RELEASE)
    for digest in (refused, copies[1]):
        settle(stand, digest, State.QUARANTINED, State.ANALYSING, State.ADMITTED)
    assert (given(BOB), given(OPERATOR)) == (3, 3)


def test_an_image_kept_for_others_is_copied_for_nobody_else(
    stand: Stand, making: Encrypting, gate: Gate, release: KeyRelease
) -> None:
    plain = plain_image(stand, "v1")
    settle(stand, plain, State.ANALYSING, State.ADMITTED)
    keep_for_ops(stand, gate, plain)
    with pytest.raises(WithheldError, match="for operations"):
        making.make(wish("bob"), ANNA)
    copy = making.make(wish("bob", "group:ops"), OPERATOR).encrypted
    assert opened_by(stand, plain) == said_of(stand, gate, plain) == kids(SERVER, OPS)
    settle(stand, copy, State.ANALYSING, State.ADMITTED)
    with pytest.raises(RefusedError, match="for operations"):
        release.release(copy, BOBS.recipient, BOB, [OTHER])
    keep_for_ops(stand, gate, plain, Act.RELEASE)
    assert release.release(copy, BOBS.recipient, BOB, [OTHER]).layers
