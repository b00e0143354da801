# SPDX-License-Identifier: Apache-2.0
"""Verdicts in memory: the newest word on each image, and which image a name means. Safe for threads.

Words come in any order. Each carries the offset of the newest event it knew of; what was withdrawn by a later event
stays withdrawn, whatever an older word says.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from threading import Lock
from typing import Final

from tidegate.artifact import Digest
from tidegate.execution.verdicts.verdict import ImageVerdict, VerdictBatch
from tidegate.values import Struct

_HEX_CHARS: Final = {"sha256": 64, "sha512": 128}
"""By algorithm."""
_HEX: Final = frozenset("0123456789abcdef")


class Entry(Struct, frozen=True, gc=False):
    """The newest word on an image.

    Attributes:
        offset: of the newest event that was known when it was made.
        source: what brought it.
    """

    verdict: ImageVerdict
    offset: int
    source: str


class VerdictBook:
    """What is known. Reading takes no lock: each look is one look into a dictionary."""

    def __init__(self) -> None:
        self._entries: dict[Digest, Entry] = {}
        self._names: dict[str, tuple[Digest, int]] = {}
        self._parents: dict[Digest, set[Digest]] = {}
        self._withdrawn: dict[str, int] = {}
        self._sources: dict[str, int] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        """How many images something is known of."""
        return len(self._entries)

    def verdict_of(self, digest: Digest) -> ImageVerdict | None:
        """The newest word on an image; None for none."""
        entry = self._entries.get(digest)
        return None if entry is None else entry.verdict

    def digest_of(self, name: str) -> Digest | None:
        """Which image `repository:tag` means; None when nobody said."""
        found = self._names.get(name)
        return None if found is None else found[0]

    def take_in(self, batch: VerdictBatch, source: str) -> tuple[str, ...]:
        """Takes a batch in; what is known better is kept.

        Returns:
            Sources that nothing is known by any more.
        """
        with self._lock:
            self._sources.setdefault(source, 0)
            for verdict in batch.verdicts:
                self._take(verdict, batch.offset, source)
            return self._spent()

    def withdraw(self, subjects: Iterable[str], offset: int) -> tuple[str, ...]:
        """Forgets what was said of images and names before an event; the same of what an image is part of.

        Args:
            subjects: digests, and names as `repository:tag`.
            offset: of the event.

        Returns:
            Sources that nothing is known by any more.
        """
        with self._lock:
            for subject in subjects:
                self._withdraw(subject, offset)
            return self._spent()

    def retain(self, digests: frozenset[Digest]) -> tuple[str, ...]:
        """Forgets every other image: the server no longer knows it."""
        with self._lock:
            for digest in [one for one in self._entries if one not in digests]:
                self._remove(digest)
            return self._spent()

    def forget(self, sources: frozenset[str]) -> None:
        """Forgets what some sources brought, whatever else is known."""
        with self._lock:
            for digest in [one for one, entry in self._entries.items() if entry.source in sources]:
                self._remove(digest)
            for source in sources:
                self._sources.pop(source, None)

    def ending_before(self, moment: datetime) -> tuple[Digest, ...]:
        """Images whose verdicts end before a moment."""
        return tuple(digest for digest, one in list(self._entries.items()) if one.verdict.expires_at < moment)

    @property
    def withdrawn(self) -> Mapping[str, int]:
        """What was withdrawn, and by which event."""
        with self._lock:
            return dict(self._withdrawn)

    def _take(self, verdict: ImageVerdict, offset: int, source: str) -> None:
        digest = verdict.digest
        known = self._entries.get(digest)
        if (known is not None and known.offset > offset) or self._newest_word_against(verdict) > offset:
            return
        self._remove(digest)
        self._entries[digest] = Entry(verdict, offset, source)
        self._sources[source] += 1
        for child in verdict.images:
            self._parents.setdefault(child, set()).add(digest)
        for name in verdict.names:
            said = self._names.get(name)
            if (said is None or said[1] <= offset) and self._withdrawn.get(name, -1) <= offset:
                self._names[name] = (digest, offset)

    def _newest_word_against(self, verdict: ImageVerdict) -> int:
        return max(self._withdrawn.get(one, -1) for one in (verdict.digest, *verdict.images))

    def _withdraw(self, subject: str, offset: int) -> None:
        self._withdrawn[subject] = max(offset, self._withdrawn.get(subject, -1))
        said = self._names.get(subject)
        if said is not None and said[1] < offset:
            del self._names[subject]
        if not is_digest(subject):
            return
        for digest in (Digest(subject), *self._parents.get(Digest(subject), ())):
            known = self._entries.get(digest)
            if known is not None and known.offset < offset:
                self._remove(digest)

    def _remove(self, digest: Digest) -> None:
        known = self._entries.pop(digest, None)
        if known is None:
            return
        self._sources[known.source] -= 1
        for child in known.verdict.images:
            self._parents.get(child, set()).discard(digest)
        for name in known.verdict.names:
            if self._names.get(name, ("", 0))[0] == digest:
                del self._names[name]

    def _spent(self) -> tuple[str, ...]:
        spent = tuple(source for source, count in self._sources.items() if not count)
        for source in spent:
            del self._sources[source]
        return spent


def is_digest(subject: str) -> bool:
    """True for a digest, false for a name, as far as can be told: a repository may be called `sha256`."""
    algorithm, _, rest = subject.partition(":")
    return len(rest) == _HEX_CHARS.get(algorithm) and not set(rest) - _HEX
