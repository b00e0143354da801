# SPDX-License-Identifier: Apache-2.0
"""Encrypted copies promoted: byte for byte, with the statement of what they are copies of; the keys stay here."""

from contextlib import nullcontext
from pathlib import Path

import pytest
from admitting_gate import admitting_gate
from cryptography.hazmat.primitives.asymmetric import ec
from keeping_stand import APP, NOW, OTHER, Stand, both_engines, postgres
from sqlalchemy import select

from tidegate.admission.records import records_of
from tidegate.artifact import Descriptor, Digest, Repository, Tag
from tidegate.artifact import media_type as mt
from tidegate.curation.change import Act, Wish, change_state
from tidegate.curation.consumer import Consumer
from tidegate.curation.encryption.copies import copies_of
from tidegate.curation.encryption.copy_wish import CopyWish
from tidegate.curation.encryption.encrypting import Encrypting
from tidegate.curation.encryption.key_release import KeyRelease
from tidegate.curation.encryption.recipients import add_recipient
from tidegate.curation.shelf import WithheldError
from tidegate.curation.shelved import manifest_of
from tidegate.curation.states import State
from tidegate.curation.tag_rules import NO_TAG_RULES
from tidegate.curation.vending.carrying import Vending
from tidegate.curation.vending.promotion import NotPromotableError, Promotion
from tidegate.curation.workflow import Curation
from tidegate.evidence import ENCRYPTION
from tidegate.oci.encryption.keys import DecryptionKey
from tidegate.oci.encryption.wrapping import recipients_of, secret_of
from tidegate.oci.push import Pusher
from tidegate.storage.schema import manifest
from tidegate.wire import to_json

__all__ = ["both_engines", "postgres"]
GATE = admitting_gate(admits_in_part=True)
SERVER, EDGE = (DecryptionKey.of(ec.generate_private_key(ec.SECP256R1())) for _ in range(2))
ANNA, PROD = Consumer(name="anna"), Repository("prod/app")


@pytest.fixture
def stand(both_engines: Stand) -> Stand:
    with both_engines.database.begin() as connection:
        add_recipient(connection, "robot$edge", EDGE.recipient, who="anna", at=NOW)
    return both_engines


class Elsewhere(Pusher):
    """Another registry: what came to it, in order."""

    def __init__(self) -> None:
        self.blobs: dict[Digest, bytes] = {}
        self.manifests: list[Digest] = []

    def push_blob(self, content: bytes | Path, digest: Digest, *, mount_from: Repository | None = None) -> None:
        """Takes a blob."""
        del mount_from
        self.blobs[digest] = content if isinstance(content, bytes) else content.read_bytes()

    def push_manifest(self, raw: bytes, media_type: str, *, tag: Tag | None = None) -> Descriptor:
        """Takes a manifest."""
        del tag
        self.manifests.append(Digest.of(raw))
        return Descriptor(media_type=media_type, digest=Digest.of(raw), size=len(raw))


def curation(stand: Stand) -> Curation:
    return Curation(
        database=stand.database,
        blobs=stand.store,
        shelf=stand.shelf,
        gate=GATE,
        scan=lambda _: pytest.fail("nothing is scanned here"),
        report=lambda *_: pytest.fail("there is no inventory"),
        remember=lambda *_: None,
        knowledge=lambda: None,
        clock=stand.clock,
    )


def judge(stand: Stand, *digests: Digest) -> None:
    for digest in digests:
        curation(stand).begin(digest)
        assert curation(stand).decide(digest, "") == State.ADMITTED


def vending(stand: Stand, elsewhere: Elsewhere) -> Vending:
    return Vending(
        database=stand.database,
        shelf=stand.shelf,
        blobs=stand.blobs,
        gate=GATE,
        pusher=lambda _: nullcontext(elsewhere),
        tag_rules=NO_TAG_RULES,
        registries=("registry.test",),
        clock=stand.clock,
    )


