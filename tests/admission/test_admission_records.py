# SPDX-License-Identifier: Apache-2.0
"""Statements on record: found again by subject, verified, the same claim once, and what counts as evidence."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from migrated import migrated
from tidegate import ledger
from tidegate.admission.ledger_line import ledger_line
from tidegate.admission.records import (
    evidence_of_others,
    file_envelope,
    file_others,
    gather,
    record,
    records_of,
)
from tidegate.artifact import Digest
from tidegate.errors import InvalidInputError, OutsideError
from tidegate.evidence import PROVENANCE, REVIEW, SCAN, VSA, CommitSubject, PredicateType, Statement, Subject
from tidegate.oversight.passport import passport
from tidegate.signing.envelope import sign, sign_payload
from tidegate.signing.keys import SigningKey
from tidegate.storage.database import Database
from tidegate.trust.standing import Trust

AT = datetime(2026, 6, 1, tzinfo=UTC)
IMAGE = Digest.of(b"image")
KEY = SigningKey.generate()
TRUSTED = Trust.always([KEY.verifying])


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    migrated(url)
    found = Database(url)
    yield found
    found.close()


def scan(findings: int, subject: Digest = IMAGE) -> Statement:
    return Statement(
        subjects=(Subject(name="image", digest=subject),), predicate_type=SCAN, predicate={"findings": findings}
    )


def test_the_same_claim_within_the_hour_is_recorded_once(database: Database) -> None:
    with database.begin() as connection:
        first = record(connection, scan(1), KEY, at=AT)
        again = record(connection, scan(1), KEY, at=AT + timedelta(minutes=59))
        assert again == first
        assert ledger.size(connection) == 1


def test_later_or_after_another_claim_the_same_is_news(database: Database) -> None:
    with database.begin() as connection:
        record(connection, scan(1), KEY, at=AT)
        record(connection, scan(1), KEY, at=AT + timedelta(hours=1))
        record(connection, scan(2), KEY, at=AT + timedelta(hours=1))
        record(connection, scan(1), KEY, at=AT + timedelta(hours=1))
        evidence = gather(connection, IMAGE, TRUSTED).evidence
        assert [item.predicate["findings"] for item in evidence] == [1]
        assert evidence[0].made_at == AT + timedelta(hours=1)
        assert ledger.size(connection) == 4


def test_every_record_is_proved_to_be_in_the_ledger(database: Database) -> None:
    with database.begin() as connection:
        for number in range(7):
            record(connection, scan(number), KEY, at=AT)
        size = ledger.size(connection)
        root = ledger.root(connection, size)
        for item in records_of(connection, IMAGE):
            leaf = ledger.leaf_hash(ledger_line(Digest.of(item.envelope), IMAGE, SCAN))
            proof = ledger.inclusion_proof(connection, item.ledger_index, size)
            ledger.verify_inclusion(index=item.ledger_index, size=size, leaf=leaf, proof=proof, root=root)


def test_a_rolled_back_record_leaves_nothing(database: Database) -> None:
    def break_off() -> None:
        with database.begin() as connection:
            record(connection, scan(1), KEY, at=AT)
            raise OutsideError("the disk is full")

    with pytest.raises(OutsideError):
        break_off()
    with database.read() as connection:
        assert ledger.size(connection) == 0
        assert records_of(connection, IMAGE) == ()


def test_what_nobody_trusted_signed_is_no_evidence(database: Database) -> None:
    stranger = SigningKey.generate()
    with database.begin() as connection:
        file_envelope(connection, sign(scan(0), stranger).content, scan(0), at=AT)
        assert gather(connection, IMAGE, TRUSTED).evidence == ()
        assert len(records_of(connection, IMAGE)) == 1


def test_a_statement_about_another_image_is_no_evidence_for_this_one(database: Database) -> None:
    other = scan(0, Digest.of(b"other"))
    with database.begin() as connection:
        # Filed under the wrong subject, as a broken or bribed store might have it.
        file_envelope(connection, sign(other, KEY).content, scan(0), at=AT)
        assert gather(connection, IMAGE, TRUSTED).evidence == ()


def test_decisions_of_the_execution_gate_are_no_evidence(database: Database) -> None:
    said = {"tidegate.dev/boundary": "execution", "verificationResult": "PASSED"}
    summary = Statement(subjects=(Subject(name="", digest=IMAGE),), predicate_type=VSA, predicate=said)
    with database.begin() as connection:
        record(connection, summary, KEY, at=AT)
        assert gather(connection, IMAGE, TRUSTED).evidence == ()


def test_a_tampered_statement_stands_in_the_way_of_an_older_one(database: Database) -> None:
    with database.begin() as connection:
        record(connection, scan(0), KEY, at=AT)
        kinder = gather(connection, IMAGE, TRUSTED)
        forged = sign(scan(7), KEY).content.replace(b'"payload":"', b'"payload":"IA')
        file_envelope(connection, forged, scan(7), at=AT)
        found = gather(connection, IMAGE, TRUSTED)
        assert found.evidence == kinder.evidence
        assert found.newest["scan"] == Digest.of(forged) != kinder.newest["scan"]


def test_a_strangers_statement_stands_in_nobodys_way(database: Database) -> None:
    with database.begin() as connection:
        record(connection, scan(0), KEY, at=AT)
        before = gather(connection, IMAGE, TRUSTED)
        file_envelope(connection, sign(scan(7), SigningKey.generate()).content, scan(7), at=AT)
        assert gather(connection, IMAGE, TRUSTED) == before


def test_a_passport_with_a_strangers_statement_is_not_sound(database: Database) -> None:
    with database.begin() as connection:
        record(connection, scan(0), KEY, at=AT)
        assert passport(connection, IMAGE, TRUSTED).sound
        file_envelope(connection, sign(scan(7), SigningKey.generate()).content, scan(7), at=AT)
        found = passport(connection, IMAGE, TRUSTED)
        assert not found.sound
        assert [entry.detail["in_ledger"] for entry in found.entries] == [True, True]


def built(*subjects: Digest) -> Statement:
    named = tuple(Subject(name="image", digest=subject) for subject in subjects)
    return Statement(subjects=named, predicate_type=PROVENANCE, predicate={"a": 1})


def test_provenance_others_signed_is_filed_under_its_subject_once(database: Database) -> None:
    envelope = sign(built(Digest.of(b"other"), IMAGE), KEY).content
    with database.begin() as connection:
        (first,) = file_others(connection, [envelope], IMAGE, TRUSTED, at=AT)
        assert file_others(connection, [envelope], IMAGE, TRUSTED, at=AT + timedelta(days=2)) == (first,)
        (evidence,) = gather(connection, IMAGE, TRUSTED).evidence
    assert (evidence.subject, evidence.made_at, evidence.signers) == (IMAGE, AT, (KEY.key_id,))
    assert evidence_of_others([envelope], IMAGE, TRUSTED, at=AT) == (evidence,)


def test_nothing_else_that_hangs_on_an_artifact_becomes_evidence(database: Database) -> None:
    stranger = SigningKey.generate()
    hanging = [
        b"not an envelope",
        sign(scan(0), KEY).content,
        sign(built(Digest.of(b"other")), KEY).content,
        sign(built(IMAGE), stranger).content,
    ]
    with database.begin() as connection:
        assert file_others(connection, hanging, IMAGE, TRUSTED, at=AT) == ()
        assert records_of(connection, IMAGE) == ()
    assert evidence_of_others(hanging, IMAGE, TRUSTED, at=AT) == ()


def test_what_two_readers_could_read_differently_becomes_no_evidence(database: Database) -> None:
    """Though somebody trusted signed it: on record it would be a defect of the ledger to whoever verifies a copy."""
    payload = built(IMAGE).to_bytes().replace(b'"predicate":', b'"predicate":{"a":2},"predicate":')
    twice = sign_payload(payload, {KEY.key_id: KEY}, count=1).content
    bundled = b'{"dsseEnvelope":{},"dsseEnvelope":%b}' % sign(built(IMAGE), KEY).content
    with database.begin() as connection:
        assert file_others(connection, [twice, bundled], IMAGE, TRUSTED, at=AT) == ()
    assert evidence_of_others([sign(built(IMAGE), KEY).content], IMAGE, TRUSTED, at=AT)


def said(predicate_type: PredicateType, **predicate: object) -> Statement:
    return Statement(subjects=(Subject(name="x", digest=IMAGE),), predicate_type=predicate_type, predicate=predicate)


def test_of_some_kinds_all_that_others_said_is_gathered_and_known(database: Database) -> None:
    reviews = [sign(said(REVIEW, reviewer=name, decision="approved"), KEY).content for name in ("ann", "bob")]
    with database.begin() as connection:
        file_others(connection, reviews, IMAGE, TRUSTED, at=AT)
        found = gather(connection, IMAGE, TRUSTED)
        assert [it.predicate["reviewer"] for it in found.evidence] == ["ann", "bob"]
        assert found.known == {"reviews": {Digest.of(one) for one in reviews}}
        forged = reviews[0].replace(b'"payload":"', b'"payload":"IA')
        file_envelope(connection, forged, said(REVIEW), at=AT)
        spoilt = gather(connection, IMAGE, TRUSTED)
        assert spoilt.evidence == found.evidence
        assert spoilt.known == {"reviews": found.known["reviews"] | {Digest.of(forged)}}


def test_what_is_not_known_is_kept_as_it_came_and_shown(database: Database) -> None:
    odd = sign(said(PredicateType("https://example.com/odd/v1"), z=1.5, a=[None]), KEY).content
    spaced = odd.replace(b'{"payload"', b'{ "payload"')
    with database.begin() as connection:
        (kept,) = file_others(connection, [spaced], IMAGE, TRUSTED, at=AT)
        assert kept.envelope == spaced
        (entry,) = passport(connection, IMAGE, TRUSTED).entries
        assert entry.what == "statement of a kind that is not known, kept as it came: https://example.com/odd/v1"


def test_a_summary_of_another_verifier_is_neither_a_decision_of_ours_nor_in_its_way(database: Database) -> None:
    other = said(VSA, verifier={"id": "https://v"}, resourceUri="r", policy={}, verificationResult="PASSED")
    ours = said(VSA, **{"tidegate.dev/boundary": "curation", "verificationResult": "FAILED"})
    with database.begin() as connection:
        made = record(connection, ours, KEY, at=AT)
        file_others(connection, [sign(other, KEY).content], IMAGE, TRUSTED, at=AT)
        assert file_others(connection, [sign(ours, KEY).content], IMAGE, TRUSTED, at=AT) == ()
        found = gather(connection, IMAGE, TRUSTED)
    assert found.newest == {"vsa": made.digest}
    assert set(found.known) == {"summaries"}
    assert len(found.evidence) == 2


def test_a_statement_about_commits_alone_is_filed_under_nothing(database: Database) -> None:
    alone = Statement(
        subjects=(), predicate_type=REVIEW, predicate={}, commits=(CommitSubject(name="r", commit="c" * 40),)
    )
    envelope = sign(alone, KEY).content
    with database.begin() as connection:
        assert file_others(connection, [envelope], IMAGE, TRUSTED, at=AT) == ()
        with pytest.raises(InvalidInputError, match="no artifact"):
            file_envelope(connection, envelope, alone, at=AT)
