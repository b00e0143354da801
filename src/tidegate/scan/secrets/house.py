# SPDX-License-Identifier: Apache-2.0
"""The house's own rules as a scanner that is known by its version, and imported when there is something to look at.

Four hundred rules take longer to import than a scan of layers that are known takes in all.
"""

import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from tidegate.inventory import SecretFact

if TYPE_CHECKING:
    from tidegate.scan.secrets.detector import SecretDetector

HOUSE_VERSION: Final = "7-d21334caa8e6"
"""What `SecretDetector().version` says. A test holds the two together, and tells what to write here."""


class HouseSecrets:
    """Finds secrets by the house's rules. One instance serves all threads."""

    version = HOUSE_VERSION

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: SecretDetector | None = None

    def scan_batch(self, files: Sequence[tuple[str, bytes | memoryview]]) -> list[SecretFact]:
        """As `SecretDetector.scan_batch`."""
        return self._detector.scan_batch(files)

    def scan_chunks(self, path: str, chunks: Iterator[bytes | memoryview]) -> list[SecretFact]:
        """As `SecretDetector.scan_chunks`."""
        return self._detector.scan_chunks(path, chunks)

    @property
    def _detector(self) -> "SecretDetector":
        with self._lock:
            if self._made is None:
                from tidegate.scan.secrets.detector import SecretDetector

                self._made = SecretDetector()
            return self._made
