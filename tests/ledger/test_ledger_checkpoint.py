# SPDX-License-Identifier: Apache-2.0
"""Checkpoints and notes, with the note and key of Go's own `sumdb/note` documentation."""

import pickle

import pytest

from tidegate.errors import BoundExceededError, InvalidInputError, RefusedError
from tidegate.ledger import Checkpoint, NoteSigner, NoteVerifier, sign_checkpoint, verify_checkpoint
from tidegate.ledger.note import MAX_NOTE_BYTES, verify_note

GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_NOTE = (
    GO_TEXT
    + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ORIGIN = "tidegate.example/ledger"


@pytest.fixture
def signer() -> NoteSigner:
    return NoteSigner.from_seed(ORIGIN, bytes(range(32)))


def checkpoint(size: int = 7) -> Checkpoint:
    return Checkpoint(origin=ORIGIN, size=size, root=bytes([size] * 32))


def test_a_note_of_go() -> None:
    key = NoteVerifier.parse(GO_KEY)
    assert str(key) == GO_KEY
    assert verify_note(GO_NOTE, key) == GO_TEXT


def test_round_trip(signer: NoteSigner) -> None:
    note = sign_checkpoint(checkpoint(), signer)
    assert note.startswith(f"{ORIGIN}\n7\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n\n— {ORIGIN} ")
    assert verify_checkpoint(note, NoteVerifier.parse(str(signer.verifier))) == checkpoint()
    extended = Checkpoint(origin=ORIGIN, size=0, root=bytes(32), extensions=("more",))
    assert verify_checkpoint(sign_checkpoint(extended, signer), signer.verifier) == extended


def test_another_signature_beside_ours_is_passed_over(signer: NoteSigner) -> None:
    witness = NoteSigner.generate("witness.example/w")
    note = sign_checkpoint(checkpoint(), signer)
    both = note + witness.sign(checkpoint().to_text()).rpartition("\n\n")[2]
    assert verify_checkpoint(both, signer.verifier) == checkpoint()
    with pytest.raises(InvalidInputError, match="is of"):
        verify_checkpoint(both, witness.verifier)


def test_changed_notes_are_refused(signer: NoteSigner) -> None:
    note = sign_checkpoint(checkpoint(), signer)
    for changed in (note.replace("\n7\n", "\n8\n"), note.replace("BwcH", "BwcI", 1)):
        with pytest.raises(RefusedError, match="does not hold"):
            verify_checkpoint(changed, signer.verifier)
    with pytest.raises(RefusedError, match="not signed by"):
        verify_checkpoint(note, NoteSigner.generate(ORIGIN).verifier)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        "text\n",
        "text\n\n",
        "text\n\nno dash\n",
        "text\n\n— name !!!\n",
        "a\x07b\n\n— n AAAA\n",
        "a\n\n— n AAAA",
    ],
)
def test_what_is_no_note(note: str, signer: NoteSigner) -> None:
    with pytest.raises((InvalidInputError, RefusedError)):
        verify_note(note, signer.verifier)


@pytest.mark.parametrize(
    "text", ["one\n", "o\n-1\nAAAA\n", "o\n01\nAAAA\n", "o\n1\nAAAA\n", "o\n1\n????\n", "o\n\n\n\n"]
)
def test_what_is_no_checkpoint(text: str) -> None:
    with pytest.raises(InvalidInputError):
        Checkpoint.from_text(text)


@pytest.mark.parametrize(
    "text", ["", "name", "name+00000000+AQID", GO_KEY.replace("c74f", "c74e"), GO_KEY.replace("+ARpc", "+BRpc")]
)
def test_what_is_no_note_key(text: str) -> None:
    with pytest.raises(InvalidInputError):
        NoteVerifier.parse(text)


def test_a_note_has_a_bound(signer: NoteSigner) -> None:
    with pytest.raises(BoundExceededError):
        verify_note("x" * (MAX_NOTE_BYTES + 1), signer.verifier)
    with pytest.raises(BoundExceededError):
        verify_note("x\n\n" + "— a AAAA\n" * 101, signer.verifier)


def test_the_secret_stays_one(signer: NoteSigner) -> None:
    assert signer.secret_seed() == bytes(range(32))
    assert repr(signer) == f"NoteSigner(name='{ORIGIN}')"
    with pytest.raises(TypeError):
        pickle.dumps(signer)
    with pytest.raises(InvalidInputError):
        NoteSigner.from_seed(ORIGIN, b"short")
    with pytest.raises(ValueError, match="of 'other'"):
        sign_checkpoint(Checkpoint(origin="other", size=0, root=bytes(32)), signer)
