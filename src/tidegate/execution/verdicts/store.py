# SPDX-License-Identifier: Apache-2.0
"""The verdicts a webhook answers from: signatures are verified as they come in, and nothing is asked afterwards."""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Final

from tidegate.artifact import Digest, Reference
from tidegate.errors import InvalidInputError, RefusedError
from tidegate.execution.verdicts.book import VerdictBook
from tidegate.execution.verdicts.folder import Position, VerdictFolder
from tidegate.execution.verdicts.verdict import ImageVerdict, VerdictBatch, from_statement, policies_from
from tidegate.execution.verdicts.workload_rules import WorkloadRules, workload_rules
from tidegate.signing.envelope import verify
from tidegate.signing.keys import KeyId, TrustedKeys
from tidegate.values import replace

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_log = logging.getLogger(__name__)


class VerdictStore:
    """What a webhook knows: in memory for whoever asks, on disk for the next start.

    Args:
        folder: where it is kept.
        trusted: keys whose word is taken, until `trust` says otherwise.
    """

    def __init__(self, folder: Path, trusted: TrustedKeys) -> None:
        self._folder = VerdictFolder(folder)
        self._revoked = self._folder.revoked
        self._trusted = self._without_revoked(trusted)
        self._signers: dict[str, frozenset[KeyId]] = {}
        self._policies_by: frozenset[KeyId] = frozenset()
        self._book = VerdictBook()
        self._rules: WorkloadRules | None = None
        self._policy = ""
        self._policies_of = _LONG_AGO
        self._position = Position()
        self._lock = Lock()

    def load(self) -> int:
        """Takes in what is kept; returns of how many images something is known.

        What no trusted key signed is passed over, and told: a kept verdict of a key that is trusted no more is none.

        Raises:
            OutsideError: the disk failed.
        """
        withdrawn: dict[str, int] = {}
        for subject, offset in self._folder.withdrawn():
            withdrawn[subject] = max(offset, withdrawn.get(subject, -1))
        for subject, offset in withdrawn.items():
            self._book.withdraw((subject,), offset)
        self._folder.rewrite_withdrawn(withdrawn.items())
        self._position = self._folder.position
        with self._lock:
            self._take_in_kept()
        return len(self._book)

    def trust(self, trusted: TrustedKeys) -> None:
        """Takes the word of these keys from now on: what others signed counts no more when this returns.

        What is kept on disk and was signed by a key that is new counts at once.

        Raises:
            OutsideError: the disk failed; whose word counts is changed all the same.
        """
        with self._lock:
            self._trusted = self._without_revoked(trusted)
            self._forget_others()
            self._take_in_kept()
            self._move(replace(self._position, settled=""))

    def revoke(self, key_id: str) -> None:
        """Takes a key's word never again, whoever trusts it: a server told that it is revoked.

        Raises:
            OutsideError: the disk failed; nothing the key signed counts all the same.
        """
        with self._lock:
            self._revoked |= {KeyId(key_id)}
            self._trusted = self._without_revoked(self._trusted)
            self._forget_others()
            self._folder.revoked = self._revoked
            self._move(replace(self._position, settled=""))

    def __len__(self) -> int:
        """Of how many images something is known."""
        return len(self._book)

    @property
    def rules(self) -> WorkloadRules | None:
        """What policies ask of workloads; None while nobody said."""
        return self._rules

    @property
    def policy(self) -> str:
        """Digest of those policies; "" while nobody said."""
        return self._policy

    @property
    def position(self) -> Position:
        """How far the server was heard."""
        return self._position

    def verdict_of(self, digest: Digest) -> ImageVerdict | None:
        """The newest word on an image; None for none. Whoever asks looks at its end."""
        return self._book.verdict_of(digest)

    def digest_of(self, reference: Reference) -> Digest | None:
        """Which image a reference means; its registry does not count, as what is pinned is a digest we know."""
        if reference.digest is not None:
            return reference.digest
        return self._book.digest_of(f"{reference.repository}:{reference.tag}") if reference.tag else None

    def ending_before(self, moment: datetime) -> tuple[Digest, ...]:
        """Images whose verdicts end before a moment."""
        return self._book.ending_before(moment)

    def take_in(self, envelope: bytes) -> VerdictBatch:
        """Takes a signed batch in: verified, on disk, then believed.

        Raises:
            InvalidInputError: malformed.
            RefusedError: no trusted key signed it.
            OutsideError: the disk failed; nothing was taken in.
        """
        signers, batch = self._read(envelope)
        with self._lock:
            if signers.isdisjoint(self._trusted.keys):
                raise RefusedError("signed by a key that is trusted no more", where="verdicts")
            name = self._folder.add(envelope)
            self._take(name, signers, batch)
        return batch

    def withdraw(self, subjects: Iterable[str], offset: int) -> None:
        """Forgets what was said of images and names before an event, at once; then on disk."""
        wanted = tuple(subjects)
        if not wanted:
            return
        with self._lock:
            spent = self._book.withdraw(wanted, offset)
            self._folder.note_withdrawn(wanted, offset)
            self._drop(spent)

    def retain(self, digests: frozenset[Digest]) -> None:
        """Forgets every image that is not among those."""
        with self._lock:
            self._drop(self._book.retain(digests))

    def set_policies(self, envelope: bytes) -> None:
        """Takes signed policies in.

        Raises:
            InvalidInputError: malformed.
            RefusedError: no trusted key signed them.
            OutsideError: the disk failed.
        """
        with self._lock:
            if self._set_policies(envelope):
                self._folder.policies = envelope

    def heard(self, offset: int) -> None:
        """Keeps how far the server was heard."""
        with self._lock:
            self._move(replace(self._position, offset=offset))

    def settled(self, text: str) -> None:
        """Keeps what the server stood on when everything there is was taken in; what counts for nothing goes."""
        with self._lock:
            self._folder.drop([name for name in self._folder.names() if name not in self._signers])
            self._move(replace(self._position, settled=text))

    def _move(self, position: Position) -> None:
        self._folder.position = position
        self._position = position

    def _take(self, name: str, signers: frozenset[KeyId], batch: VerdictBatch) -> None:
        self._signers[name] = signers
        self._drop(self._book.take_in(batch, name))

    def _drop(self, names: Iterable[str]) -> None:
        spent = tuple(names)
        for name in spent:
            self._signers.pop(name, None)
        self._folder.drop(spent)

    def _take_in_kept(self) -> None:
        """Takes in what is on disk and does not count yet; what no trusted key signed stays there until all is new."""
        passed, why = 0, ""
        for name, envelope in self._folder.batches():
            if name in self._signers:
                continue
            try:
                self._take(name, *self._read(envelope))
            except (InvalidInputError, RefusedError) as error:
                passed, why = passed + 1, str(error)
        if passed:
            _log.warning("%d kept batches of verdicts count for nothing, such as one %s", passed, why)
            self._move(replace(self._position, settled=""))
        if (kept := self._folder.policies) is not None:
            try:
                self._set_policies(kept)
            except (InvalidInputError, RefusedError) as error:
                _log.warning("the kept policies count for nothing: %s", error)

    def _forget_others(self) -> None:
        trusted = self._trusted.keys.keys()
        gone = frozenset(name for name, signers in self._signers.items() if signers.isdisjoint(trusted))
        self._book.forget(gone)
        for name in gone:
            del self._signers[name]
        if self._policies_by.isdisjoint(trusted):
            self._rules, self._policy, self._policies_of = None, "", _LONG_AGO

    def _without_revoked(self, trusted: TrustedKeys) -> TrustedKeys:
        return TrustedKeys.of(key for name, key in trusted.keys.items() if name not in self._revoked)

    def _read(self, envelope: bytes) -> tuple[frozenset[KeyId], VerdictBatch]:
        verified = verify(envelope, self._trusted, where="verdicts")
        return frozenset(verified.signers), from_statement(verified.statement)

    def _set_policies(self, envelope: bytes) -> bool:
        verified = verify(envelope, self._trusted, where="policies")
        texts = policies_from(verified.statement)
        if texts.made_at < self._policies_of:
            return False
        self._policies_by = frozenset(verified.signers)
        if texts.digest == self._policy:
            return False
        self._rules, self._policy = workload_rules(texts.files), str(texts.digest)
        self._policies_of = texts.made_at
        return True
