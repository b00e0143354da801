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
from tidegate.signing.keys import TrustedKeys
from tidegate.values import replace

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_log = logging.getLogger(__name__)


class VerdictStore:
    """What a webhook knows: in memory for whoever asks, on disk for the next start.

    Args:
        folder: where it is kept.
        trusted: keys whose word is taken.
    """

    def __init__(self, folder: Path, trusted: TrustedKeys) -> None:
        self._folder = VerdictFolder(folder)
        self._trusted = trusted
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
        spent: list[str] = []
        for name, envelope in self._folder.batches():
            try:
                batch = self._read(envelope)
            except (InvalidInputError, RefusedError) as error:
                _log.warning("a kept batch of verdicts counts for nothing: %s", error)
                continue
            spent += self._book.take_in(batch, name)
        self._folder.drop(spent)
        self._position = self._folder.position
        if (kept := self._folder.policies) is not None:
            try:
                self._set_policies(kept)
            except (InvalidInputError, RefusedError) as error:
                _log.warning("the kept policies count for nothing: %s", error)
        return len(self._book)

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
        batch = self._read(envelope)
        with self._lock:
            name = self._folder.add(envelope)
            self._folder.drop(self._book.take_in(batch, name))
        return batch

    def withdraw(self, subjects: Iterable[str], offset: int) -> None:
        """Forgets what was said of images and names before an event, at once; then on disk."""
        wanted = tuple(subjects)
        if not wanted:
            return
        with self._lock:
            spent = self._book.withdraw(wanted, offset)
            self._folder.note_withdrawn(wanted, offset)
            self._folder.drop(spent)

    def retain(self, digests: frozenset[Digest]) -> None:
        """Forgets every image that is not among those."""
        with self._lock:
            self._folder.drop(self._book.retain(digests))

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
        """Keeps what the server stood on when everything there is was taken in."""
        with self._lock:
            self._move(replace(self._position, settled=text))

    def _move(self, position: Position) -> None:
        self._folder.position = position
        self._position = position

    def _read(self, envelope: bytes) -> VerdictBatch:
        return from_statement(verify(envelope, self._trusted, where="verdicts").statement)

    def _set_policies(self, envelope: bytes) -> bool:
        texts = policies_from(verify(envelope, self._trusted, where="policies").statement)
        if texts.digest == self._policy or texts.made_at < self._policies_of:
            return False
        self._rules, self._policy = workload_rules(texts.files), str(texts.digest)
        self._policies_of = texts.made_at
        return True
