# SPDX-License-Identifier: Apache-2.0
"""The keys that sign checkpoints: of our ledger, and of us as a witness. Each is made on first use.

The ledger's is handed over to a next one (`tidegate.ledger.handover`): beside its file lie the handovers, and the keys
of before while they sign too. The next key is written under another name first; a kill in between leaves the key of
before in use, or the handover on the disk, and then whoever looks next ends it.
"""

import base64
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from tidegate.bounds import read_bounded
from tidegate.clock import system_clock
from tidegate.errors import InvalidInputError, OutsideError, UsageError
from tidegate.key_file import create_secret_file
from tidegate.ledger.checkpoint import Checkpoint
from tidegate.ledger.handover import (
    MAX_HANDOVERS,
    MAX_HANDOVERS_BYTES,
    Handover,
    hand_over,
    notes_in,
    read_handovers,
    write_handovers,
)
from tidegate.ledger.note import NoteSigner
from tidegate.settings import Settings

MAX_OVERLAP: Final = timedelta(days=366)
_MAX_KEY_BYTES: Final = 200


def note_signer(settings: Settings) -> NoteSigner:
    """The key of the ledger's checkpoints, and beside it those of before whose time is not over.

    Raises:
        InvalidInputError: a file holds something else.
        OutsideError: the disk refused.
    """
    path, origin = settings.signing.ledger_key_file, settings.ledger.origin
    handovers = read_handovers(handovers_of(settings), where=str(_handovers(path)))
    _finish(path, origin, handovers)
    key = NoteSigner.from_seed(origin, key_seed(path))
    now, beside = system_clock(), []
    for one in handovers:
        old = _of_before(path, one)
        if now >= one.until:
            old.unlink(missing_ok=True)  # nobody believes it any more, and nobody shall find it
        elif one.old.name == origin and old.exists():
            beside.append(NoteSigner.from_seed(origin, key_seed(old)))
    return replace(key, beside=tuple(beside))


def handovers_of(settings: Settings) -> bytes:
    """The file of handovers, as the log serves it.

    Raises:
        OutsideError: the disk refused.
    """
    path = _handovers(settings.signing.ledger_key_file)
    try:
        with path.open("rb") as file:
            return read_bounded(file, max_bytes=MAX_HANDOVERS_BYTES, what=str(path))
    except FileNotFoundError:
        return write_handovers(())
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror}", where=str(path)) from error


def rotate_note_key(settings: Settings, tree: Checkpoint, overlap: timedelta, at: datetime) -> tuple[NoteSigner, str]:
    """Makes the next key of the ledger's checkpoints, and has the one in use hand over to it.

    Args:
        settings: name the file.
        tree: the log now.
        overlap: how long the one in use signs beside the next.
        at: now.

    Returns:
        The next key, with the one of before beside it, and the handover.

    Raises:
        InvalidInputError: the overlap makes no sense, or there were as many handovers as anybody reads.
        OutsideError: the disk refused.
    """
    if not timedelta(0) <= overlap <= MAX_OVERLAP:
        raise InvalidInputError(f"an overlap is from nothing to {MAX_OVERLAP.days} days", where="ledger")
    path = settings.signing.ledger_key_file
    old, notes = note_signer(settings), notes_in(handovers_of(settings))
    if len(notes) >= MAX_HANDOVERS:
        raise InvalidInputError(
            f"has {len(notes)} handovers", where=str(_handovers(path)), remedy="go on under another ledger.origin"
        )
    _next(path).unlink(missing_ok=True)  # of a rotation that came to nothing
    seed = NoteSigner.generate(old.name).secret_seed()
    _create(_next(path), seed)
    note = hand_over(old, NoteSigner.from_seed(old.name, seed), tree, at + overlap)
    _replace(_handovers(path), write_handovers([*notes, note]))
    return note_signer(settings), note


def key_seed(path: Path) -> bytes:
    """Reads a 32-byte secret, base64 in a file for its owner alone; makes one when there is none.

    Raises:
        InvalidInputError: the file holds something else.
        OutsideError: the disk refused.
    """
    try:
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(UsageError):  # another process was first: its key is the one
                _create(path, NoteSigner.generate("new").secret_seed())
        with path.open("rb") as file:
            text = read_bounded(file, max_bytes=_MAX_KEY_BYTES, what=str(path))
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror}", where=str(path)) from error
    try:
        seed = base64.b64decode(text.strip(), validate=True)
        return NoteSigner.from_seed("new", seed).secret_seed()
    except ValueError:
        raise InvalidInputError("holds no ledger key", where=str(path), remedy="restore it from a backup") from None


def _finish(path: Path, origin: str, handovers: tuple[Handover, ...]) -> None:
    """Gives the next key its name, when it was handed over to: the one of before is kept for its time first."""
    if not handovers or not _next(path).exists():
        return
    last = handovers[-1]
    if NoteSigner.from_seed(origin, key_seed(_next(path))).verifier != last.new:
        return
    with suppress(UsageError):  # killed after this
        _create(_of_before(path, last), key_seed(path))
    with suppress(FileNotFoundError):  # another process was first
        _next(path).replace(path)


def _create(path: Path, seed: bytes) -> None:
    create_secret_file(path, base64.b64encode(seed) + b"\n", what="ledger key")


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    create_secret_file(draft, content, what="handovers")
    try:
        draft.replace(path)
    except OSError as error:
        raise OutsideError(f"cannot be written: {error.strerror}", where=str(path)) from error


def _handovers(path: Path) -> Path:
    return path.with_name(f"{path.name}.handovers")


def _next(path: Path) -> Path:
    return path.with_name(f"{path.name}.next")


def _of_before(path: Path, handover: Handover) -> Path:
    return path.with_name(f"{path.name}.{handover.old.key_id.hex()}")
