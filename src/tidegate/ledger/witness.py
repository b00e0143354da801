# SPDX-License-Identifier: Apache-2.0
"""A witness of others' logs (C2SP tlog-witness): it cosigns what only adds to all it cosigned before, and nothing else.

For each log it remembers one checkpoint, and looks at it, replaces it and has it on the disk in one transaction before
it answers: killed at any moment it has never said yes to two histories, and never goes back.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, select, update

from tidegate.clock import Clock, rfc3339
from tidegate.errors import InvalidInputError, NotFoundError, RefusedError, TidegateError
from tidegate.ledger.add_checkpoint import AddCheckpoint
from tidegate.ledger.checkpoint import Checkpoint
from tidegate.ledger.cosignature import Cosigner
from tidegate.ledger.note import NoteKey, open_note, split_note
from tidegate.ledger.proof import EMPTY_ROOT, verify_consistency
from tidegate.storage.database import Database
from tidegate.storage.insert import insert_once
from tidegate.storage.ledger_schema import ledger_witnessed

_MAX_ORIGIN_CHARS = 255


class UnknownLogError(NotFoundError):
    """The witness was not told to watch that log."""


class ConflictError(TidegateError):
    """The request starts from another tree than the one cosigned last, or shows another of the same size.

    Args:
        size: of the checkpoint that was cosigned last.
    """

    def __init__(self, what: str, size: int, *, where: str) -> None:
        super().__init__(what, where=where, remedy=f"prove it from the tree of {size}")
        self.size = size


class InconsistentError(TidegateError):
    """The new tree does not start with the old one, or its proof does not show it."""


class Witness:
    """Judges checkpoints.

    Args:
        database: where the newest checkpoint of each log is remembered.
        cosigner: our key.
        logs: keys of the logs that are watched; the name of a key is its log's origin.
        clock: the time that goes into cosignatures.

    Raises:
        InvalidInputError: a log's name is longer than 255 characters.
    """

    def __init__(self, database: Database, cosigner: Cosigner, logs: Sequence[NoteKey], clock: Clock) -> None:
        for key in logs:
            if len(key.name) > _MAX_ORIGIN_CHARS:
                raise InvalidInputError(f"is longer than {_MAX_ORIGIN_CHARS} characters", where=key.name[:80])
        self._database = database
        self._cosigner = cosigner
        self._logs = tuple(logs)
        self._clock = clock

    def add_checkpoint(self, body: bytes) -> str:
        """Answers an `add-checkpoint` call with our signature line.

        Raises:
            InvalidInputError: it is no such call, or its old size is the larger one (400).
            UnknownLogError: nobody told us to watch that log (404).
            RefusedError: no key we know of that log signed the checkpoint, or its signature does not hold (403).
            ConflictError: we cosigned another checkpoint last (409).
            InconsistentError: the proof does not prove it (422).
            OutsideError: what was decided could not be remembered, so nothing was.
        """
        asked = AddCheckpoint.from_body(body)
        text, checkpoint = self._signed(asked.note)
        if asked.old_size > checkpoint.size:
            raise InvalidInputError("the old size is the larger one", where=checkpoint.origin)
        with self._database.begin() as connection:
            self._judge(connection, asked, checkpoint)
            now = self._clock()
            values = {
                "size": checkpoint.size,
                "root": checkpoint.root,
                "note": asked.note,
                "cosigned_at": rfc3339(now),
            }
            table = ledger_witnessed
            connection.execute(update(table).where(table.c.origin == checkpoint.origin).values(values))
        return self._cosigner.cosign(text, now)

    def _signed(self, note: str) -> tuple[str, Checkpoint]:
        claimed = Checkpoint.from_text(split_note(note, where="checkpoint")[0]).origin
        keys = [key for key in self._logs if key.name == claimed]
        if not keys:
            raise UnknownLogError("not a log that is watched here", where=claimed[:120])
        text, signatures = open_note(note, keys, where=claimed)
        if not signatures:
            raise RefusedError("not signed by a key of that log that is known here", where=claimed)
        return text, Checkpoint.from_text(text)

    def _judge(self, connection: Connection, asked: AddCheckpoint, new: Checkpoint) -> None:
        """Compares with what is remembered; the row is ours until the transaction ends."""
        table = ledger_witnessed
        first = {"size": 0, "root": EMPTY_ROOT, "note": "", "cosigned_at": ""}
        insert_once(connection, table, origin=new.origin, **first)
        query = select(table.c.size, table.c.root).where(table.c.origin == new.origin).with_for_update()
        size, root = connection.execute(query).one()
        if asked.old_size != size:
            raise ConflictError(
                f"the tree of {size} was cosigned last, not one of {asked.old_size}", size, where=new.origin
            )
        if new.size == size and new.root != bytes(root):
            raise ConflictError(f"another tree of {size} was cosigned before", size, where=new.origin)
        try:
            verify_consistency(
                old_size=size, new_size=new.size, old_root=bytes(root), new_root=new.root, proof=asked.proof
            )
        except InvalidInputError as error:
            raise InconsistentError(
                "the new tree was not shown to start with the one cosigned before",
                where=new.origin,
                remedy="if its proof is right, the log has rewritten its history",
            ) from error
