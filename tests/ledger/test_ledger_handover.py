# SPDX-License-Identifier: Apache-2.0
"""One key of a log after another: who believed the first comes to the last, and nobody else brings them there."""

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tidegate.errors import BoundExceededError, InvalidInputError, RefusedError
from tidegate.ledger import Checkpoint, NoteSigner, sign_checkpoint
from tidegate.ledger.handover import FIRST_LINE, Handover, follow, hand_over, read_handovers, write_handovers
from tidegate.ledger.policy import KnownLog, LogPolicy

AT = datetime(2026, 6, 1, tzinfo=UTC)
MONTH = timedelta(days=30)
A, B, C, D = (NoteSigner.from_seed("log.example/a", bytes([number]) * 32) for number in range(4))
OTHER = NoteSigner.from_seed("log.example/b", b"o" * 32)
TREE = Checkpoint(origin=A.name, size=7, root=b"r" * 32)
NEW_TREE = Checkpoint(origin=A.name, size=9, root=b"s" * 32)


def handed(old: NoteSigner, new: NoteSigner, until: datetime = AT + MONTH) -> Handover:
    return Handover.from_note(hand_over(old, new, TREE, until))


def believes(handovers: list[Handover], note: str, at: datetime) -> bool:
    policy, _ = follow(LogPolicy(logs=(KnownLog(A.verifier),)), handovers, at)
    try:
        policy.accept(note, at)
    except RefusedError:
        return False
    return True


def test_both_are_believed_until_the_window_ends_and_then_the_new_one() -> None:
    first, last = AT, AT + 2 * MONTH
    chain = [handed(B, C, AT + MONTH), handed(A, B)]  # in any order
    old, new = sign_checkpoint(NEW_TREE, A), sign_checkpoint(NEW_TREE, C)
    assert (believes([], old, first), believes([], new, first)) == (True, False)
    assert (believes(chain, old, first), believes(chain, new, first)) == (True, True)
    assert (believes(chain, old, AT + MONTH - timedelta(seconds=1)), believes(chain, old, AT + MONTH)) == (True, False)
    assert (believes(chain, old, last), believes(chain, new, last)) == (False, True)
    both = sign_checkpoint(NEW_TREE, replace(C, beside=(A, B)))
    assert believes([], both, first), "who has not heard of the new key believes the old beside it"
    assert believes(chain, both, last)


def test_a_strangers_handover_changes_nothing() -> None:
    last = NoteSigner.from_seed(OTHER.name, b"l" * 32)
    elsewhere = hand_over(OTHER, last, replace(TREE, origin=OTHER.name), AT + MONTH)
    strangers = [handed(B, C, AT), Handover.from_note(elsewhere)]
    assert not believes(strangers, sign_checkpoint(NEW_TREE, C), AT)
    assert not believes(strangers, sign_checkpoint(replace(NEW_TREE, origin=OTHER.name), last), AT)
    assert believes(strangers, sign_checkpoint(NEW_TREE, A), AT + MONTH)


def test_a_key_with_two_successors_is_in_two_hands() -> None:
    with pytest.raises(RefusedError, match="handed over to two others"):
        believes([handed(A, B), handed(A, C)], sign_checkpoint(NEW_TREE, B), AT)
    assert believes([handed(A, B), handed(A, B)], sign_checkpoint(NEW_TREE, B), AT), "the same twice is one"


def test_a_note_needs_both_signatures_and_one_form() -> None:
    note = hand_over(A, B, TREE, AT)
    assert Handover.from_note(note).to_text() == note.rpartition("\n\n")[0] + "\n"
    text = Handover.from_note(note).to_text()
    lines = text.split("\n")

    def signed(*signers: NoteSigner, line: int = 0, to: str = FIRST_LINE) -> str:
        first, *more = signers
        return replace(first, beside=tuple(more)).sign("\n".join([*lines[:line], to, *lines[line + 1 :]]))

    assert Handover.from_note(signed(A, B)) == Handover.from_note(note)
    for few in ((A,), (B,), (A, C), (C, D)):
        with pytest.raises(RefusedError, match="both keys"):
            Handover.from_note(signed(*few))
    wrong = {
        0: "log.example/a",
        1: "log.example/b",
        2: str(C.verifier),
        3: str(OTHER.verifier),
        4: "07",
        5: base64.b64encode(b"short").decode(),
        6: "tomorrow",
    }
    for line, to in wrong.items():
        with pytest.raises((InvalidInputError, RefusedError)):
            Handover.from_note(signed(A, B, line=line, to=to))
    swapped = note.replace("\n7\n", "\n8\n")
    with pytest.raises(RefusedError, match="does not hold"):
        Handover.from_note(swapped)
    for pair in ((A, A), (A, OTHER)):
        with pytest.raises(ValueError, match="two keys of one log"):
            hand_over(*pair, TREE, AT)


def test_a_handover_is_no_checkpoint_and_a_checkpoint_no_handover() -> None:
    with pytest.raises(InvalidInputError):
        LogPolicy(logs=(KnownLog(A.verifier),)).accept(hand_over(A, B, TREE, AT), AT)
    with pytest.raises(InvalidInputError, match="no handover"):
        Handover.from_note(sign_checkpoint(TREE, A))


def test_the_file_is_bounded() -> None:
    note = hand_over(A, B, TREE, AT)
    assert read_handovers(write_handovers([note])) == (Handover.from_note(note),)
    assert read_handovers(write_handovers([])) == ()
    with pytest.raises(BoundExceededError, match="MAX_HANDOVERS"):
        read_handovers(write_handovers([note] * 65))
    for raw in (b"", b"{}", b'[{"a":1}]', b'["a"]', write_handovers([sign_checkpoint(TREE, A)])):
        with pytest.raises(InvalidInputError):
            read_handovers(raw)
