# SPDX-License-Identifier: Apache-2.0
"""Hands files to the secret scanner, small ones in batches; what it raises costs the files it is raised for only."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeAlias

from tidegate.bounds import MIB
from tidegate.errors import BoundExceededError
from tidegate.inventory import Outcome, OutcomeStatus, SecretFact
from tidegate.scan.analyser import SecretScanner
from tidegate.scan.cataloging import broken
from tidegate.scan.entry import SNIFFED_BYTES, path_text
from tidegate.scan.limits import ScanLimits
from tidegate.scan.parts import SECRETS

Content: TypeAlias = bytes | memoryview
ScanChunks: TypeAlias = Callable[[str, Iterator[Content]], list[SecretFact]]

_BATCH_BYTES: Final = 4 * MIB


class SecretSearch:
    """The search of one layer, or of one folder.

    Attributes:
        found: in the order of the files.
        outcomes: files that were not searched, or not to their end.
    """

    def __init__(self, scanner: SecretScanner, limits: ScanLimits, where: str) -> None:
        self._scanner = scanner
        self._scan_chunks: ScanChunks | None = getattr(scanner, "scan_chunks", None)
        self._limits = limits
        self._where = where
        self._batch: list[tuple[str, Content]] = []
        self._batched = 0
        self.found: list[SecretFact] = []
        self.outcomes: list[Outcome] = []

    def put(self, name: bytes, content: Content) -> None:
        """Puts a small file by; a view must stay valid until `flush`."""
        self._batch.append((path_text(name), content))
        self._batched += len(content)
        if self._batched > _BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Searches what was put by.

        Raises:
            BoundExceededError: `max_secrets`.
        """
        batch, self._batch = self._batch, []
        self._batched = 0
        if batch:
            self._keep(self._searched(batch))

    def large(self, name: bytes, pieces: Iterator[Content]) -> None:
        """Searches a file that comes in pieces, each valid until the next is taken; it may stop before the last.

        Raises:
            BoundExceededError: `max_secrets`.
        """
        self.flush()
        path = path_text(name)
        if self._scan_chunks is None:
            self._search_beginning(path, pieces)
            return
        guarded = _Guarded(pieces)
        found: list[SecretFact] = []
        try:
            found = self._scan_chunks(path, iter(guarded))
        except Exception as error:  # noqa: BLE001 - a scanner that breaks over one file goes on with the next
            self.outcomes.append(broken(SECRETS, path, error))
        if guarded.trouble is not None:
            raise guarded.trouble  # the layer's own, on its way through the scanner
        self._keep(found)

    def _searched(self, batch: list[tuple[str, Content]]) -> list[SecretFact]:
        try:
            return self._scanner.scan_batch(batch)
        except Exception as error:  # noqa: BLE001 - a scanner that breaks over one file goes on with the next
            if len(batch) == 1:
                self.outcomes.append(broken(SECRETS, batch[0][0], error))
                return []
        return [fact for one in batch for fact in self._searched([one])]

    def _search_beginning(self, path: str, pieces: Iterator[Content]) -> None:
        limit = self._limits.max_secret_file_bytes
        beginning = bytearray()
        for piece in pieces:
            beginning += piece[: limit - len(beginning)]
            if len(beginning) >= limit:
                break
        if 0 not in beginning[:SNIFFED_BYTES]:
            reason = f"only its first {limit} bytes were searched"
            self.outcomes.append(Outcome(plugin=SECRETS, status=OutcomeStatus.PARTIAL, location=path, reason=reason))
        self._keep(self._searched([(path, bytes(beginning))]))

    def _keep(self, found: Sequence[SecretFact]) -> None:
        self.found += found
        if len(self.found) > self._limits.max_secrets:
            raise BoundExceededError("max_secrets", self._limits.max_secrets, where=self._where)


class _Guarded:
    """Pieces of a file; remembers what went wrong with them, so that it is not laid at the scanner's door."""

    def __init__(self, pieces: Iterator[Content]) -> None:
        self._pieces = pieces
        self.trouble: BaseException | None = None

    def __iter__(self) -> Iterator[Content]:
        try:
            yield from self._pieces
        except Exception as error:
            self.trouble = error
            raise
