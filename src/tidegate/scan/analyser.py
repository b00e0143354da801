# SPDX-License-Identifier: Apache-2.0
"""What reads layers, by name and version: facts are kept under it, so a newer analyser finds anew."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from tidegate.inventory import SecretFact
from tidegate.scan.cataloger import Cataloger
from tidegate.scan.facts_store import FactsStore
from tidegate.scan.limits import ScanLimits

if TYPE_CHECKING:
    from tidegate.scan.dispatch import Dispatch

ENGINE_VERSION: Final = 2
"""Raised with every change of what the analysis itself finds in the same layer."""

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the layers done and all different layers, from the thread that asked for the scan."""


class SecretScanner(Protocol):
    """Looks for secrets in many files at once; serves several threads.

    Attributes:
        version: changes whenever the same bytes could give other facts.
    """

    version: str

    def scan_batch(self, files: Sequence[tuple[str, bytes | memoryview]]) -> list[SecretFact]:
        """Looks through files, given as path and content; keeps none of the contents."""
        ...


@dataclass(frozen=True, kw_only=True)
class Analyser:
    """What reads layers.

    Attributes:
        roster: the catalogers.
        secrets: the secret scanner; serves `workers` threads at once.
        limits: what a layer may cost.
        store: facts of layers already read; None keeps nothing.
        workers: layers read at once; each holds about 10 MB, and a package database while it is read.
    """

    roster: Sequence[Cataloger]
    secrets: SecretScanner
    limits: ScanLimits
    store: FactsStore | None = None
    workers: int = 2

    @cached_property
    def version(self) -> str:
        """Names everything that decides what is found."""
        return analyser_version(self.roster, self.secrets)

    @cached_property
    def dispatch(self) -> "Dispatch":
        """Which catalogers want which path."""
        from tidegate.scan.dispatch import Dispatch

        return Dispatch(self.roster)


def analyser_version(roster: Sequence[Cataloger], secrets: SecretScanner) -> str:
    """Names everything that decides what is found: the engine, the catalogers and the secret rules."""
    parts = [f"engine {ENGINE_VERSION}", *sorted(f"{item.name} {item.version}" for item in roster)]
    return hashlib.sha256("\n".join([*parts, f"secrets {secrets.version}"]).encode()).hexdigest()[:32]
