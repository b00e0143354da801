# SPDX-License-Identifier: Apache-2.0
"""A passport that came as a file: nothing in it is changed, swapped, dropped or replayed without being told."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from passport_stand import (
    ANNA,
    AT,
    HOUR,
    IMAGE,
    NOTES,
    Stand,
    decision,
    open_record,
    open_stand,
    revoke_builder,
    statement,
)
from sqlalchemy import insert

from tidegate import ledger
from tidegate.admission.key_revocation import Revocation, revoke
from tidegate.admission.records import file_envelope
from tidegate.artifact import Digest
from tidegate.errors import InvalidInputError, NotFoundError
from tidegate.evidence import SCAN, Statement, Subject
from tidegate.ledger import Checkpoint, NoteSigner, NoteVerifier, sign_checkpoint
from tidegate.ledger.cosignature import Cosigner
from tidegate.ledger.policy import KnownLog, LogPolicy, Witness
from tidegate.oversight.bundle import FORMAT, Content, content_digest, read_bundle, write_bundle
from tidegate.oversight.bundle_check import BundleReport, Holds, check_bundle
from tidegate.policy.vsa import to_vsa
from tidegate.signing.envelope import sign
from tidegate.signing.keys import SigningKey
from tidegate.storage.ledger_schema import ledger_checkpoint
from tidegate.trust.role import PASSPORT_SEAL, Role, role_of
from tidegate.values import replace
from tidegate.wire import from_builtins, to_builtins, to_json

NOW = AT + 5 * HOUR


@pytest.fixture
def stand(tmp_path: Path, empty_record: Path) -> Iterator[Stand]:
    with open_stand(tmp_path, empty_record) as found:
        yield found


def export(stand: Stand) -> bytes:
    return write_bundle(stand.connection, stand.gate, stand.notes, IMAGE)


def check(data: bytes, *keys: SigningKey, ledger_key: NoteVerifier | None = None) -> BundleReport:
    log = LogPolicy(logs=(KnownLog(ledger_key),)) if ledger_key else None
    return check_bundle(data, [key.verifying for key in keys], log=log, at=NOW)


def sealed(content: Content, key: SigningKey, over: Digest | None = None) -> bytes:
    """A bundle as whoever holds a key could make it."""
    said = {"content": {"sha256": content_digest(content).hex}}
    about = Subject(name="passport", digest=over or content.digest)
    seal = sign(Statement(subjects=(about,), predicate_type=PASSPORT_SEAL, predicate=said), key).content
    return to_json({"format": FORMAT, "content": to_builtins(content), "seal": json.loads(seal)}) + b"\n"


def changed(data: bytes, change: Callable[[dict[str, Any]], None]) -> Content:
    document = json.loads(data)["content"]
    change(document)
    return from_builtins(document, Content, what="test")


def test_what_was_exported_holds_by_the_key_that_was_trusted_first(stand: Stand) -> None:
    data = export(stand)
    assert data == export(stand) or read_bundle(data).content == read_bundle(export(stand)).content
    for key in (stand.old, stand.new):
        report = check(data, key, ledger_key=stand.notes.verifier)
        assert report.seal.holds is Holds.YES
    # From the first key on everything is introduced: the builder by a signed change, the next key by a rotation.
    report = check(data, stand.old, ledger_key=stand.notes.verifier)
    assert report.holds, report
    assert {part.holds for part in report.statements} == {Holds.YES}
    assert len(report.statements) == 7
    assert report.checkpoint.holds is Holds.YES
    assert report.decisions == ("curation: allow, until 2026-06-02T03:00:00Z, by policy default",)
    # The new key alone was told nothing of the builder, and says so.
    report = check(data, stand.new)
    assert report.holds
    assert report.checkpoint.holds is Holds.UNKNOWN
    assert {part.holds for part in report.statements} == {Holds.YES, Holds.UNKNOWN}


def test_no_byte_can_be_changed_unseen(tmp_path: Path, empty_record: Path) -> None:
    with open_record(tmp_path, empty_record) as (connection, gate):
        gate.add(connection, statement(SCAN, 1), at=AT)
        data = write_bundle(connection, gate, NOTES, IMAGE)
        key = gate.signer
    assert check(data, key, ledger_key=NOTES.verifier).holds
    for place in range(len(data)):
        _assert_told(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :], key, place)


def test_no_byte_of_a_long_one_either(stand: Stand) -> None:
    data = export(stand)
    assert check(data, stand.old, ledger_key=NOTES.verifier).holds
    for place in range(0, len(data), 17):
        _assert_told(data[:place] + bytes([data[place] ^ 0x20]) + data[place + 1 :], stand.old, place)
    for cut in (1, 2, 100, len(data) // 2):
        with pytest.raises(InvalidInputError):
            check(data[:-cut], stand.old)


def _assert_told(data: bytes, key: SigningKey, place: int) -> None:
    try:
        report = check(data, key, ledger_key=NOTES.verifier)
    except InvalidInputError:
        return
    assert not report.holds, (place, data[max(0, place - 20) : place + 20])


def test_a_key_nobody_gave_seals_nothing(stand: Stand) -> None:
    stranger = SigningKey.generate()
    report = check(export(stand), stranger)
    assert not report.holds
    assert report.seal.holds is Holds.NO
    assert {part.holds for part in report.statements} == {Holds.UNKNOWN}
    assert report.decisions == ("curation: the newest decision unknown",)
    forged = sealed(read_bundle(export(stand)).content, stranger)
    assert not check(forged, stand.old).holds


def test_a_key_with_another_role_seals_nothing(stand: Stand) -> None:
    forged = sealed(read_bundle(export(stand)).content, stand.builder)
    report = check(forged, stand.old)
    assert not report.holds
    assert report.seal.holds is Holds.NO


# Whoever holds the server's own key can seal anything. What others signed, and the ledger, they cannot change.
def test_swapped_envelopes_are_told(stand: Stand) -> None:
    def swap(document: dict[str, Any]) -> None:
        one, two = document["statements"][1], document["statements"][2]
        one["envelope"], two["envelope"] = two["envelope"], one["envelope"]

    report = check(sealed(changed(export(stand), swap), stand.new), stand.old)
    assert not report.holds
    assert [part.holds for part in report.statements[1:3]] == [Holds.NO, Holds.NO]


@pytest.mark.parametrize("part", ["truncated", "longer", "of another"])
def test_a_proof_that_is_none_is_told(stand: Stand, part: str) -> None:
    def spoil(document: dict[str, Any]) -> None:
        proof = document["statements"][3]["proof"]
        if part == "truncated":
            proof.pop()
        elif part == "longer":
            proof.append(proof[0])
        else:
            document["statements"][3]["proof"] = document["statements"][0]["proof"]

    report = check(sealed(changed(export(stand), spoil), stand.new), stand.old)
    assert not report.holds
    assert [part.holds for part in report.statements].count(Holds.NO) == 1
    assert "not proved" in report.statements[3].problems[0]


def test_a_checkpoint_of_the_future_or_of_another_log_is_told(stand: Stand) -> None:
    data = export(stand)
    stand.gate.add(stand.connection, statement(SCAN, 9), at=AT + 4 * HOUR)
    later = read_bundle(export(stand)).content.ledger

    def put(document: dict[str, Any]) -> None:
        document["ledger"]["checkpoint"] = later.checkpoint

    report = check(sealed(changed(data, put), stand.new), stand.old, ledger_key=stand.notes.verifier)
    assert (report.holds, report.checkpoint.holds) == (False, Holds.NO)

    def put_whole(document: dict[str, Any]) -> None:
        document["ledger"] = json.loads(to_json(later))

    report = check(sealed(changed(data, put_whole), stand.new), stand.old, ledger_key=stand.notes.verifier)
    assert report.checkpoint.holds is Holds.YES
    assert {part.holds for part in report.statements} == {Holds.NO}, "the proofs are of the tree of before"

    other = NoteSigner.from_seed("x.example/log", b"8" * 32)
    report = check(data, stand.old, ledger_key=other.verifier)
    assert (report.holds, report.checkpoint.holds) == (False, Holds.NO)

    def forge(document: dict[str, Any]) -> None:
        size = document["ledger"]["size"]
        document["ledger"]["checkpoint"] = sign_checkpoint(
            Checkpoint(origin=other.name, size=size, root=b"9" * 32), other
        )

    report = check(sealed(changed(data, forge), stand.new), stand.old)
    assert {part.holds for part in report.statements} == {Holds.NO}


def test_its_checkpoint_is_one_that_witnesses_cosigned(stand: Stand) -> None:
    witness = Cosigner.from_seed("w.example/w", b"5" * 32)
    size = ledger.size(stand.connection)
    now = Checkpoint(origin=NOTES.name, size=size, root=ledger.root(stand.connection, size))
    note = sign_checkpoint(now, NOTES)
    row = {"origin": NOTES.name, "size": size, "note": note + witness.cosign(now.to_text(), AT), "published_at": ""}
    stand.connection.execute(insert(ledger_checkpoint).values(row))
    asked = LogPolicy(logs=(KnownLog(NOTES.verifier),), witnesses={"w": Witness("w", witness.key)}, quorum="w")

    def holds(data: bytes) -> bool:
        return check_bundle(data, [stand.old.verifying], log=asked, at=NOW).holds

    stand.gate.add(stand.connection, statement(SCAN, 9, Digest.of(b"another image")), at=AT + 4 * HOUR)
    data = export(stand)
    report = check_bundle(data, [stand.old.verifying], log=asked, at=NOW)
    assert (report.holds, report.checkpoint.signers) == (True, (NOTES.name, "w")), report
    assert check(data, stand.old, ledger_key=NOTES.verifier).holds

    def alone(document: dict[str, Any]) -> None:
        document["ledger"]["checkpoint"] = note

    assert not holds(sealed(changed(data, alone), stand.new)), "the log's own word is not its witnesses'"
    # What is newer than they have seen is proved by the log alone, and whoever asks for them is told.
    stand.gate.add(stand.connection, statement(SCAN, 10), at=AT + 4 * HOUR)
    newer = export(stand)
    assert not holds(newer)
    assert check(newer, stand.old, ledger_key=NOTES.verifier).holds


def test_a_decision_of_another_digest_is_no_decision_of_this_one(stand: Stand) -> None:
    other = Digest.of(b"another image")
    summary = to_vsa(decision(subject=other), verifier_id="https://x.example", resource_uri="other")
    envelope = sign(summary, stand.new).content
    filed = replace(summary, subjects=(replace(summary.subjects[0], digest=IMAGE),))  # in the wrong drawer
    file_envelope(stand.connection, envelope, filed, at=AT + 4 * HOUR, signers=(stand.new.key_id,))
    report = check(export(stand), stand.old)
    assert not report.holds
    (bad,) = (part for part in report.statements if part.holds is Holds.NO)
    assert "is not about what it is filed under" in bad.problems
    assert report.decisions == ("curation: the newest decision fails",)


def test_what_a_decision_read_cannot_be_left_out(stand: Stand) -> None:
    def drop(document: dict[str, Any]) -> None:
        del document["statements"][5]  # the scan that the newest decision read

    report = check(sealed(changed(export(stand), drop), stand.new), stand.old)
    assert not report.holds
    assert any("rests on 1 statements that are not in this bundle" in part.problems for part in report.statements)
    assert report.decisions == ("curation: the newest decision fails",)


def test_what_cannot_be_shown_is_said(stand: Stand) -> None:
    def drop(document: dict[str, Any]) -> None:
        del document["statements"][6]  # the newest decision itself: the seal is all that would tell

    shorter = changed(export(stand), drop)
    assert check(sealed(shorter, stand.new), stand.old).holds
    assert not check(sealed(shorter, SigningKey.generate()), stand.old).holds
    assert any("nothing else is on record" in text for text in check(export(stand), stand.old).not_shown)


def test_names_that_stand_twice_are_refused(stand: Stand) -> None:
    data = export(stand)
    twice = data.replace(b'{"content":', b'{"seal":"","content":', 1)
    with pytest.raises(InvalidInputError):
        check(twice, stand.old)
    for before, after in ((b'"state":', b' "state":'), (b'"state":"', b'"state":"","state":"'), (b"}\n", b"}")):
        with pytest.raises(InvalidInputError):
            check(data.replace(before, after, 1), stand.old)


def test_an_entry_that_stands_twice_is_told(stand: Stand) -> None:
    def repeat(document: dict[str, Any]) -> None:
        document["statements"].insert(3, document["statements"][3])

    report = check(sealed(changed(export(stand), repeat), stand.new), stand.old)
    assert not report.holds
    assert "twice" in " ".join(report.seal.problems)


def test_a_seal_of_another_digest_is_told(stand: Stand) -> None:
    content = read_bundle(export(stand)).content
    assert not check(sealed(content, stand.new, over=Digest.of(b"another")), stand.old).holds
    assert content_digest(content) != content_digest(replace(content, state="admitted"))


def test_what_a_revoked_key_signed_is_void_from_its_place_on(stand: Stand) -> None:
    revoke_builder(stand)
    report = check(export(stand), stand.old)
    assert report.holds
    assert {part.holds for part in report.statements} == {Holds.YES}, "it came before"
    by_builder = next(part for part in report.statements if part.what.startswith("built by"))
    assert by_builder.signers == (stand.builder.key_id,)


def test_what_came_since_a_compromise_is_void(stand: Stand) -> None:
    revoke_builder(stand, since_entry=0)
    report = check(export(stand), stand.old)
    void = [part for part in report.statements if part.holds is Holds.VOID]
    assert [part.what.split()[0] for part in void] == ["built"]
    assert "revoked from ledger entry 0 on" in void[0].problems[0]


def test_a_revoked_key_seals_nothing_and_introduces_nobody(stand: Stand) -> None:

    revocation = Revocation(why="x", since_entry=0)
    revoke(stand.connection, stand.gate, stand.old.key_id, revocation, by=ANNA, at=AT + 4 * HOUR)
    data = export(stand)
    report = check(sealed(read_bundle(data).content, stand.old), stand.old, stand.new)
    assert report.seal.holds is Holds.NO
    report = check(data, stand.new)
    holding = {part.what for part in report.statements if part.holds is Holds.YES}
    assert report.holds
    assert not any(what.startswith("built") for what in holding), "its introducer is void, and so is the builder"


def test_nothing_on_record_gives_no_file(stand: Stand) -> None:
    with pytest.raises(NotFoundError):
        write_bundle(stand.connection, stand.gate, stand.notes, Digest.of(b"unknown"))


def test_an_expired_decision_is_told_as_that(stand: Stand) -> None:
    report = check_bundle(export(stand), [stand.old.verifying], at=AT + timedelta(days=30))
    assert report.decisions == ("curation: allow, expired 2026-06-02T03:00:00Z, by policy default",)
    assert report.holds, "it is as it was exported"


def test_a_seal_needs_the_role_of_a_decision() -> None:
    assert role_of(PASSPORT_SEAL) is Role.DECISION
