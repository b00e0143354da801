# SPDX-License-Identifier: Apache-2.0
"""The newest checkpoint that enough witnesses have cosigned: made every few seconds, kept, served."""

import logging
from threading import Event as Flag
from threading import Thread
from typing import Final, Protocol

from sqlalchemy import Connection, select, update

from tidegate.clock import Clock, rfc3339
from tidegate.errors import NotFoundError, RefusedError
from tidegate.ledger.checkpoint import Checkpoint
from tidegate.ledger.note import split_note
from tidegate.ledger.policy import LogPolicy
from tidegate.ledger.publication import Publication
from tidegate.ledger.witnessing import Witnessing
from tidegate.storage.carry_on import carrying_on
from tidegate.storage.database import Database
from tidegate.storage.insert import insert_once
from tidegate.storage.leases import Leases
from tidegate.storage.ledger_schema import ledger_checkpoint

_log = logging.getLogger(__name__)
_LEASE: Final = "ledger checkpoint"


class Published(Protocol):
    """Whoever says what the log is now."""

    def note(self) -> str:
        """The signed checkpoint to be served.

        Raises:
            NotFoundError: there is none yet.
            OutsideError: the database failed, or contradicts what was signed before.
        """
        ...


def kept_note(connection: Connection, origin: str) -> str:
    """The newest checkpoint of a log that enough witnesses cosigned; "" for none."""
    table = ledger_checkpoint
    return connection.scalar(select(table.c.note).where(table.c.origin == origin)) or ""


class WitnessedPublication:
    """Has checkpoints cosigned, and keeps the newest with which the policy's quorum is met.

    Args:
        database: that the log is in.
        signed: signs them.
        witnessing: asks the witnesses.
        policy: says how many must cosign.
        clock: for the record of when it was published.
    """

    def __init__(
        self, database: Database, signed: Publication, witnessing: Witnessing, policy: LogPolicy, clock: Clock
    ) -> None:
        self._database = database
        self._signed = signed
        self._witnessing = witnessing
        self._policy = policy
        self._clock = clock

    def note(self) -> str:
        """The newest published checkpoint, with its cosignatures (`Published.note`)."""
        found = self._kept()
        if not found:
            raise NotFoundError(
                "no checkpoint was cosigned by enough witnesses yet",
                where=self._signed.origin,
                remedy="the server's log says what witnesses answered",
            )
        return found

    def publish(self) -> Checkpoint:
        """Has the tree of now cosigned and publishes it; one that is published already stays as it is.

        Raises:
            RefusedError: fewer than the quorum cosigned; what was published before stays.
            OutsideError: the database failed, or contradicts what was signed before.
        """
        checkpoint, note = self._signed.signed()
        kept = self._kept()
        if (
            kept
            and Checkpoint.from_text(split_note(kept)[0]).size >= checkpoint.size
            and self._signed.signed_by_it(kept)
        ):
            return checkpoint
        lines = self._witnessing.cosignatures(checkpoint, note)
        if not self._policy.is_met(lines):
            raise RefusedError(
                f"the tree of {checkpoint.size} was cosigned by {', '.join(sorted(lines)) or 'no witness'}, "
                f"which is not the quorum {self._policy.quorum}",
                where=checkpoint.origin,
            )
        self._keep(checkpoint, note + "".join(lines.values()))
        return checkpoint

    def close(self) -> None:
        """Closes connections to witnesses."""
        self._witnessing.close()

    def _kept(self) -> str:
        with self._database.read() as connection:
            return kept_note(connection, self._signed.origin)

    def _keep(self, checkpoint: Checkpoint, note: str) -> None:
        table, at = ledger_checkpoint, rfc3339(self._clock())
        values = {"size": checkpoint.size, "note": note, "published_at": at}
        with self._database.begin() as connection:
            if not insert_once(connection, table, origin=checkpoint.origin, **values):
                # One of the same size takes its place when another key signs by now.
                older = (table.c.origin == checkpoint.origin) & (table.c.size <= checkpoint.size)
                connection.execute(update(table).where(older).values(values))


class PublicationThread:
    """Publishes, on one replica at a time, until it is stopped.

    Args:
        publication: what it drives.
        database: tells when something changed.
        leases: of this replica.
        every_seconds: between two publications.
    """

    def __init__(
        self, publication: WitnessedPublication, database: Database, leases: Leases, *, every_seconds: float
    ) -> None:
        self._publication = publication
        self._database = database
        self._leases = leases
        self._every_seconds = every_seconds
        self._stopping = Flag()
        self._thread = Thread(target=self._run, name="publication", daemon=True)

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop(self) -> None:
        """Ends after the publication in hand."""
        self._stopping.set()
        self._thread.join()
        self._publication.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            with carrying_on(_log, "publication of the ledger's checkpoint"):
                if self._leases.hold(_LEASE):
                    self._publication.publish()
            self._stopping.wait(self._every_seconds)
