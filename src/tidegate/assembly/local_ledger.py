# SPDX-License-Identifier: Apache-2.0
"""The ledger of this home, without a server: read, proved, copied. A server may be using it at the same time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from tidegate import ledger
from tidegate.admission.ledger_line import parse_ledger_line
from tidegate.admission.records import record_named
from tidegate.artifact import Digest
from tidegate.assembly.home import Home
from tidegate.assembly.ledger import build_publication
from tidegate.assembly.notes import handovers_of, note_signer, rotate_note_key
from tidegate.assembly.stores import open_database, replica_name
from tidegate.clock import Clock, system_clock
from tidegate.errors import NotFoundError
from tidegate.ledger import Checkpoint, NoteSigner, Prover, StoredTiles
from tidegate.ledger.export import Exported, Exporter
from tidegate.ledger.handover import Handover
from tidegate.ledger.note import split_note
from tidegate.ledger.tlog_proof import TlogProof
from tidegate.ledger.witnessed_publication import Published
from tidegate.settings import Settings
from tidegate.storage.database import Database
from tidegate.storage.leases import Leases
from tidegate.storage.ledger_schema import ledger_entry
from tidegate.storage.schema import statement
from tidegate.values import Struct


class ListedEntry(Struct, frozen=True, kw_only=True):
    """One entry, as a list shows it; of one that names no statement, the text itself.

    Attributes:
        recorded_at: RFC 3339.
    """

    index: int
    recorded_at: str
    predicate_type: str
    subject: str
    envelope: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalLedger:
    """What commands ask of it."""

    settings: Settings
    database: Database
    signer: NoteSigner
    published: Published
    clock: Clock

    def checkpoint(self) -> tuple[str, Checkpoint]:
        """The checkpoint that is published now: the signed note, and what it says.

        Raises:
            NotFoundError: too few witnesses have cosigned one.
        """
        note = self.published.note()
        return note, Checkpoint.from_text(split_note(note)[0])

    def entries(self, first: int | None, last: int | None, *, limit: int) -> list[ListedEntry]:
        """Entries from the first to the last, both included, at most so many; the newest where neither is given."""
        with self.database.read() as connection:
            size = ledger.size(connection)
            if first is None:
                first = max(0, (size if last is None else last + 1) - limit)
            end = min(size if last is None else last + 1, first + limit)
            table = ledger_entry
            query = (
                select(table.c.index, table.c.entry, table.c.recorded_at)
                .where(table.c.index >= first, table.c.index < end)
                .order_by(table.c.index)
            )
            return [_listed(index, bytes(entry), at) for index, entry, at in connection.execute(query)]

    def prove(self, name: str) -> TlogProof:
        """A proof that an entry is under the published checkpoint.

        Args:
            name: its index, or the digest of a statement's envelope.

        Raises:
            NotFoundError: there is no such entry, or the published checkpoint does not cover it yet.
        """
        note, checkpoint = self.checkpoint()
        with self.database.read() as connection:
            if name.isdecimal():
                index = int(name)
            else:
                found = record_named(connection, Digest(name))
                if found is None:
                    raise NotFoundError("no such statement", where=name, remedy="give the digest of its envelope")
                index = found.ledger_index
            if index >= checkpoint.size:
                raise NotFoundError(
                    f"entry {index} is not under the published checkpoint of {checkpoint.size}",
                    where="ledger",
                    remedy="wait until a newer one is published",
                )
            hashes = Prover(StoredTiles(connection)).inclusion(index, checkpoint.size)
            return TlogProof(index=index, hashes=hashes, checkpoint=note, extra=ledger.entry_at(connection, index))

    def export(self, folder: Path) -> Exported:
        """Writes everything under the published checkpoint into a folder, or what is new since it was done last.

        Raises:
            RefusedError: the folder holds another log, or one that went on differently.
        """
        note, _ = self.checkpoint()
        with self.database.read() as connection:

            def envelopes(wanted: Sequence[Digest]) -> dict[Digest, bytes]:
                query = select(statement.c.digest, statement.c.envelope).where(statement.c.digest.in_(wanted))
                return {Digest(row.digest): bytes(row.envelope) for row in connection.execute(query)}

            exporter = Exporter(StoredTiles(connection), envelopes, _named, folder)
            return exporter.write(note, self.signer.verifier, handovers_of(self.settings))

    def rotate_key(self, overlap: timedelta) -> tuple[NoteSigner, Handover]:
        """Has the log's key hand over to a new one; the handover is an entry of the log as well.

        Raises:
            InvalidInputError: the overlap makes no sense, or there were too many handovers.
            OutsideError: the disk or the database refused.
        """
        at = self.clock()
        with self.database.begin() as connection:
            ledger.take_turn(connection)
            size = ledger.size(connection)
            tree = Checkpoint(origin=self.signer.name, size=size, root=ledger.root(connection, size))
            signer, note = rotate_note_key(self.settings, tree, overlap, at)
            ledger.append(connection, note.encode(), at)
        return signer, Handover.from_note(note)


@contextmanager
def open_local_ledger(settings: Settings, *, clock: Clock = system_clock) -> Iterator[LocalLedger]:
    """Opens the ledger of this home, which is made when it is not there.

    Raises:
        TidegateError: its key, its policy or the home folder is not usable.
    """
    Home(folder=settings.home).make()
    database = open_database(settings)
    try:
        signer = note_signer(settings)
        published, _ = build_publication(settings, database, signer, Leases(database, replica_name(settings)), clock)
        yield LocalLedger(settings=settings, database=database, signer=signer, published=published, clock=clock)
    finally:
        database.close()


def _named(entry: bytes) -> Digest | None:
    line = parse_ledger_line(entry, where="ledger entry")
    return line.envelope if line is not None else None


def _listed(index: int, entry: bytes, recorded_at: str) -> ListedEntry:
    line = parse_ledger_line(entry, where=f"entry {index}")
    return ListedEntry(
        index=index,
        recorded_at=recorded_at,
        predicate_type=line.predicate_type if line else "",
        subject=line.subject if line else "",
        envelope=line.envelope if line else "",
        text="" if line else entry.decode("utf-8", "backslashreplace"),
    )
