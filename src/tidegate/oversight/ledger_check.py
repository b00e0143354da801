# SPDX-License-Identifier: Apache-2.0
"""A copy of a ledger checked with nothing but keys: checkpoint, cosignatures, tiles, entries, statements, the past.

No server and no database is asked, and nothing in the copy is believed: keys and policy come from whoever checks.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from tidegate.admission.ledger_line import LedgerLine, parse_ledger_line
from tidegate.artifact import Digest
from tidegate.clock import rfc3339
from tidegate.errors import InvalidInputError, NotFoundError, RefusedError
from tidegate.evidence.statement import parse_statement
from tidegate.ledger.checkpoint import Checkpoint
from tidegate.ledger.copy import LogCopy, statement_path
from tidegate.ledger.handover import follow, read_handovers
from tidegate.ledger.note import open_note
from tidegate.ledger.policy import KnownLog, LogPolicy
from tidegate.ledger.proof import leaf_hash, verify_inclusion
from tidegate.ledger.tlog_proof import TlogProof
from tidegate.ledger.verification import Defect, Defects, verify_grown, verify_log
from tidegate.signing.envelope import parse_envelope, signers_of
from tidegate.signing.keys import TrustedKeys
from tidegate.values import Struct
from tidegate.wire import demand_unique_keys


class LedgerReport(Struct, frozen=True, kw_only=True):
    """What was found.

    Attributes:
        note: the signed checkpoint that all of this is about.
        root: hexadecimal.
        witnesses: who of the policy's cosigned it, and when (RFC 3339).
        since: size of the checkpoint that was kept, which this one goes on from; None when none was given.
        key: that signed it, where it is one to which those that are believed handed over; else "".
        statements: entries that name one, by what was found: `trusted` (signed by a trusted key), `others` (by keys
            that are not), `unread` (left out because they were not asked for).
        other_entries: entries of other kinds: their hashes are checked, and nothing else.
        defects: empty for a ledger that is as it must be.
    """

    note: str
    origin: str
    size: int
    root: str
    witnesses: Mapping[str, str]
    since: int | None
    statements: Mapping[str, int]
    other_entries: int
    defects: tuple[Defect, ...]
    key: str = ""

    @property
    def is_sound(self) -> bool:
        """True when nothing is wrong with it."""
        return not self.defects


class LedgerCheck:
    """Checks copies of one log.

    Args:
        policy: whose checkpoints are believed.
        trusted: whose signatures on statements count.
        reads_statements: False leaves the envelopes alone.
        at: now; cosignatures from the future do not count.
    """

    def __init__(self, policy: LogPolicy, trusted: TrustedKeys, *, reads_statements: bool, at: datetime) -> None:
        self._policy = policy
        self._trusted = trusted
        self._reads_statements = reads_statements
        self._at = at

    def check(self, copy: LogCopy, *, since: str | None = None) -> LedgerReport:
        """Reads a whole copy.

        Args:
            copy: of the log.
            since: the signed checkpoint of an earlier time, which whoever checks has kept.

        Raises:
            NotFoundError: there is no checkpoint in it.
            InvalidInputError: its checkpoint, or the one that was kept, is none.
            RefusedError: no key that is believed signed them, or too few witnesses cosigned the new one.
            OutsideError: the copy cannot be read.
        """
        note = copy.checkpoint()
        policy, handovers = follow(self._policy, read_handovers(copy.handovers()), self._at)
        accepted = policy.accept(note, self._at)
        checkpoint, defects = accepted.checkpoint, Defects()
        kept = None if since is None else self._kept(since, (*policy.logs, *self._policy.logs))
        for before in (*((kept,) if kept is not None else ()), *(one.tree for one in handovers)):
            verify_grown(copy, before, checkpoint, defects)
        tally = _Tally(copy, self._trusted, defects, reads=self._reads_statements)
        verify_log(copy, checkpoint, defects, tally.hear)
        return LedgerReport(
            note=note,
            origin=checkpoint.origin,
            size=checkpoint.size,
            root=checkpoint.root.hex(),
            witnesses={name: rfc3339(moment) for name, moment in sorted(accepted.witnesses.items())},
            since=None if kept is None else kept.size,
            key="" if accepted.key in {log.key for log in self._policy.logs} else str(accepted.key),
            statements=tally.statements,
            other_entries=tally.other_entries,
            defects=tuple(defects),
        )

    def check_proof(self, proof: TlogProof, entry: bytes) -> Checkpoint:
        """Checks that an entry is in the log, by a proof alone.

        Raises:
            InvalidInputError: the proof does not prove it.
            RefusedError: its checkpoint is not one that is believed.
        """
        checkpoint = self._policy.accept(proof.checkpoint, self._at).checkpoint
        verify_inclusion(
            index=proof.index,
            size=checkpoint.size,
            leaf=leaf_hash(entry),
            proof=proof.hashes,
            root=checkpoint.root,
        )
        return checkpoint

    def _kept(self, note: str, logs: Sequence[KnownLog]) -> Checkpoint:
        """The checkpoint that was kept. It needs no quorum: its witnesses were counted when it was new."""
        where = "the checkpoint that was kept"
        text, signatures = open_note(note, [log.key for log in logs], where=where)
        checkpoint = Checkpoint.from_text(text)
        if not any(item.key.name == checkpoint.origin for item in signatures):
            raise RefusedError("not signed by a known key of its log", where=where, remedy="give the one you kept")
        return checkpoint


class _Tally:
    """Hears every entry, and looks at the statement that it names."""

    def __init__(self, copy: LogCopy, trusted: TrustedKeys, defects: Defects, *, reads: bool) -> None:
        self._copy = copy
        self._trusted = trusted
        self._defects = defects
        self._reads = reads
        self.statements = {"trusted": 0, "others": 0, "unread": 0}
        self.other_entries = 0

    def hear(self, index: int, entry: bytes) -> None:
        where = f"entry {index}"
        try:
            line = parse_ledger_line(entry, where=where)
        except InvalidInputError as error:
            self._defects.tell(where, error.what)
            return
        if line is None:
            self.other_entries += 1
        elif not self._reads:
            self.statements["unread"] += 1
        else:
            self._read(line, where)

    def _read(self, line: LedgerLine, where: str) -> None:
        path = statement_path(line.envelope)
        try:
            content = self._copy.statement(line.envelope)
            _demand_digest(content, line.envelope, where)
            envelope = parse_envelope(content, where=path)
            signers = signers_of(envelope, self._trusted, where=path)
            statement = parse_statement(envelope.payload, where=path)
            demand_unique_keys(envelope.payload, what=path)
        except (InvalidInputError, NotFoundError, RefusedError) as error:
            self._defects.tell(path, error.what)
            return
        subjects = {subject.digest for subject in statement.subjects}
        if line.subject not in subjects or line.predicate_type != statement.predicate_type:
            self._defects.tell(where, f"says something else of {line.envelope} than the statement itself")
            return
        self.statements["trusted" if signers else "others"] += 1


def _demand_digest(content: bytes, digest: Digest, where: str) -> None:
    if Digest.of(content) != digest:
        raise InvalidInputError(f"is not the statement that {where} names")
