# SPDX-License-Identifier: Apache-2.0
"""Which parts of a scan are wanted: what is not looked for costs nothing."""

from collections.abc import Iterator
from itertools import product
from typing import Final

from tidegate.inventory import LayerFacts
from tidegate.values import Struct, replace

SECRETS: Final = "secrets"
"""The secret scanner's name in outcomes."""


class ScanParts(Struct, frozen=True, kw_only=True):
    """What a scan looks for.

    Attributes:
        packages: components, by the catalogers; custody cannot do without them, so it brings them along.
        secrets: by the secret scanner.
        custody: digests of all files, and who answers for each.
    """

    packages: bool = True
    secrets: bool = True
    custody: bool = True

    @property
    def with_catalogers(self) -> bool:
        """True when catalogers are to read files."""
        return self.packages or self.custody

    @property
    def word(self) -> str:
        """Names the selection, for keys."""
        wanted = (("packages", self.with_catalogers), (SECRETS, self.secrets), ("custody", self.custody))
        return "+".join(name for name, is_wanted in wanted if is_wanted) or "nothing"


ALL_PARTS: Final = ScanParts()


def with_more(parts: ScanParts) -> Iterator[ScanParts]:
    """Selections that hold more than this one, least first; facts of any of them serve it through `only`."""
    every = (ScanParts(packages=a, secrets=b, custody=c) for c, b, a in product((False, True), repeat=3))
    needed = {name for name in ("with_catalogers", "secrets", "custody") if getattr(parts, name)}
    seen = {parts.word}
    for more in every:
        if more.word not in seen and all(getattr(more, name) for name in needed):
            seen.add(more.word)
            yield more


def only(facts: LayerFacts, parts: ScanParts, analyser: str) -> LayerFacts:
    """Facts of a larger selection cut down to this one, under its analyser version; digests in the tree may stay."""
    outcomes = facts.outcomes
    if not parts.secrets:
        outcomes = tuple(outcome for outcome in outcomes if outcome.plugin != SECRETS)
    if not parts.with_catalogers:
        outcomes = tuple(outcome for outcome in outcomes if outcome.plugin == SECRETS)
    return replace(
        facts,
        analyser=analyser,
        files=facts.files if parts.with_catalogers else (),
        secrets=facts.secrets if parts.secrets else (),
        outcomes=outcomes,
    )
