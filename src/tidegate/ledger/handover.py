# SPDX-License-Identifier: Apache-2.0
"""A log's key hands over to the next: a note that both sign, so that whoever believes the old one comes to the new.

C2SP has a log keep its origin and sign with another key; how verifiers hear of that key is left open. Here the old key
says so, together with the tree of that moment, which every later one must begin with, and until when it signs beside.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Self

from tidegate.bounds import KIB
from tidegate.clock import parse_rfc3339, rfc3339
from tidegate.errors import BoundExceededError, InvalidInputError, RefusedError
from tidegate.ledger.checkpoint import Checkpoint
from tidegate.ledger.note import NoteKey, NoteSigner, NoteVerifier, open_note, split_note, unbase64
from tidegate.ledger.policy import KnownLog, LogPolicy
from tidegate.wire import from_json, to_json

FIRST_LINE: Final = "tidegate.dev/ledger-handover/v1"
"""No checkpoint begins so: a note's first line is its log's origin, and no log may be called this."""
MAX_HANDOVERS: Final = 64
MAX_HANDOVERS_BYTES: Final = 256 * KIB
_LINES: Final = 7
_HASH_BYTES: Final = 32
_MAX_SIZE_CHARS: Final = 19


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """One key after another.

    Attributes:
        tree: the log at that moment.
        until: before this moment the old key signs beside the new one; from it on nothing it signs is believed.
    """

    old: NoteVerifier
    new: NoteVerifier
    tree: Checkpoint
    until: datetime

    def to_text(self) -> str:
        """What both keys sign."""
        tree = self.tree
        root = base64.b64encode(tree.root).decode("ascii")
        lines = (FIRST_LINE, tree.origin, str(self.old), str(self.new), str(tree.size), root, rfc3339(self.until))
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def from_note(cls, note: str, *, where: str = "handover") -> Self:
        """Reads a note that both keys signed. Whether the old one is believed is for the caller to know.

        Raises:
            InvalidInputError: it is none.
            RefusedError: one of the two did not sign it, or they are of different logs.
        """
        lines = split_note(note, where=where)[0].removesuffix("\n").split("\n")
        if len(lines) != _LINES or lines[0] != FIRST_LINE:
            raise InvalidInputError(f"is no handover ({FIRST_LINE})", where=where)
        _, origin, old, new, size, root, until = lines
        if not size.isascii() or not size.isdecimal() or len(size) > _MAX_SIZE_CHARS:
            raise InvalidInputError("its size is no number", where=where)
        tree = Checkpoint(origin=origin, size=int(size), root=unbase64(root, where))
        keys = NoteVerifier.parse(old), NoteVerifier.parse(new)
        found = cls(old=keys[0], new=keys[1], tree=tree, until=parse_rfc3339(until))
        if found.to_text() != split_note(note, where=where)[0] or len(tree.root) != _HASH_BYTES:
            raise InvalidInputError("is not the one way to write what it says", where=where)
        signed = {item.key.public for item in open_note(note, keys, where=where)[1]}
        if {key.name for key in keys} != {origin} or signed != {key.public for key in keys} or keys[0] == keys[1]:
            raise RefusedError("is not signed by both keys, of one log", where=where)
        return found


def hand_over(old: NoteSigner, new: NoteSigner, tree: Checkpoint, until: datetime) -> str:
    """The note by which a key hands over to the next.

    Raises:
        ValueError: the keys are of different logs, or the same.
    """
    if {old.name, new.name} != {tree.origin} or old.verifier == new.verifier:
        raise ValueError("a handover is between two keys of one log")
    text = Handover(old=old.verifier, new=new.verifier, tree=tree, until=until).to_text()
    return replace(new, beside=(old,)).sign(text)


def follow(policy: LogPolicy, handovers: Sequence[Handover], at: datetime) -> tuple[LogPolicy, tuple[Handover, ...]]:
    """What is believed after keys that are believed have handed over, whoever brings the handovers.

    Args:
        policy: whose checkpoints are believed by themselves.
        handovers: in any order; those of strangers change nothing.
        at: now: a key whose time beside the next is over is believed no more.

    Returns:
        The policy with the keys of now, and the handovers that led there.

    Raises:
        RefusedError: one key named two successors: it is in two hands.
    """
    known: dict[tuple[str, bytes], KnownLog] = {_name(log.key): log for log in policy.logs}
    ended: set[tuple[str, bytes]] = set()
    followed: list[Handover] = []
    for _ in handovers:
        for one in handovers:
            if one in followed or _name(one.old) not in known:
                continue
            if any(_name(one.old) == _name(other.old) for other in followed):
                what = f"the key {one.old.key_id.hex()} handed over to two others"
                raise RefusedError(what, where=one.tree.origin, remedy="ask whose log it is: the key is in two hands")
            followed.append(one)
            known.setdefault(_name(one.new), KnownLog(one.new, known[_name(one.old)].url))
            if at >= one.until:
                ended.add(_name(one.old))
    logs = tuple(log for name, log in known.items() if name not in ended)
    return replace(policy, logs=logs), tuple(followed)


def read_handovers(raw: bytes, *, where: str = "handovers") -> tuple[Handover, ...]:
    """Reads the file that a log keeps: a JSON list of notes, the oldest first.

    Raises:
        InvalidInputError: it is none, or a note in it is none.
        RefusedError: a note is not signed by both its keys.
        BoundExceededError: there are more than `MAX_HANDOVERS`.
    """
    return tuple(Handover.from_note(note, where=where) for note in notes_in(raw, where=where))


def notes_in(raw: bytes, *, where: str = "handovers") -> list[str]:
    """The notes of that file, not verified; raises as `read_handovers`."""
    notes = from_json(raw, list[str], what=where, max_bytes=MAX_HANDOVERS_BYTES)
    if len(notes) > MAX_HANDOVERS:
        raise BoundExceededError("MAX_HANDOVERS", MAX_HANDOVERS, where=where)
    return notes


def write_handovers(notes: Sequence[str]) -> bytes:
    """The file of notes."""
    return to_json(list(notes)) + b"\n"


def _name(key: NoteKey) -> tuple[str, bytes]:
    return key.name, key.public