def plain_image(stand: Stand, name: str) -> Digest:
    layer = stand.blob(name.encode())
    config = stand.blob(to_json({"rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}))
    parts: dict[str, object] = {"config": {**config, "mediaType": mt.OCI_CONFIG}, "layers": [layer]}
    return stand.put(parts, mt.OCI_MANIFEST, name)


def copied(stand: Stand) -> tuple[Digest, Digest]:
    """An admitted image and its admitted copy for `robot$edge`."""
    plain = plain_image(stand, "v1")
    judge(stand, plain)
    making = Encrypting(
        database=stand.database, blobs=stand.blobs, shelf=stand.shelf, gate=GATE, keys=(SERVER,), clock=stand.clock
    )
    wish = CopyWish(source=APP, locator=plain, target=OTHER, tag=Tag("secret"), consumers=("robot$edge",))
    copy = making.make(wish, ANNA).encrypted
    judge(stand, copy)
    return plain, copy


def wish(digest: Digest, target: str, source: Repository = OTHER) -> Promotion:
    return Promotion(digest=digest, source=source, target=target, tag="1", who="anna", why="release")


def recall(stand: Stand, digest: Digest) -> None:
    with stand.database.begin() as connection:
        change_state(connection, GATE, digest, Wish(act=Act.RECALL, reason="it leaks", who="olga"), at=stand.clock())


def attached_statement(stand: Stand, copy: Digest) -> Digest:
    """The manifest that hangs the statement of what it is a copy of."""
    with stand.database.read() as connection:
        (said,) = (one for one in records_of(connection, copy) if one.predicate_type == ENCRYPTION)
        rows = connection.execute(select(manifest.c.digest, manifest.c.document).where(manifest.c.subject == copy))
        (found,) = (row.digest for row in rows if said.digest.encode() in bytes(row.document))
    return Digest(found)


def test_within_the_registry_keys_are_released_where_it_is_promoted_to(stand: Stand) -> None:
    plain, copy = copied(stand)
    vending(stand, Elsewhere()).promote_here(wish(copy, PROD))
    assert stand.shelf.get_manifest(PROD, Tag("1"), ANNA).digest == copy
    hung = stand.shelf.referrers(PROD, copy).document
    assert attached_statement(stand, copy).encode() in hung, "the statement goes along"
    release = KeyRelease(database=stand.database, shelf=stand.shelf, keys=(SERVER,), clock=stand.clock)
    robot = Consumer(name="robot$edge")
    assert release.release(copy, EDGE.recipient, robot, [PROD]).plain == plain
    with stand.database.read() as connection:
        assert copies_of(connection, plain) == (copy,), "no other copy"
    recall(stand, plain)
    judged = curation(stand).decide(copy, "")
    assert judged == State.RECALLED
    for repository in (OTHER, PROD):
        with pytest.raises(WithheldError):
            release.release(copy, EDGE.recipient, robot, [repository])
    with pytest.raises(NotPromotableError, match="is recalled"):
        vending(stand, Elsewhere()).promote_here(wish(copy, "prod/again"))


def test_a_copy_of_what_was_recalled_a_moment_ago_goes_nowhere(stand: Stand) -> None:
    plain, copy = copied(stand)
    recall(stand, plain)  # the copy was not judged again yet
    vend = vending(stand, Elsewhere())
    with pytest.raises(NotPromotableError, match="would not be admitted"):
        vend.promote_here(wish(copy, PROD))
    with pytest.raises(NotPromotableError, match="would not be admitted"):
        vend.ask(wish(copy, "registry.test/prod/app"))


def test_to_another_registry_go_ciphertext_wrapped_keys_and_statement_and_nothing_plain(stand: Stand) -> None:
    plain, copy = copied(stand)
    elsewhere = Elsewhere()
    vend = vending(stand, elsewhere)
    vend.ask(wish(copy, "registry.test/prod/app"))
    assert vend.carry_out(wish(copy, "registry.test/prod/app")).state == "done"
    assert copy in elsewhere.manifests, "byte for byte: the same digest"
    assert plain not in elsewhere.manifests
    assert attached_statement(stand, copy) in elsewhere.manifests
    assert elsewhere.manifests.index(copy) < elsewhere.manifests.index(attached_statement(stand, copy))
    with stand.database.read() as connection:
        (layer,) = manifest_of(connection, copy).layers  # type: ignore[union-attr]  # it is an image
    assert Digest.of(b"v1") not in elsewhere.blobs, "no plain layer"
    assert elsewhere.blobs[layer.digest] != b"v1"
    assert {one.kid for one in recipients_of(layer, where="layer")} == {EDGE.recipient.kid, SERVER.recipient.kid}
    assert secret_of(layer, [EDGE], where="layer").digest == Digest.of(b"v1"), "who it was made for opens it there"


def test_an_index_that_lists_what_is_withheld_goes_to_no_other_registry(stand: Stand) -> None:
    """There nobody withholds it: a registry without states hands every image of an index out."""
    good, bad = plain_image(stand, "good"), plain_image(stand, "bad")
    judge(stand, good, bad)
    index = stand.index("all", good, bad)
    judge(stand, index)
    stand.shelf.delete_tag(APP, Tag("bad"), who="test")
    recall(stand, bad)
    assert stand.shelf.get_manifest(APP, Tag("all"), ANNA).digest == index, "served in part"
    elsewhere = Elsewhere()
    with pytest.raises(NotPromotableError, match=f"{bad} is recalled"):
        vending(stand, elsewhere).ask(wish(index, "registry.test/prod/app", APP))
    with pytest.raises(NotPromotableError, match=f"{bad} is recalled"):
        vending(stand, elsewhere).carry_out(wish(index, "registry.test/prod/app", APP))
    assert elsewhere.manifests == []
    assert vending(stand, elsewhere).promote_here(wish(index, PROD, APP)).state == "done"
    with pytest.raises(WithheldError):
        stand.shelf.get_manifest(PROD, bad, ANNA)
