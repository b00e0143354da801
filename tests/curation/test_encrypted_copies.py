# SPDX-License-Identifier: Apache-2.0
"""Recipients, encrypted copies and the release of their keys, on both engines: who gets them, who does not, and why."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from keeping_stand import APP, NOW, OTHER, Stand, both_engines, postgres

from tidegate.admission.gate import Gate
from tidegate.artifact import Digest, Tag
from tidegate.artifact import media_type as mt
from tidegate.clock import rfc3339
from tidegate.curation.change import Act, Wish, change_state
from tidegate.curation.consumer import Consumer
from tidegate.curation.encryption.copies import copies_of, copy_of, list_copies
from tidegate.curation.encryption.encrypting import CopyWish, Encrypting
from tidegate.curation.encryption.key_release import KeyRelease, list_releases
from tidegate.curation.encryption.recipients import (
    MAX_KEYS_OF_ONE,
    add_recipient,
    keys_of,
    list_recipients,
    remove_recipient,
)
from tidegate.curation.keeping.protected import protected
from tidegate.curation.shelf import ManifestUnknownError, WithheldError
from tidegate.curation.shelved import manifest_of
from tidegate.curation.states import State, advance, state_of
from tidegate.errors import BoundExceededError, InvalidInputError, NotFoundError, RefusedError, UsageError
from tidegate.events import EventKind
from tidegate.evidence.restriction import Restriction
from tidegate.oci.encryption.keys import DecryptionKey
from tidegate.oci.encryption.wrapping import secret_of
from tidegate.signing.keys import SigningKey, TrustedKeys
from tidegate.values import replace
from tidegate.wire import to_json

__all__ = ["both_engines", "postgres"]
SERVER, EDGE, STRANGER = (DecryptionKey.of(ec.generate_private_key(ec.SECP256R1())) for _ in range(3))
ANNA, BOB = Consumer(name="anna"), Consumer(name="bob", groups=frozenset({"ops"}), address="192.0.2.7")


@pytest.fixture
def stand(both_engines: Stand) -> Stand:
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


def settle(stand: Stand, digest: Digest, *states: State, lasts: timedelta | None = None) -> None:
    ends = rfc3339(stand.clock() + lasts) if lasts else ""
    with stand.database.begin() as connection:
        for state in states:
            advance(connection, digest, state, who="test", why="because", at=stand.clock(), expires_at=ends)


def plain_image(stand: Stand) -> Digest:
    """An admitted image with a configuration that can be read."""
    layer = stand.blob(b"layer")
    config = stand.blob(to_json({"rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}))
    parts: dict[str, object] = {"config": {**config, "mediaType": mt.OCI_CONFIG}, "layers": [layer]}
    digest = stand.put(parts, mt.OCI_MANIFEST, "v1")
    settle(stand, digest, State.ANALYSING, State.ADMITTED, lasts=timedelta(days=7))
    return digest


def wish(*consumers: str) -> CopyWish:
    return CopyWish(source=APP, locator=Tag("v1"), target=OTHER, tag=Tag("secret"), consumers=consumers)


def copied(stand: Stand, making: Encrypting, *consumers: str) -> tuple[Digest, Digest]:
    """An admitted image and its admitted copy."""
    plain = plain_image(stand)
    copy = making.make(wish(*consumers), ANNA)
    settle(stand, copy.encrypted, State.ANALYSING, State.ADMITTED, lasts=timedelta(days=7))
    return plain, copy.encrypted


def test_recipients_come_and_go(stand: Stand) -> None:
    with stand.database.begin() as connection:
        assert add_recipient(connection, "robot$edge", EDGE.recipient, who="anna", at=NOW)
        assert not add_recipient(connection, "robot$edge", EDGE.recipient, who="anna", at=NOW)
        assert add_recipient(connection, "bob", EDGE.recipient, who="anna", at=NOW)
        (found,) = list_recipients(connection, name="bob")
        assert (found.kid, found.added_by, found.added_at) == (EDGE.recipient.kid, "anna", rfc3339(NOW))
        assert [key.kid for key in keys_of(connection, ("bob", "robot$edge"))] == [EDGE.recipient.kid]
        remove_recipient(connection, "bob", EDGE.recipient.kid, who="anna", at=NOW)
        with pytest.raises(NotFoundError, match="no such recipient"):
            remove_recipient(connection, "bob", EDGE.recipient.kid, who="anna", at=NOW)
        with pytest.raises(NotFoundError, match="no public key of this consumer; register one"):
            keys_of(connection, ("bob",))
        with pytest.raises(InvalidInputError, match="needs the name"):
            add_recipient(connection, "", EDGE.recipient, who="anna", at=NOW)
        for _ in range(MAX_KEYS_OF_ONE):
            other = DecryptionKey.of(ec.generate_private_key(ec.SECP256R1())).recipient
            add_recipient(connection, "carol", other, who="anna", at=NOW)
        with pytest.raises(BoundExceededError, match="MAX_KEYS_OF_ONE = 16"):
            add_recipient(connection, "carol", EDGE.recipient, who="anna", at=NOW)
    assert stand.events(EventKind.RECIPIENT_ADDED)[:2] == ["robot$edge", "bob"]
    assert stand.events(EventKind.RECIPIENT_REMOVED) == ["bob"]


def test_a_copy_its_statement_and_its_tag_are_there_at_once(stand: Stand, making: Encrypting, gate: Gate) -> None:
    with stand.database.begin() as connection:
        add_recipient(connection, "robot$edge", EDGE.recipient, who="anna", at=NOW)
    plain = plain_image(stand)
    made = making.make(wish("robot$edge"), ANNA)
    assert stand.resolve("secret", OTHER) == made.encrypted
    with stand.database.read() as connection:
        assert state_of(connection, made.encrypted) is State.QUARANTINED
        named = gate.plain_of(connection, made.encrypted)
        assert named is not None
        assert named[0] == plain == made.plain
        assert gate.plain_of(connection, plain) is None
        assert copies_of(connection, plain) == (made.encrypted,)
        assert copy_of(connection, plain) is None
        assert list_copies(connection, plain=plain) == list_copies(connection) == [made]
        (layer,) = manifest_of(connection, made.encrypted).layers  # type: ignore[union-attr]  # it is an image
    for key in (SERVER, EDGE):
        assert secret_of(layer, [key], where="layer").digest == Digest.of(b"layer")
    with pytest.raises(RefusedError):
        secret_of(layer, [STRANGER], where="layer")
    assert stand.events(EventKind.IMAGE_ENCRYPTED) == [made.encrypted]
    again = making.make(wish(), ANNA)
    assert again.encrypted != made.encrypted, "another key, another ciphertext"
    settle(stand, again.encrypted, State.ANALYSING, State.ADMITTED)
    with pytest.raises(UsageError, match=f"encrypt {plain}"):
        making.make(replace(wish(), source=OTHER, locator=again.encrypted), ANNA)


def test_only_what_is_served_is_copied(stand: Stand, making: Encrypting) -> None:
    with pytest.raises(ManifestUnknownError):
        making.make(wish(), ANNA)
    plain = plain_image(stand)
    with pytest.raises(NotFoundError, match="no public key"):
        making.make(wish("nobody"), ANNA)
    settle(stand, plain, State.RECALLED)
    with pytest.raises(WithheldError, match="recalled"):
        making.make(wish(), ANNA)
    assert stand.count("encrypted_copy") == 0


def test_keys_are_wrapped_for_the_key_shown_and_it_is_on_record(
    stand: Stand, making: Encrypting, release: KeyRelease
) -> None:
    plain, encrypted = copied(stand, making)
    given = release.release(encrypted, STRANGER.recipient, BOB, [OTHER])
    assert (given.plain, given.kid) == (plain, STRANGER.recipient.kid)
    with stand.database.read() as connection:
        (layer,) = manifest_of(connection, encrypted).layers  # type: ignore[union-attr]  # it is an image
        (record,) = list_releases(connection, encrypted=encrypted)
    shown = replace(layer, annotations=given.layers[0].annotations)
    assert secret_of(shown, [STRANGER], where="layer").digest == Digest.of(b"layer")
    with pytest.raises(RefusedError):
        secret_of(shown, [SERVER], where="layer")
    assert (record.granted, record.principal, record.address, record.why) == (True, "bob", "192.0.2.7", "")
    assert record.kid == STRANGER.recipient.kid
    assert stand.events(EventKind.KEYS_RELEASED) == [encrypted]


@pytest.mark.parametrize(
    ("states", "told"),
    [
        ((State.RECALLED,), "recalled"),
        ((State.RETIRED,), "retired"),
        ((State.RECALLED, State.QUARANTINED), "quarantined"),
        ((State.DEPRECATED,), ""),
    ],
)
def test_keys_follow_the_state_of_the_plain_image(
    stand: Stand, making: Encrypting, release: KeyRelease, states: tuple[State, ...], told: str
) -> None:
    plain, encrypted = copied(stand, making)
    settle(stand, plain, *states)
    if not told:
        assert release.release(encrypted, EDGE.recipient, ANNA, [OTHER]).plain == plain
        return
    with pytest.raises(WithheldError, match=told):
        release.release(encrypted, EDGE.recipient, ANNA, [OTHER])
    with stand.database.read() as connection:
        (record,) = list_releases(connection, principal="anna")
    assert (record.granted, told in record.why) == (False, True)
    assert stand.events(EventKind.KEYS_REFUSED) == [encrypted]


def test_keys_end_with_the_decision_over_the_plain_image(stand: Stand, making: Encrypting, release: KeyRelease) -> None:
    plain, encrypted = copied(stand, making)
    settle(stand, encrypted, State.DEPRECATED)  # for ever, so that it is the plain image's that ends
    stand.clock.at = NOW + timedelta(days=7)
    with pytest.raises(WithheldError, match="expired") as caught:
        release.release(encrypted, EDGE.recipient, ANNA, [OTHER])
    assert caught.value.digest == plain


def test_keys_are_for_whom_the_copy_was_made_and_who_may_pull_it(
    stand: Stand, making: Encrypting, release: KeyRelease
) -> None:
    with stand.database.begin() as connection:
        add_recipient(connection, "group:ops", EDGE.recipient, who="anna", at=NOW)
    _, encrypted = copied(stand, making, "group:ops")
    with pytest.raises(RefusedError, match="made for others"):
        release.release(encrypted, EDGE.recipient, ANNA, [OTHER])
    with pytest.raises(RefusedError, match="may not pull"):
        release.release(encrypted, EDGE.recipient, BOB, [])
    assert release.release(encrypted, EDGE.recipient, BOB, [OTHER]).layers
    settle(stand, encrypted, State.RECALLED)
    with pytest.raises(WithheldError):
        release.release(encrypted, EDGE.recipient, BOB, [OTHER])
    with pytest.raises(NotFoundError, match="no encrypted copy"):
        release.release(Digest.of(b"other"), EDGE.recipient, BOB, [OTHER])
    with stand.database.read() as connection:
        assert [it.granted for it in list_releases(connection)] == [False, True, False, False]


def test_who_a_plain_image_is_kept_for_its_copies_are_kept_for(
    stand: Stand, making: Encrypting, release: KeyRelease, gate: Gate
) -> None:
    plain, encrypted = copied(stand, making)
    assert stand.shelf.get_manifest(OTHER, Tag("secret"), ANNA).digest == encrypted
    kept = Wish(act=Act.RESTRICT, reason="for operations", who="carol", restriction=Restriction(who=("group:ops",)))
    with stand.database.begin() as connection:
        change_state(connection, gate, plain, kept, at=NOW)
    assert stand.shelf.get_manifest(OTHER, Tag("secret"), BOB).digest == encrypted
    assert release.release(encrypted, EDGE.recipient, BOB, [OTHER]).layers
    with pytest.raises(WithheldError, match="for operations"):
        stand.shelf.get_manifest(OTHER, Tag("secret"), ANNA)
    with pytest.raises(WithheldError, match="for operations"):
        release.release(encrypted, EDGE.recipient, ANNA, [OTHER])


def test_an_index_gives_no_keys_of_images_that_are_withheld_themselves(
    stand: Stand, making: Encrypting, release: KeyRelease, gate: Gate
) -> None:
    images = []
    for name in (b"amd64", b"arm64"):
        layer = stand.blob(name)
        config = stand.blob(to_json({"rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}))
        parts: dict[str, object] = {"config": {**config, "mediaType": mt.OCI_CONFIG}, "layers": [layer]}
        images.append(stand.put(parts, mt.OCI_MANIFEST, name.decode()))
    index = stand.index("v1", *images)
    for digest in (*images, index):
        settle(stand, digest, State.ANALYSING, State.ADMITTED)
    copy = making.make(wish(), ANNA).encrypted
    with stand.database.read() as connection:
        (first,), (second,) = (copies_of(connection, image) for image in images)
        layers = [manifest_of(connection, one).layers[0].digest for one in (first, second)]  # type: ignore[union-attr]
    for digest in (first, second, copy):
        settle(stand, digest, State.ANALYSING, State.ADMITTED)

    def given(consumer: Consumer) -> set[Digest]:
        return {layer.digest for layer in release.release(copy, EDGE.recipient, consumer, [OTHER]).layers}

    assert given(ANNA) == set(layers)
    kept = Wish(act=Act.RESTRICT, reason="for operations", who="carol", restriction=Restriction(who=("group:ops",)))
    with stand.database.begin() as connection:
        change_state(connection, gate, images[0], kept, at=NOW)
    assert given(BOB) == set(layers)
    assert given(ANNA) == {layers[1]}
    settle(stand, second, State.RECALLED)
    assert given(BOB) == {layers[0]}
    with pytest.raises(RefusedError):
        given(ANNA)
    with stand.database.read() as connection:
        assert not list_releases(connection)[0].granted


def test_rules_of_keeping_leave_an_image_as_long_as_a_copy_of_it_is_vended(stand: Stand, making: Encrypting) -> None:
    plain, encrypted = copied(stand, making)
    with stand.database.read() as connection:
        assert protected(connection, APP, plain) == f"{encrypted}, which is vended, is its encrypted copy"
        assert protected(connection, OTHER, encrypted) == ""
    settle(stand, encrypted, State.RETIRED)
    with stand.database.read() as connection:
        assert protected(connection, APP, plain) == ""


def test_a_failing_disk_leaves_no_copy(stand: Stand, making: Encrypting, tmp_path: Path) -> None:
    plain_image(stand)
    blob = next(it for it in (tmp_path / "content").rglob(Digest.of(b"layer").hex))
    blob.write_bytes(b"other")
    with pytest.raises(InvalidInputError, match="digest mismatch"):
        making.make(wish(), ANNA)
    assert stand.count("encrypted_copy") == stand.count("statement") == 0
    assert stand.count("manifest") == 1
