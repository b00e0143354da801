# SPDX-License-Identifier: Apache-2.0
"""What the log says of itself now: its signed checkpoint, and never one that contradicts an earlier one."""

from threading import Lock

from tidegate.errors import OutsideError
from tidegate.ledger.checkpoint import Checkpoint, sign_checkpoint
from tidegate.ledger.last_signed import LastSigned
from tidegate.ledger.log import root
from tidegate.ledger.note import NoteSigner, open_note
from tidegate.ledger.stored import size
from tidegate.storage.database import Database


class Publication:
    """Signs checkpoints of the log in a database.

    Args:
        database: that the log is in.
        signer: its key; the checkpoint's origin is the key's name.
        last: remembers what was signed, beyond this process; None keeps it in memory alone.

    Raises:
        OutsideError: what was signed last cannot be read.
    """

    def __init__(self, database: Database, signer: NoteSigner, last: LastSigned | None = None) -> None:
        self._database = database
        self._signer = signer
        self._last = last
        known = last.read() if last is not None else None
        self._newest = known or Checkpoint(origin=signer.name, size=0, root=b"")
        self._kept = self._newest.size
        self._lock = Lock()

    @property
    def origin(self) -> str:
        """The log's name."""
        return self._signer.name

    def checkpoint(self) -> Checkpoint:
        """The tree of now.

        Raises:
            OutsideError: the database failed, or was put back to an earlier state: what was signed since would be
                contradicted.
        """
        with self._database.read() as connection:
            found = size(connection)
            now = Checkpoint(origin=self._signer.name, size=found, root=root(connection, found))
            before = self._newest
            if before.size and (found < before.size or root(connection, before.size) != before.root):
                raise OutsideError(
                    f"the log no longer holds the {before.size} entries it was signed with",
                    where=self._signer.name,
                    remedy="restore a newer backup, or go on under another ledger.origin",
                )
        with self._lock:
            if now.size > self._newest.size:
                self._newest = now
        return now

    def signed(self) -> tuple[Checkpoint, str]:
        """The tree of now, and its signed checkpoint (C2SP tlog-checkpoint).

        Raises:
            OutsideError: as `checkpoint`, or what is signed cannot be remembered.
        """
        now = self.checkpoint()
        note = sign_checkpoint(now, self._signer)
        with self._lock:
            if self._last is not None and now.size > self._kept:
                self._last.keep(note, now.size)
                self._kept = now.size
        return now, note

    def signed_by_it(self, note: str) -> bool:
        """Whether a checkpoint is signed by the key of now, and not by one that handed over to it alone."""
        return bool(open_note(note, (self._signer.verifier,))[1])

    def note(self) -> str:
        """The signed checkpoint of now.

        Raises:
            OutsideError: as `checkpoint`.
        """
        return self.signed()[1]
