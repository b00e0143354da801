# SPDX-License-Identifier: Apache-2.0
"""What reads layers, by name and version: facts are kept under it, so a newer analyser finds anew."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, runtime_checkable

from tidegate.inventory import SecretFact
from tidegate.scan.cataloger import Cataloger
from tidegate.scan.digests import SUM_CHOICES, SUMS
from tidegate.scan.facts_store import FactsStore
from tidegate.scan.limits import ScanLimits
from tidegate.scan.parts import ALL_PARTS, ScanParts, with_more
from tidegate.scan.passing_over import NOTHING_PASSED_OVER, PassedOver

if TYPE_CHECKING:
    from tidegate.scan.dispatch import Dispatch

ENGINE_VERSION: Final = 4
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
        sums: digests of files that packages may own, beside sha256 (`tidegate.scan.digests.SUMS`).
        huge: held while catalogers are given a very large file whole, so that one worker at a time holds such.
    """

    roster: Sequence[Cataloger]
    secrets: SecretScanner
    limits: ScanLimits
    store: FactsStore | None = None
    workers: int = 2
    parts: ScanParts = ALL_PARTS
    passed_over: PassedOver = NOTHING_PASSED_OVER
    sums: tuple[str, ...] = SUMS
    huge: AbstractContextManager[object] = field(default_factory=Lock)

    @cached_property
    def version(self) -> str:
        """Names everything that decides what is found."""
        return self._version_for(self.parts)

    @cached_property
    def facts_version(self) -> str:
        """The same, and which digests of files facts hold."""
        return self._facts_version_for(self.parts, self.sums)

    def usable_versions(self) -> Iterator[str]:
        """Of facts that hold all that is looked for, and maybe more, least first; `tidegate.scan.parts.only` cuts."""
        for parts in (self.parts, *with_more(self.parts)):
            for sums in SUM_CHOICES if parts.custody else ((),):
                if not self.parts.custody or set(sums).issuperset(self.sums):
                    yield self._facts_version_for(parts, sums)

    def _facts_version_for(self, parts: ScanParts, sums: Sequence[str]) -> str:
        return "+".join((self._version_for(parts), *sums)) if parts.custody else self._version_for(parts)

    def _version_for(self, parts: ScanParts) -> str:
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
