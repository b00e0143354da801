# SPDX-License-Identifier: Apache-2.0
"""What reads layers, by name and version: facts are kept under it, so a newer analyser finds anew."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, runtime_checkable

from tidegate.inventory import SecretFact
from tidegate.scan.cataloger import Cataloger
from tidegate.scan.facts_store import FactsStore
from tidegate.scan.limits import ScanLimits
from tidegate.scan.parts import ALL_PARTS, ScanParts
from tidegate.scan.passing_over import NOTHING_PASSED_OVER, PassedOver

if TYPE_CHECKING:
    from tidegate.scan.dispatch import Dispatch

ENGINE_VERSION: Final = 3
"""Raised with every change of what the analysis itself finds in the same layer."""

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the layers done and all different layers, from the thread that asked for the scan."""


class SecretScanner(Protocol):
    """Looks for secrets in many files at once; serves several threads.

    Attributes:
        version: changes whenever the same bytes could give other facts.
    """

    @property
    def version(self) -> str:
        """Names the rules."""
        ...

    def scan_batch(self, files: Sequence[tuple[str, bytes | memoryview]]) -> list[SecretFact]:
        """Looks through files, given as path and content; keeps none of the contents."""
        ...


@runtime_checkable
class ChunkScanner(Protocol):
    """A `SecretScanner` that takes large files piece by piece, too; without it only their beginning is searched."""

    def scan_chunks(self, path: str, chunks: Iterator[bytes | memoryview]) -> list[SecretFact]:
        """Looks through one file of any size, across the borders of its chunks.

        Each chunk is valid until the next is taken. It need not take all; what taking one raises is passed on.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Analyser:
    """What reads layers.

    Attributes:
        roster: the catalogers.
        secrets: the secret scanner; serves `workers` threads at once.
        limits: what a layer may cost.
        store: facts of layers already read; None keeps nothing.
        workers: layers read at once; each holds about 10 MB, and a package database while it is read. Above 1, a
            thread of its own inflates each layer ahead of who reads it.
        parts: what is looked for.
        passed_over: what is not told of. Layers are read whole all the same, so that their facts serve every scan.
        huge: held while catalogers are given a very large file whole, so that one worker at a time holds such.
    """

    roster: Sequence[Cataloger]
    secrets: SecretScanner
    limits: ScanLimits
    store: FactsStore | None = None
    workers: int = 2
    parts: ScanParts = ALL_PARTS
    passed_over: PassedOver = NOTHING_PASSED_OVER
    huge: Lock = field(default_factory=Lock)

    @cached_property
    def version(self) -> str:
        """Names everything that decides what is found."""
        return self.version_for(self.parts)

    def version_for(self, parts: ScanParts) -> str:
        """The same, were other parts looked for."""
        told = [f"engine {ENGINE_VERSION}", parts.word]
        if parts.with_catalogers:
            told += sorted(f"{item.name} {item.version}" for item in self.roster)
        if parts.secrets:
            told.append(f"secrets {self.secrets.version}")
        return hashlib.sha256("\n".join(told).encode()).hexdigest()[:32]

    @cached_property
    def dispatch(self) -> "Dispatch":
        """Which catalogers want which path."""
        from tidegate.scan.dispatch import Dispatch

        return Dispatch(self.roster if self.parts.with_catalogers else ())
